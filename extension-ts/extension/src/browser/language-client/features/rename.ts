import { PrepareRenameRequest, Range, RenameRequest, ResponseError } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { Feature } from './feature';

const NOT_HERE = 'Nothing here can be renamed.';

/** A server says by an error what is wrong with a name or a place. */
function reason(error: unknown): string {
    if (error instanceof ResponseError) {
        return error.message;
    }
    throw error;
}

export const rename: Feature = (session, { convert }) => {
    const offered = session.capabilities.renameProvider;
    return offered ? monaco.languages.registerRenameProvider(session.language, {
        provideRenameEdits: async (model, position, newName, token) => {
            try {
                const edit = await session.demand(RenameRequest.type, { ...convert.at(model, position), newName }, token);
                return edit ? convert.workspaceEdit(edit) : { edits: [], rejectReason: NOT_HERE };
            } catch (error) {
                return { edits: [], rejectReason: reason(error) };
            }
        },
        ...typeof offered === 'object' && offered.prepareProvider && {
            resolveRenameLocation: async (model, position, token) => {
                const word = model.getWordAtPosition(position);
                const here = new monaco.Range(position.lineNumber, word?.startColumn ?? position.column, position.lineNumber, word?.endColumn ?? position.column);
                try {
                    const found = await session.demand(PrepareRenameRequest.type, convert.at(model, position), token);
                    if (!found) {
                        return { range: here, text: '', rejectReason: NOT_HERE };
                    }
                    const range = Range.is(found) ? convert.range(found) : 'range' in found ? convert.range(found.range) : here;
                    return { range, text: 'placeholder' in found ? found.placeholder : model.getValueInRange(range) };
                } catch (error) {
                    return { range: here, text: '', rejectReason: reason(error) };
                }
            }
        }
    }) : undefined;
};
