import URI from '@theia/core/lib/common/uri';

/** The server's name of a `file:` resource. A folder's may end in a slash in Theia, but never on the server. */
export function toPath(uri: string): string {
    const path = new URI(uri).path.toString();
    return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The `file:` resource of a server's path; encodes what has a meaning in URIs, as in `50%.txt` or `a#b`. */
export function toUri(path: string): URI {
    return URI.fromComponents({ scheme: 'file', authority: '', path, query: '', fragment: '' });
}
