import { DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter } from '@theia/core/lib/common/event';
import {
    SemanticTokens, SemanticTokensDelta, SemanticTokensDeltaRequest, SemanticTokensRangeRequest, SemanticTokensRefreshRequest, SemanticTokensRequest,
    SemanticTokenTypes
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { Feature } from './feature';

/**
 * Theia's themes colour TextMate scopes and know nothing of the protocol's types of tokens, so that the editor is told
 * scopes instead. These are the ones by which VS Code colours tokens in such themes. A type without a scope keeps the
 * colour of the grammar.
 */
const SCOPES: Readonly<Record<string, string>> = {
    [SemanticTokenTypes.namespace]: 'entity.name.namespace',
    [SemanticTokenTypes.type]: 'entity.name.type',
    [SemanticTokenTypes.class]: 'entity.name.type.class',
    [SemanticTokenTypes.enum]: 'entity.name.type.enum',
    [SemanticTokenTypes.interface]: 'entity.name.type.interface',
    [SemanticTokenTypes.struct]: 'entity.name.type.struct',
    [SemanticTokenTypes.typeParameter]: 'entity.name.type.parameter',
    [SemanticTokenTypes.parameter]: 'variable.parameter',
    [SemanticTokenTypes.variable]: 'variable.other.readwrite',
    [SemanticTokenTypes.property]: 'variable.other.property',
    [SemanticTokenTypes.enumMember]: 'variable.other.enummember',
    [SemanticTokenTypes.function]: 'entity.name.function',
    [SemanticTokenTypes.method]: 'entity.name.function.member',
    [SemanticTokenTypes.decorator]: 'entity.name.function'
};

export const semanticTokens: Feature = (session, { convert }) => {
    const offered = session.capabilities.semanticTokensProvider;
    if (!offered) {
        return undefined;
    }
    const legend: monaco.languages.SemanticTokensLegend = {
        // The editor leaves a token without a type as it is.
        tokenTypes: offered.legend.tokenTypes.map(type => SCOPES[type] ?? ''),
        tokenModifiers: offered.legend.tokenModifiers
    };
    const refresh = new Emitter<void>();
    session.toDispose.pushAll([refresh, session.connection.onRequest(SemanticTokensRefreshRequest.type, () => { refresh.fire(); })]);
    const registered = new DisposableCollection();
    if (offered.full) {
        const byDelta = typeof offered.full === 'object' && !!offered.full.delta;
        registered.push(monaco.languages.registerDocumentSemanticTokensProvider(session.language, {
            onDidChange: refresh.event,
            getLegend: () => legend,
            provideDocumentSemanticTokens: async (model, lastResultId, token) => {
                const textDocument = convert.document(model);
                const found = byDelta && lastResultId
                    ? await session.ask(SemanticTokensDeltaRequest.type, { textDocument, previousResultId: lastResultId }, token)
                    : await session.ask(SemanticTokensRequest.type, { textDocument }, token);
                return found && convertTokens(found);
            },
            releaseDocumentSemanticTokens: () => undefined
        }));
    }
    if (offered.range) {
        registered.push(monaco.languages.registerDocumentRangeSemanticTokensProvider(session.language, {
            onDidChange: refresh.event,
            getLegend: () => legend,
            provideDocumentRangeSemanticTokens: async (model, range, token) => {
                const found = await session.ask(SemanticTokensRangeRequest.type, {
                    textDocument: convert.document(model), range: convert.m2p.asRange(range)
                }, token);
                return found && { data: Uint32Array.from(found.data) };
            }
        }));
    }
    return registered;
};

function convertTokens(found: SemanticTokens | SemanticTokensDelta): monaco.languages.SemanticTokens | monaco.languages.SemanticTokensEdits {
    return SemanticTokens.is(found)
        ? { resultId: found.resultId, data: Uint32Array.from(found.data) }
        : {
            resultId: found.resultId,
            edits: found.edits.map(({ start, deleteCount, data }) => ({ start, deleteCount, data: data && Uint32Array.from(data) }))
        };
}
