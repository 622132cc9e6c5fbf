import { CancellationToken, checkCancelled } from '@theia/core/lib/common/cancellation';
import { CustomDataTransferItem, FileUploadService } from '@theia/filesystem/lib/common/upload/file-upload';

/** Something to upload: a file, or without one a folder. `path` is relative, and its parts are names as on the disk. */
export interface UploadItem {
    readonly path: readonly string[];
    readonly file?: Blob;
}

/** All that is in what was dropped or chosen; a folder comes before what is in it. */
export async function collectItems(source: FileUploadService.Source, token: CancellationToken): Promise<UploadItem[]> {
    if (source instanceof DataTransfer) {
        // The list is emptied as soon as this function lets go of control.
        const entries = [...source.items].map(item => item.webkitGetAsEntry()).filter(entry => entry !== null);
        const items: UploadItem[] = [];
        for (const entry of entries) {
            await collectEntry(entry, [], items, token);
        }
        return items;
    }
    if (source instanceof FormData) {
        return [...source.values()].filter(value => value instanceof File).map(file => ({ path: [file.name], file }));
    }
    const files = [...source].map(([, item]) => item.asFile()).filter(file => file !== undefined);
    return Promise.all(files.map(toItem));
}

async function toItem(file: NonNullable<ReturnType<CustomDataTransferItem['asFile']>>): Promise<UploadItem> {
    return { path: [file.name], file: new Blob([await file.data() as Uint8Array<ArrayBuffer>]) };
}

/** What was chosen in the browser's own dialog: files, or with `folder` one folder with all that is in it. */
export function chooseItems(folder: boolean): Promise<UploadItem[]> {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.webkitdirectory = folder;
    return new Promise(resolve => {
        input.oncancel = () => resolve([]);
        input.onchange = () => resolve(withFolders([...input.files!].map(file => ({ path: relativePath(file), file }))));
        input.click();
    });
}

/** Chromium turns backslashes of this path into slashes, those of the name at its end, too. */
function relativePath({ name, webkitRelativePath }: File): string[] {
    return webkitRelativePath ? [...webkitRelativePath.slice(0, -name.length - 1).split('/'), name] : [name];
}

/** The dialog tells of files only. */
function withFolders(files: UploadItem[]): UploadItem[] {
    const folders = new Map<string, UploadItem>();
    for (const { path } of files) {
        for (let depth = 1; depth < path.length; depth++) {
            const folder = path.slice(0, depth);
            folders.set(folder.join('/'), { path: folder });
        }
    }
    return [...folders.values(), ...files];
}

async function collectEntry(entry: FileSystemEntry, parent: readonly string[], items: UploadItem[], token: CancellationToken): Promise<void> {
    checkCancelled(token);
    const path = [...parent, entry.name];
    if (entry.isDirectory) {
        items.push({ path });
        const reader = (entry as FileSystemDirectoryEntry).createReader();
        // It tells of some at a time, and at the end of none.
        for (let batch = await readBatch(reader); batch.length; batch = await readBatch(reader)) {
            for (const child of batch) {
                await collectEntry(child, path, items, token);
            }
        }
    } else {
        items.push({ path, file: await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)) });
    }
}

function readBatch(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
    return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}
