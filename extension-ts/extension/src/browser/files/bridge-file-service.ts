import { BinaryBuffer, BinaryBufferReadable, BinaryBufferReadableStream } from '@theia/core/lib/common/buffer';
import { isReadableStream } from '@theia/core/lib/common/stream';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { FileContent, FileStatWithMetadata, FileStreamContent, ReadFileOptions, Stat, WriteFileOptions } from '@theia/filesystem/lib/common/files';
import { BridgeFileSystemServer } from './bridge-file-system-server';
import { isServed, toPath } from './file-paths';

/** Tells the server's etags from those that Theia makes of a time and a size. */
const MARK = 'bridge:';

/**
 * Saves only over the version that was read.
 *
 * Theia takes a file for unchanged while its size is the same, and looks before it writes. Here what is read carries the
 * server's etag of that very content, the editor hands it back when it saves, and the server compares at the moment of
 * writing. A difference is reported as `FILE_MODIFIED_SINCE`, at which Theia asks whether to overwrite and then saves
 * without an etag. What is written by others than editors has none either.
 */
@injectable()
export class BridgeFileService extends FileService {

    @inject(BridgeFileSystemServer)
    protected readonly files: BridgeFileSystemServer;

    protected readonly reading = new Map<string, Promise<unknown>>();

    override readFile(resource: URI, options?: ReadFileOptions): Promise<FileContent> {
        return this.withEtag(resource, () => super.readFile(resource, options));
    }

    override readFileStream(resource: URI, options?: ReadFileOptions): Promise<FileStreamContent> {
        return this.withEtag(resource, () => super.readFileStream(resource, options));
    }

    override async writeFile(
        resource: URI, content: BinaryBuffer | BinaryBufferReadable | BinaryBufferReadableStream, options?: WriteFileOptions
    ): Promise<FileStatWithMetadata> {
        const etag = options?.etag;
        if (!etag?.startsWith(MARK)) {
            return super.writeFile(resource, content, options);
        }
        // Theia hands the bytes through to the server as they are, so they can be told again there.
        const buffer = await this.gather(content);
        const write = this.files.expect(buffer.buffer, etag.slice(MARK.length));
        const stat = await super.writeFile(resource, buffer, options);
        // Asked for after the write, `stat` may be of somebody else's next version.
        return write.written ? { ...stat, mtime: write.written.mtime, etag: MARK + write.written.etag } : stat;
    }

    protected override modifiedSince(stat: Stat, options?: WriteFileOptions): boolean {
        return !options?.etag?.startsWith(MARK) && super.modifiedSince(stat, options);
    }

    /** One read of a file at a time, so that the etag is that of the content at hand. */
    protected async withEtag<T extends FileContent | FileStreamContent>(resource: URI, read: () => Promise<T>): Promise<T> {
        const underlying = await this.toUnderlyingResource(resource);
        if (!isServed(underlying)) {
            return read();
        }
        const path = toPath(underlying.toString());
        const mine = (this.reading.get(path) ?? Promise.resolve()).then(async () => {
            try {
                const content = await read();
                const etag = await this.files.lastRead.get(path);
                return etag === undefined ? content : { ...content, etag: MARK + etag };
            } finally {
                this.files.lastRead.delete(path);
            }
        });
        const settled = mine.catch(() => undefined).then(() => {
            if (this.reading.get(path) === settled) {
                this.reading.delete(path);
            }
        });
        this.reading.set(path, settled);
        return mine;
    }

    protected async gather(content: BinaryBuffer | BinaryBufferReadable | BinaryBufferReadableStream): Promise<BinaryBuffer> {
        if (content instanceof BinaryBuffer) {
            // A view of its own, so that these bytes stand for this write only.
            return BinaryBuffer.wrap(content.buffer.subarray());
        }
        return isReadableStream(content) ? BinaryBufferReadableStream.toBuffer(content) : BinaryBufferReadable.toBuffer(content);
    }
}
