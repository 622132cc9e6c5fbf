import URI from '@theia/core/lib/common/uri';
import { FileVersion } from '../../common/protocol.generated';
import { toPath, toUri } from '../files/file-paths';

/** Earlier contents of files, which can be read but not written. */
export const VERSION_SCHEME = 'theia-bridge-version';

/** A version of a file; `uri` is that of the file. */
export interface VersionOfFile {
    readonly uri: URI;
    readonly version: string;
    readonly savedAt: number;
}

/** Under this it is opened. Its path is the file's, so that it looks like one of its kind. */
export function toVersionUri({ uri, version, savedAt }: VersionOfFile): URI {
    return uri.withScheme(VERSION_SCHEME).withQuery(`${savedAt}.${version}`);
}

export function fromVersionUri(uri: URI): VersionOfFile | undefined {
    const [, savedAt, version] = /^(\d+)\.(.+)$/.exec(uri.query) ?? [];
    return uri.scheme === VERSION_SCHEME && version !== undefined
        ? { uri: toUri(toPath(uri.withQuery('').toString())), version, savedAt: Number(savedAt) }
        : undefined;
}

export function toVersionOfFile(uri: URI, { version, savedAt }: FileVersion): VersionOfFile {
    return { uri, version, savedAt };
}
