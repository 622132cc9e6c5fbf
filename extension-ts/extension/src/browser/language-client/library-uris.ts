import URI from '@theia/core/lib/common/uri';
import { HOME_URI, WORKSPACE_URI } from '../../common/roots';

/**
 * What only language servers see: files of their machine that are not the session's, such as the standard library. The
 * authority is the language, whose server is asked for the text.
 */
export const LIBRARY_SCHEME = 'theia-bridge-library';

const ROOTS = [WORKSPACE_URI, HOME_URI].map(root => new URI(root));

/** The editor's name for what a server calls by a URI. */
export function toEditorUri(uri: string, language: string): string {
    const served = new URI(uri);
    return served.scheme !== 'file' || isOfSession(served) ? uri : served.withScheme(LIBRARY_SCHEME).withAuthority(language).toString();
}

/** The server's name for a document of the editor. */
export function toServerUri(uri: string): string {
    return uri.startsWith(`${LIBRARY_SCHEME}:`) ? new URI(uri).withScheme('file').withAuthority('').toString() : uri;
}

export function isOfSession(uri: URI): boolean {
    return ROOTS.some(root => root.isEqualOrParent(uri));
}
