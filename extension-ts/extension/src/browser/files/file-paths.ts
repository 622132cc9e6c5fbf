import URI from '@theia/core/lib/common/uri';

/** Theia takes every backslash for a separator, so in names it sees this look-alike instead. */
const LOOKALIKE = '\u29f5';
/** Precedes a look-alike, or one of these, that is in the name itself. For private use, so hardly ever met. */
const ESCAPE = '\uf05c';

/** What Theia calls a file the server knows by this name; `toPath` is the way back. */
export function toName(name: string): string {
    return name.replace(/[\\\u29f5\uf05c]/g, character => character === '\\' ? LOOKALIKE : ESCAPE + character);
}

/** The server's name for what Theia calls a file; also of several with slashes between. */
export function fromName(name: string): string {
    return name.replace(/\uf05c([\u29f5\uf05c])|\u29f5/g, (_, escaped?: string) => escaped ?? '\\');
}

/** The scheme of the server's files: Theia's own, where there are no others. */
let scheme = 'file';

/** Serves them under another one, beside the files of a Node backend. Called before anything is made. */
export function serveFilesAs(other: string): void {
    scheme = other;
}

export function servedScheme(): string {
    return scheme;
}

/** Whether the server keeps it. */
export function isServed(uri: URI): boolean {
    return uri.scheme === scheme;
}

/** The server's name of a resource it keeps. A folder's may end in a slash in Theia, but never on the server. */
export function toPath(uri: string): string {
    const path = fromName(new URI(uri).path.toString());
    return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The resource of a server's path; encodes what has a meaning in URIs, as in `50%.txt` or `a#b`. */
export function toUri(path: string): URI {
    return URI.fromComponents({ scheme, authority: '', path: toName(path), query: '', fragment: '' });
}

/** The same path below the REST resource of all files. */
export function toResourcePath(path: string): string {
    return path.split('/').slice(1).map(encodeURIComponent).join('/');
}
