import { CancellationToken } from '@theia/core/lib/common/cancellation';
import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { RpcProxy } from '@theia/core/lib/common/messaging/proxy-factory';
import { MarkdownString, MarkdownStringImpl } from '@theia/core/lib/common/markdown-rendering';
import { nls } from '@theia/core/lib/common/nls';
import { Deferred } from '@theia/core/lib/common/promise-util';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import {
    FileChangeType, FileDeleteOptions, FileOverwriteOptions, FilePermission, FileReadStreamOptions, FileStat, FileSystemProviderCapabilities,
    FileType, FileUpdateResult, FileWriteOptions, Stat, WatchOptions
} from '@theia/filesystem/lib/common/files';
import { FileAccess } from '@theia/filesystem/lib/common/filesystem';
import { RemoteFileStreamError, RemoteFileSystemClient, RemoteFileSystemServer } from '@theia/filesystem/lib/common/remote-file-system-provider';
import { BridgeError } from '../../common/bridge-error';
import * as protocol from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toFileSystemError } from './file-errors';
import { toName, toPath, toUri } from './file-paths';
import { CHANNEL_BYTES, FileTransfer } from './file-transfer';
import { FileWatches } from './file-watches';
import { listFolder, listPages } from './list-folder';
import { PrimedStats } from './primed-stats';

const FILE_TYPES: Record<protocol.Stat['type'], FileType> = {
    file: FileType.File,
    directory: FileType.Directory,
    symlink: FileType.SymbolicLink
};

/** A file that does not fit into one frame is read in pieces of this size. */
const READ_PIECE_BYTES = 32 * 1024 * 1024;

/** One that is read as a stream, in these: the reader works on one while the next is on its way. */
const STREAM_PIECE_BYTES = 1024 * 1024;

/** A file that changes under our hands this often while it is read in pieces is given up. */
const READ_ATTEMPTS = 3;

/** A write that must replace a certain version; `written` is what came of it. */
export interface ConditionalWrite {
    readonly ifMatch: string;
    written?: protocol.Stat;
}

/** Theia's files, kept by the server. */
@injectable()
export class BridgeFileSystemServer implements RpcProxy<RemoteFileSystemServer> {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(FileTransfer)
    protected readonly transfer: FileTransfer;

    protected readonly toDispose = new DisposableCollection();
    protected readonly stats = new PrimedStats();
    protected watches: FileWatches;
    protected client: RemoteFileSystemClient | undefined;
    protected readonly expected = new WeakMap<Uint8Array, ConditionalWrite>();

    /**
     * The etags of the contents read last, by path; of a stream it comes with the first piece, and of one that cannot
     * be read there is none. Whoever reads takes them away again.
     */
    readonly lastRead = new Map<string, string | Promise<string | undefined>>();

    protected readonly onDidTrashEmitter = new Emitter<string>();
    /** Fires with the path of what this page has moved to the trash. */
    readonly onDidTrash: Event<string> = this.onDidTrashEmitter.event;

    // Theia would set up its watches anew whenever this fires; `FileWatches` resumes them, missing nothing.
    readonly onDidOpenConnection: Event<void> = Event.None;
    readonly onDidCloseConnection: Event<void> = Event.None;

    /** Fires with a folder below which changes were missed. */
    get onDidLoseTrack(): Event<string> {
        return this.watches.onDidLoseTrack;
    }

    @postConstruct()
    protected init(): void {
        this.watches = new FileWatches(this.connection);
        this.toDispose.pushAll([this.watches, this.onDidTrashEmitter]);
        this.toDispose.push(this.watches.onDidChange(changes => this.reportChanges(changes)));
        this.toDispose.push(Disposable.create(() => this.stats.forget()));
    }

    dispose(): void {
        this.toDispose.dispose();
    }

    setClient(client: RemoteFileSystemClient | undefined): void {
        this.client = client;
    }

    /** Makes Theia look again at what may have changed. */
    reportChanges(changes: readonly { type: FileChangeType, path: string }[]): void {
        this.stats.forget();
        this.client?.notifyDidChangeFile({
            changes: changes.map(({ type, path }) => ({ type, resource: toUri(path).toString() }))
        });
    }

    async getCapabilities(): Promise<FileSystemProviderCapabilities> {
        const { role } = await this.connection.info;
        return (role === 'viewer' ? FileSystemProviderCapabilities.Readonly : FileSystemProviderCapabilities.None)
            | FileSystemProviderCapabilities.FileReadWrite
            | FileSystemProviderCapabilities.FileReadStream
            | FileSystemProviderCapabilities.FileFolderCopy
            | FileSystemProviderCapabilities.Access
            | FileSystemProviderCapabilities.Trash
            | FileSystemProviderCapabilities.PathCaseSensitive;
    }

    async getReadOnlyMessage(): Promise<MarkdownString | undefined> {
        const { role } = await this.connection.info;
        return role === 'viewer'
            ? new MarkdownStringImpl(nls.localize('theia-bridge/files/viewer', 'You are a viewer here: you may read, but not change anything.'))
            : undefined;
    }

    async stat(resource: string): Promise<Stat> {
        const path = toPath(resource);
        return this.toStat(this.stats.take(path) ?? await this.ask(() => this.connection.request('fs.stat', { path })));
    }

    async readdir(resource: string): Promise<[string, FileType][]> {
        const path = toPath(resource);
        const entries = await this.ask(() => listFolder(this.connection, path));
        this.stats.prime(path, entries);
        return entries.map(({ name, stat }) => [toName(name), FILE_TYPES[stat.type]]);
    }

    /** A folder's entries page by page; the first one comes soon. */
    async *list(folder: URI): AsyncGenerator<FileStat[]> {
        try {
            for await (const page of listPages(this.connection, toPath(folder.toString()))) {
                yield page.map(({ name, stat }) => FileStat.fromStat(folder.withPath(folder.path.join(toName(name))), this.toStat(stat)));
            }
        } catch (error) {
            throw toFileSystemError(error);
        }
    }

    async readFile(resource: string): Promise<Uint8Array> {
        const path = toPath(resource);
        for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
            const content = await this.ask(() => this.readPieces(path));
            if (content) {
                return content;
            }
        }
        throw toFileSystemError(BridgeError.unavailable(`${path} changes faster than it can be read.`));
    }

    async writeFile(resource: string, content: Uint8Array, { create, overwrite }: FileWriteOptions): Promise<void> {
        const write = this.expected.get(content);
        const ifMatch = write?.ifMatch;
        const path = toPath(resource);
        const written = await this.change(() => content.byteLength > CHANNEL_BYTES
            ? this.transfer.put(path, new Blob([content as Uint8Array<ArrayBuffer>]), { create, overwrite, ifMatch })
            : this.connection.mutate('fs.writeFile', { path, content, create, overwrite, ifMatch }));
        if (write) {
            write.written = written;
        }
    }

    /** Makes the write of these very bytes depend on the version it replaces. */
    expect(content: Uint8Array, ifMatch: string): ConditionalWrite {
        const write: ConditionalWrite = { ifMatch };
        this.expected.set(content, write);
        return write;
    }

    async mkdir(resource: string): Promise<void> {
        await this.change(() => this.connection.mutate('fs.createDirectory', { path: toPath(resource) }));
    }

    async delete(resource: string, { recursive, useTrash }: FileDeleteOptions): Promise<void> {
        const path = toPath(resource);
        await this.change(() => this.connection.mutate('fs.delete', { path, recursive, useTrash }));
        if (useTrash) {
            this.onDidTrashEmitter.fire(path);
        }
    }

    async rename(source: string, target: string, { overwrite }: FileOverwriteOptions): Promise<void> {
        await this.change(() => this.connection.mutate('fs.rename', { source: toPath(source), target: toPath(target), overwrite }));
    }

    async copy(source: string, target: string, { overwrite }: FileOverwriteOptions): Promise<void> {
        await this.change(() => this.connection.mutate('fs.copy', { source: toPath(source), target: toPath(target), overwrite }));
    }

    async watch(watcher: number, resource: string, { recursive, excludes }: WatchOptions): Promise<void> {
        await this.watches.watch(watcher, toPath(resource), recursive, excludes);
    }

    async unwatch(watcher: number): Promise<void> {
        await this.watches.unwatch(watcher);
    }

    async fsPath(resource: string): Promise<string> {
        return toPath(resource);
    }

    async access(resource: string, mode = FileAccess.Constants.F_OK): Promise<void> {
        const { permissions } = await this.stat(resource);
        if (mode & FileAccess.Constants.W_OK && permissions === FilePermission.Readonly) {
            throw toFileSystemError(new BridgeError(`${toPath(resource)} is read-only.`, 'NoPermissions'));
        }
    }

    /** Settles when the last piece is told. */
    async readFileStream(resource: string, handle: number, options: FileReadStreamOptions, token: CancellationToken): Promise<void> {
        const path = toPath(resource);
        const etag = new Deferred<string | undefined>();
        this.lastRead.set(path, etag.promise);
        try {
            for await (const piece of this.readStream(path, options, etag)) {
                if (token.isCancellationRequested) {
                    return;
                }
                this.client?.onFileStreamData(handle, piece);
            }
            this.client?.onFileStreamEnd(handle, undefined);
        } catch (error) {
            this.client?.onFileStreamEnd(handle, toFileSystemError(error) as RemoteFileStreamError);
        } finally {
            etag.resolve(undefined);
        }
    }

    // Theia asks for these only where the capabilities offer them.

    open(): Promise<number> {
        return this.refuse('open');
    }

    close(): Promise<void> {
        return this.refuse('close');
    }

    read(): Promise<{ bytes: Uint8Array, bytesRead: number }> {
        return this.refuse('read');
    }

    write(): Promise<number> {
        return this.refuse('write');
    }

    updateFile(): Promise<FileUpdateResult> {
        return this.refuse('updateFile');
    }

    protected async refuse(operation: string): Promise<never> {
        throw toFileSystemError(new Error(`Not supported: ${operation}.`));
    }

    /** @returns nothing if the file changed between two pieces. */
    protected async readPieces(path: string): Promise<Uint8Array | undefined> {
        const first = await this.connection.request('fs.readFile', { path, length: READ_PIECE_BYTES });
        if (first.content.byteLength === first.size) {
            this.lastRead.set(path, first.etag);
            return first.content;
        }
        const whole = new Uint8Array(first.size);
        whole.set(first.content);
        let offset = first.content.byteLength;
        while (offset < first.size) {
            const piece = await this.connection.request('fs.readFile', { path, offset, length: READ_PIECE_BYTES });
            if (piece.etag !== first.etag || piece.content.byteLength === 0) {
                return undefined;
            }
            whole.set(piece.content, offset);
            offset += piece.content.byteLength;
        }
        this.lastRead.set(path, first.etag);
        return whole;
    }

    /** The pieces of one version of a file; `etag` is resolved with the first. */
    protected async *readStream(
        path: string, { position = 0, length = Infinity, limits }: FileReadStreamOptions, etag: Deferred<string | undefined>
    ): AsyncGenerator<Uint8Array> {
        const read = (from: number): Promise<protocol.FileContent> => {
            const piece = this.connection.request('fs.readFile', {
                path, offset: from, length: Math.min(STREAM_PIECE_BYTES, position + length - from)
            });
            // Whether anybody waits for it or not.
            piece.catch(() => undefined);
            return piece;
        };
        let piece = await read(position);
        const { size, etag: version } = piece;
        const end = Math.min(size, position + length);
        if (end - position > Math.min(limits?.size ?? Infinity, limits?.memory ?? Infinity)) {
            throw new BridgeError(`${path} is too large to open.`, 'FileTooLarge');
        }
        etag.resolve(version);
        for (let offset = position; offset < end;) {
            if (piece.etag !== version || piece.content.byteLength === 0) {
                throw BridgeError.unavailable(`${path} was changed while it was read: read it again.`);
            }
            offset += piece.content.byteLength;
            const next = offset < end ? read(offset) : undefined;
            yield piece.content;
            if (next) {
                piece = await next;
            }
        }
    }

    protected toStat({ type, size, ctime, mtime, readonly }: protocol.Stat): Stat {
        return { type: FILE_TYPES[type], size, ctime, mtime, permissions: readonly ? FilePermission.Readonly : undefined };
    }

    protected async ask<T>(request: () => Promise<T>): Promise<T> {
        try {
            return await request();
        } catch (error) {
            throw toFileSystemError(error);
        }
    }

    protected async change<T>(request: () => Promise<T>): Promise<T> {
        this.stats.forget();
        return this.ask(request);
    }
}
