import { Emitter } from '@theia/core/lib/common/event';
import { CodeLens, CodeLensRefreshRequest, CodeLensRequest, CodeLensResolveRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { LanguageSession } from '../language-server';
import { LIBRARY_SCHEME } from '../library-uris';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

/** A lens of the editor that knows the server's. */
interface ServedLens extends monaco.languages.CodeLens {
    readonly served: CodeLens;
}

export const codeLenses: Feature = (session, { convert }) => {
    const offered = session.capabilities.codeLensProvider;
    if (!offered) {
        return undefined;
    }
    const refresh = new Emitter<monaco.languages.CodeLensProvider>();
    const provider: monaco.languages.CodeLensProvider = {
        onDidChange: refresh.event,
        provideCodeLenses: async (model, token) => {
            if (model.uri.scheme === LIBRARY_SCHEME) {
                // Nobody runs a library.
                return undefined;
            }
            const found = await session.ask(CodeLensRequest.type, { textDocument: convert.document(model) }, token);
            return { lenses: (found ?? []).map(lens => convertLens(session, convert, lens)) };
        },
        ...offered.resolveProvider && {
            resolveCodeLens: async (_model, lens, token) => {
                const resolved = await session.ask(CodeLensResolveRequest.type, (lens as ServedLens).served, token);
                return resolved ? convertLens(session, convert, resolved) : lens;
            }
        }
    };
    session.toDispose.pushAll([refresh, session.connection.onRequest(CodeLensRefreshRequest.type, () => { refresh.fire(provider); })]);
    return monaco.languages.registerCodeLensProvider(session.language, provider);
};

function convertLens(session: LanguageSession, convert: ProtocolConversions, served: CodeLens): ServedLens {
    return { range: convert.range(served.range), command: served.command && convert.command(session.language, served.command), served };
}
