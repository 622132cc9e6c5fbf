import URI from '@theia/core/lib/common/uri';
import { injectable } from '@theia/core/shared/inversify';
import { FileDownloadService } from '@theia/filesystem/lib/common/download/file-download';
import { inject } from '@theia/core/shared/inversify';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { serverUrl } from '../connection/browser-surroundings';

/** Downloads go from the server straight to the browser's own download list; nothing passes through the page. */
@injectable()
export class BridgeDownloadService implements FileDownloadService {

    @inject(FileService)
    protected readonly fileService: FileService;

    async download(uris: URI[]): Promise<void> {
        const chosen = uris.filter(uri => !uris.some(other => other !== uri && other.isEqualOrParent(uri) && !other.isEqual(uri)));
        if (chosen.length === 1) {
            const { isDirectory } = await this.fileService.resolve(chosen[0]);
            this.follow(this.fileUrl(chosen[0], isDirectory ? [['archive', 'zip']] : []));
        } else if (chosen.length > 1) {
            const parent = this.commonParent(chosen);
            const names = chosen.map((uri): [string, string] => ['name', parent.relative(uri)!.toString()]);
            this.follow(this.fileUrl(parent, [['archive', 'zip'], ...names]));
        }
    }

    protected fileUrl(uri: URI, query: [string, string][]): string {
        const path = uri.path.toString().split('/').slice(1).map(encodeURIComponent).join('/');
        const url = serverUrl(`api/v5/files/${path}`);
        url.search = new URLSearchParams(query).toString();
        return url.toString();
    }

    protected commonParent(uris: URI[]): URI {
        let parent = uris[0].parent;
        while (!uris.every(uri => parent.isEqualOrParent(uri))) {
            parent = parent.parent;
        }
        return parent;
    }

    protected follow(url: string): void {
        const anchor = document.createElement('a');
        anchor.href = url;
        // The server names the file in its answer.
        anchor.download = '';
        anchor.click();
    }
}
