import URI from '@theia/core/lib/common/uri';
import { injectable } from '@theia/core/shared/inversify';
import { FileResource, FileResourceResolver } from '@theia/filesystem/lib/browser/file-resource';
import { FileOperationError, FileOperationResult, FileStat } from '@theia/filesystem/lib/common/files';
import { isServed } from './file-paths';

/** A file in an editor, which follows when the file becomes read-only, and when it no longer is. To a viewer all are. */
export class BridgeFileResource extends FileResource {

    protected override async sync(): Promise<void> {
        await this.updateReadOnly();
        await super.sync();
    }

    protected override async updateReadOnly(): Promise<void> {
        const stat = await this.fileService.resolve(this.uri).catch(() => undefined);
        const readOnly = this.fileService.getReadOnlyMessage(this.uri) ?? stat?.isReadonly;
        if (readOnly !== undefined && readOnly !== this.options.readOnly) {
            this.options.readOnly = readOnly;
            this.updateSavingContentChanges();
            this.onDidChangeReadOnlyEmitter.fire(readOnly);
        }
    }
}

@injectable()
export class BridgeFileResourceResolver extends FileResourceResolver {

    override async resolve(uri: URI): Promise<FileResource> {
        if (!isServed(uri)) {
            return super.resolve(uri);
        }
        const stat = await this.find(uri);
        if (stat?.isDirectory) {
            throw new Error(`${this.labelProvider.getLongName(uri)} is a folder.`);
        }
        return new BridgeFileResource(uri, this.fileService, {
            readOnly: this.fileService.getReadOnlyMessage(uri) ?? stat?.isReadonly ?? false,
            shouldOverwrite: () => this.shouldOverwrite(uri),
            shouldOpenAsText: error => this.shouldOpenAsText(uri, error)
        });
    }

    protected async find(uri: URI): Promise<FileStat | undefined> {
        try {
            return await this.fileService.resolve(uri);
        } catch (error) {
            if (error instanceof FileOperationError && error.fileOperationResult === FileOperationResult.FILE_NOT_FOUND) {
                return undefined;
            }
            throw error;
        }
    }
}
