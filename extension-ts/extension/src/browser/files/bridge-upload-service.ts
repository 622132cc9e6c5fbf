import { ConfirmDialog, Dialog } from '@theia/core/lib/browser/dialogs';
import { CancellationToken, CancellationTokenSource, checkCancelled, isCancelled } from '@theia/core/lib/common/cancellation';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { MessageService } from '@theia/core/lib/common/message-service';
import { Progress } from '@theia/core/lib/common/message-service-protocol';
import { nls } from '@theia/core/lib/common/nls';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BinarySize, FileSystemProviderError, FileSystemProviderErrorCode } from '@theia/filesystem/lib/common/files';
import { FileSystemPreferences } from '@theia/filesystem/lib/common/filesystem-preferences';
import { FileUploadService } from '@theia/filesystem/lib/common/upload/file-upload';
import { BridgeFileSystemServer } from './bridge-file-system-server';
import { toName, toPath } from './file-paths';
import { CHANNEL_BYTES, FileTransfer } from './file-transfer';
import { chooseItems, collectItems, UploadItem } from './upload-sources';

/** Files sent side by side at most, whatever the setting says. */
const MAX_WIDTH = 16;

/** Names the file or folder that it was about. */
class UploadError extends Error {

    constructor(uri: URI, cause: unknown) {
        super(nls.localize('theia-bridge/upload/failed', '“{0}” could not be uploaded: {1}',
            uri.path.base, cause instanceof Error ? cause.message : String(cause)));
    }
}

/** How far an upload is, as its notification tells. */
class UploadProgress {

    protected readonly sent = new Map<UploadItem, number>();
    protected done = 0;
    protected readonly totalBytes: number;
    protected due = 0;

    constructor(protected readonly progress: Progress, protected readonly files: UploadItem[]) {
        this.totalBytes = files.reduce((total, { file }) => total + file!.size, 0);
    }

    /** @param bytes of the file's content that are sent so far; of a file sent anew they begin from 0 again. */
    advance(item: UploadItem, bytes: number): void {
        this.sent.set(item, Math.min(bytes, item.file!.size));
        this.report();
    }

    finish(item: UploadItem): void {
        this.done++;
        this.advance(item, item.file!.size);
    }

    protected report(): void {
        const now = Date.now();
        if (now < this.due && this.done < this.files.length) {
            return;
        }
        this.due = now + 100;
        const bytes = [...this.sent.values()].reduce((sum, sent) => sum + sent, 0);
        const size = nls.localize('theia-bridge/upload/bytes', '{0} of {1}', BinarySize.formatSize(bytes), BinarySize.formatSize(this.totalBytes));
        this.progress.report({
            message: this.files.length === 1 ? size : nls.localize('theia-bridge/upload/files', '{0} of {1} files, {2}', this.done, this.files.length, size),
            // A file without content is work, too.
            work: { done: bytes + this.done, total: this.totalBytes + this.files.length }
        });
    }
}

/**
 * Uploads files and folders as they are, several side by side; the browser reads large ones from the disk while they
 * are sent. Each file appears whole, so that one whose upload was cancelled or failed is as it was before.
 */
@injectable()
export class BridgeUploadService implements FileUploadService {

    @inject(BridgeFileSystemServer)
    protected readonly files: BridgeFileSystemServer;

    @inject(FileTransfer)
    protected readonly transfer: FileTransfer;

    @inject(FileSystemPreferences)
    protected readonly preferences: FileSystemPreferences;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected readonly onDidUploadEmitter = new Emitter<string[]>();
    /** Fires with the files uploaded. Theia opens an editor if it is one. */
    readonly onDidUpload: Event<string[]> = this.onDidUploadEmitter.event;

    protected running = 0;

    /** Whether uploads are under way, which end with the page. */
    get isRunning(): boolean {
        return this.running > 0;
    }

    async upload(targetUri: string | URI, { source, onDidUpload }: FileUploadService.UploadParams = {}): Promise<FileUploadService.UploadResult> {
        const target = new URI(targetUri.toString());
        return this.run(target, token => source ? collectItems(source, token) : chooseItems(false), onDidUpload);
    }

    /** Asks for a folder and uploads it. */
    async uploadFolder(target: URI): Promise<FileUploadService.UploadResult> {
        return this.run(target, () => chooseItems(true));
    }

    protected async run(
        target: URI, collect: (token: CancellationToken) => Promise<UploadItem[]>, onDidUpload?: (uri: string) => void
    ): Promise<FileUploadService.UploadResult> {
        const source = new CancellationTokenSource();
        const uploaded: string[] = [];
        try {
            // At once: what was dropped is there only now.
            const collected = collect(source.token);
            const items = await this.confirm(target, await collected);
            if (items.length) {
                await this.uploadItems(target, items, source, uri => {
                    uploaded.push(uri);
                    onDidUpload?.(uri);
                });
                this.announce(items, uploaded);
            }
        } catch (error) {
            if (!isCancelled(error as Error)) {
                this.messages.error((error as Error).message);
            }
        }
        return { uploaded };
    }

    /** An editor would ask whether to open a file that is too large for it. */
    protected announce(items: UploadItem[], uploaded: string[]): void {
        const large = this.preferences['files.maxFileSizeMB'] * 1024 * 1024;
        if (uploaded.length > 1 || items.every(({ file }) => !file || file.size <= large)) {
            this.onDidUploadEmitter.fire(uploaded);
        }
    }

    /** Asks about every name of the target folder that is taken; a folder there is added to. */
    protected async confirm(target: URI, items: UploadItem[]): Promise<UploadItem[]> {
        const tops = new Set(items.map(({ path }) => path[0]));
        if (!tops.size) {
            return [];
        }
        const taken = new Set((await this.files.readdir(target.toString())).map(([name]) => name));
        const refused = new Set<string>();
        for (const top of tops) {
            const name = toName(top);
            if (taken.has(name)) {
                const replace = await new ConfirmDialog({
                    title: nls.localizeByDefault('Replace'),
                    msg: nls.localizeByDefault(
                        "A file or folder with the name '{0}' already exists in the destination folder. Do you want to replace it?", name),
                    ok: nls.localizeByDefault('Replace'),
                    cancel: Dialog.CANCEL
                }).open();
                if (!replace) {
                    refused.add(top);
                }
            }
        }
        return items.filter(({ path }) => !refused.has(path[0]));
    }

    protected async uploadItems(target: URI, items: UploadItem[], source: CancellationTokenSource, onDidUpload: (uri: string) => void): Promise<void> {
        const text = items.length === 1
            ? nls.localize('theia-bridge/upload/one', 'Uploading {0}', items[0].path[0])
            : nls.localize('theia-bridge/upload/many', 'Uploading to {0}', target.path.base);
        const progress = await this.messages.showProgress({ text, options: { cancelable: true } }, () => source.cancel());
        this.running++;
        try {
            const folders = items.filter(({ file }) => !file);
            for (let depth = 1; folders.some(({ path }) => path.length >= depth); depth++) {
                const level = folders.filter(({ path }) => path.length === depth);
                await this.sideBySide(level, MAX_WIDTH, source, item => this.makeFolder(this.toUri(target, item)));
            }
            const files = items.filter(({ file }) => file);
            const told = new UploadProgress(progress, files);
            const width = this.preferences['files.maxConcurrentUploads'] || MAX_WIDTH;
            await this.sideBySide(files, Math.min(width, MAX_WIDTH), source, async item => {
                const uri = this.toUri(target, item);
                await this.uploadFile(uri, item.file!, source.token, sent => told.advance(item, sent));
                told.finish(item);
                onDidUpload(uri.toString());
            });
        } finally {
            this.running--;
            progress.cancel();
        }
    }

    /** The first error ends them all. */
    protected async sideBySide(
        items: readonly UploadItem[], width: number, source: CancellationTokenSource, act: (item: UploadItem) => Promise<void>
    ): Promise<void> {
        const queue = items[Symbol.iterator]();
        let failed: { error: unknown } | undefined;
        const work = async (): Promise<void> => {
            for (const item of queue) {
                if (source.token.isCancellationRequested) {
                    return;
                }
                try {
                    await act(item);
                } catch (error) {
                    failed ??= { error };
                    source.cancel();
                }
            }
        };
        await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
        if (failed) {
            throw failed.error;
        }
        checkCancelled(source.token);
    }

    protected toUri(target: URI, { path }: UploadItem): URI {
        return path.reduce((folder, name) => folder.resolve(toName(name)), target);
    }

    protected async makeFolder(uri: URI): Promise<void> {
        try {
            await this.files.mkdir(uri.toString());
        } catch (error) {
            if (!(error instanceof FileSystemProviderError) || error.code !== FileSystemProviderErrorCode.FileExists) {
                throw new UploadError(uri, error);
            }
        }
    }

    protected async uploadFile(uri: URI, file: Blob, token: CancellationToken, onProgress: (sent: number) => void): Promise<void> {
        const options = { create: true, overwrite: true };
        try {
            if (file.size > CHANNEL_BYTES) {
                await this.transfer.put(toPath(uri.toString()), file, { ...options, onProgress, token });
            } else {
                await this.files.writeFile(uri.toString(), new Uint8Array(await file.arrayBuffer()), options);
            }
        } catch (error) {
            throw isCancelled(error as Error) ? error : new UploadError(uri, error);
        }
    }
}
