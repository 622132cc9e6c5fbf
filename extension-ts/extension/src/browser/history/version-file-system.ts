import { Disposable } from '@theia/core/lib/common/disposable';
import { Event } from '@theia/core/lib/common/event';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileService, FileServiceContribution } from '@theia/filesystem/lib/browser/file-service';
import {
    FileChange, FilePermission, FileSystemProvider, FileSystemProviderCapabilities, FileType, Stat
} from '@theia/filesystem/lib/common/files';
import { BridgeError } from '../../common/bridge-error';
import { FileContent } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toFileSystemError } from '../files/file-errors';
import { toPath } from '../files/file-paths';
import { fromVersionUri, VERSION_SCHEME } from './file-versions';

/** A large version is read in pieces of this size. */
const PIECE_BYTES = 32 * 1024 * 1024;

/** Lets Theia open earlier contents of files as it opens files: in their encoding, in their language, read-only. */
@injectable()
export class VersionFileSystemProvider implements FileSystemProvider, FileServiceContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    readonly capabilities = FileSystemProviderCapabilities.FileReadWrite
        | FileSystemProviderCapabilities.Readonly
        | FileSystemProviderCapabilities.PathCaseSensitive;

    readonly onDidChangeCapabilities: Event<void> = Event.None;
    readonly onDidChangeFile: Event<readonly FileChange[]> = Event.None;
    readonly onFileWatchError: Event<void> = Event.None;

    registerFileSystemProviders(service: FileService): void {
        service.registerProvider(VERSION_SCHEME, this);
    }

    /** They never change. */
    watch(): Disposable {
        return Disposable.NULL;
    }

    async stat(resource: URI): Promise<Stat> {
        const { size } = await this.readVersion(resource, 0, 0);
        const { savedAt } = fromVersionUri(resource)!;
        return { type: FileType.File, size, ctime: savedAt, mtime: savedAt, permissions: FilePermission.Readonly };
    }

    async readFile(resource: URI): Promise<Uint8Array> {
        const { content, size } = await this.readVersion(resource, 0, PIECE_BYTES);
        if (content.byteLength === size) {
            return content;
        }
        const whole = new Uint8Array(size);
        whole.set(content);
        for (let offset = content.byteLength; offset < size; offset += PIECE_BYTES) {
            whole.set((await this.readVersion(resource, offset, PIECE_BYTES)).content, offset);
        }
        return whole;
    }

    writeFile(): Promise<void> {
        return this.refuse();
    }

    mkdir(): Promise<void> {
        return this.refuse();
    }

    readdir(): Promise<[string, FileType][]> {
        return this.refuse();
    }

    delete(): Promise<void> {
        return this.refuse();
    }

    rename(): Promise<void> {
        return this.refuse();
    }

    protected async readVersion(resource: URI, offset: number, length: number): Promise<FileContent> {
        const found = fromVersionUri(resource);
        try {
            if (!found) {
                throw new BridgeError(`${resource} is not a version of a file.`, 'FileNotFound');
            }
            return await this.connection.request('fs.readVersion', { path: toPath(found.uri.toString()), version: found.version, offset, length });
        } catch (error) {
            throw toFileSystemError(error);
        }
    }

    protected async refuse(): Promise<never> {
        throw toFileSystemError(new BridgeError('An earlier version of a file cannot be changed.', 'NoPermissions'));
    }
}
