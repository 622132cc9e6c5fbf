import { nls } from '@theia/core/lib/common/nls';
import { Resource, ResourceResolver } from '@theia/core/lib/common/resource';
import URI from '@theia/core/lib/common/uri';
import { RequestType } from '@theia/core/shared/vscode-languageserver-protocol';
import { LanguageServers } from './language-servers';
import { LIBRARY_SCHEME, toServerUri } from './library-uris';

/** Of version 3.18 of the protocol. */
const CONTENT = new RequestType<{ uri: string }, { text: string }, void>('workspace/textDocumentContent');

/** Files that only the language servers see, to be read. */
export class LibraryFiles implements ResourceResolver {

    /** @param servers not before the first such file is read: they need what is needed to read settings. */
    constructor(protected readonly servers: () => LanguageServers) { }

    resolve(uri: URI): Resource {
        if (uri.scheme !== LIBRARY_SCHEME) {
            throw new Error(`Not a file of a language's library: ${uri}`);
        }
        return { uri, readOnly: true, readContents: () => this.read(uri), dispose: () => undefined };
    }

    protected async read(uri: URI): Promise<string> {
        const content = await this.servers().get(uri.authority)?.ready?.ask(CONTENT, { uri: toServerUri(uri.toString()) });
        return content?.text
            ?? nls.localize('theia-bridge/languages/noLibrary', 'The language server does not show {0} at the moment. Close it, and go to the definition again.', uri.path.toString());
    }
}
