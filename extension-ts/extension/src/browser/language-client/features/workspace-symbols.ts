import { SymbolInformation, WorkspaceSymbol, WorkspaceSymbolRequest, WorkspaceSymbolResolveRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import { MonacoLanguages } from '@theia/monaco/lib/browser/monaco-languages';
import { toEditorUri, toServerUri } from '../library-uris';
import { Feature } from './feature';

const BEGINNING = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** For going to a symbol of the workspace, which is Theia's own and not the editor's. */
export const workspaceSymbols = (languages: MonacoLanguages): Feature => session => {
    const offered = session.capabilities.workspaceSymbolProvider;
    if (!offered) {
        return undefined;
    }
    /** A server may leave the place in the file for later, which Theia does not know of. */
    const placed = (symbol: WorkspaceSymbol | SymbolInformation): SymbolInformation => ({
        ...symbol, location: { range: BEGINNING, ...symbol.location, uri: toEditorUri(symbol.location.uri, session.language) }
    });
    return languages.registerWorkspaceSymbolProvider({
        provideWorkspaceSymbols: async (params, token) => {
            const found: (WorkspaceSymbol | SymbolInformation)[] | null | undefined = await session.ask(WorkspaceSymbolRequest.type, params, token);
            return found?.map(placed);
        },
        ...typeof offered === 'object' && offered.resolveProvider && {
            resolveWorkspaceSymbol: async (symbol, token) => {
                const resolved = await session.ask(WorkspaceSymbolResolveRequest.type, {
                    ...symbol, location: { ...symbol.location, uri: toServerUri(symbol.location.uri) }
                }, token);
                return resolved && placed(resolved);
            }
        }
    });
};
