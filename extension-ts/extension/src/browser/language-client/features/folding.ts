import { FoldingRangeRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { Feature } from './feature';

export const folding: Feature = (session, { convert }) => session.capabilities.foldingRangeProvider
    ? monaco.languages.registerFoldingRangeProvider(session.language, {
        provideFoldingRanges: async (model, _context, token) => {
            const found = await session.ask(FoldingRangeRequest.type, { textDocument: convert.document(model) }, token);
            return found?.map(({ startLine, endLine, kind }) => ({
                start: startLine + 1, end: endLine + 1, kind: kind ? monaco.languages.FoldingRangeKind.fromValue(kind) : undefined
            }));
        }
    })
    : undefined;
