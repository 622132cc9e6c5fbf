import URI from '@theia/core/lib/common/uri';

/** The server's name of a `file:` resource. */
export function toPath(uri: string): string {
    return new URI(uri).path.toString();
}

/** The `file:` resource of a server's path; encodes what has a meaning in URIs, as in `50%.txt` or `a#b`. */
export function toUri(path: string): URI {
    return URI.fromComponents({ scheme: 'file', authority: '', path, query: '', fragment: '' });
}
