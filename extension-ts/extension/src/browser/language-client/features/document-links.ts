import { DocumentLink, DocumentLinkRequest, DocumentLinkResolveRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { LanguageSession } from '../language-server';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

/** A link of the editor that knows the server's. */
interface ServedLink extends monaco.languages.ILink {
    readonly served: DocumentLink;
}

export const documentLinks: Feature = (session, { convert }) => {
    const offered = session.capabilities.documentLinkProvider;
    return offered && monaco.languages.registerLinkProvider(session.language, {
        provideLinks: async (model, token) => {
            const found = await session.ask(DocumentLinkRequest.type, { textDocument: convert.document(model) }, token);
            return { links: (found ?? []).map(link => convertLink(session, convert, link)) };
        },
        ...offered.resolveProvider && {
            resolveLink: async (link, token) => {
                const resolved = await session.ask(DocumentLinkResolveRequest.type, (link as ServedLink).served, token);
                return resolved ? convertLink(session, convert, resolved) : link;
            }
        }
    });
};

function convertLink(session: LanguageSession, convert: ProtocolConversions, served: DocumentLink): ServedLink {
    return { range: convert.range(served.range), url: served.target && convert.target(session.language, served.target), tooltip: served.tooltip, served };
}
