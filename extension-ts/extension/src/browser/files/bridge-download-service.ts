import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { FileDownloadService } from '@theia/filesystem/lib/common/download/file-download';
import { authorization, sessionUrl } from '../connection/browser-surroundings';
import { toPath, toResourcePath } from './file-paths';

/** Downloads go from the server straight to the browser's own download list; nothing passes through the page. */
@injectable()
export class BridgeDownloadService implements FileDownloadService {

    @inject(FileService)
    protected readonly fileService: FileService;

    async download(uris: URI[]): Promise<void> {
        const outermost = uris.filter(uri => !uris.some(other => other.isEqualOrParent(uri) && !other.isEqual(uri)));
        // One archive holds what lies in one folder.
        const byFolder = new Map<string, URI[]>();
        for (const uri of outermost) {
            const folder = uri.parent.toString();
            byFolder.set(folder, [...byFolder.get(folder) ?? [], uri]);
        }
        for (const siblings of byFolder.values()) {
            await this.follow(siblings.length > 1 ? this.archiveUrl(siblings) : await this.singleUrl(siblings[0]));
        }
    }

    protected async singleUrl(uri: URI): Promise<string> {
        const { isDirectory } = await this.fileService.resolve(uri);
        return this.fileUrl(uri, isDirectory ? [['archive', 'zip']] : []);
    }

    protected archiveUrl(siblings: URI[]): string {
        return this.fileUrl(siblings[0].parent, [['archive', 'zip'], ...siblings.map((uri): [string, string] => ['name', toPath(uri.toString()).split('/').pop()!])]);
    }

    protected fileUrl(uri: URI, query: [string, string][]): string {
        const url = sessionUrl(`api/v5/files/${toResourcePath(toPath(uri.toString()))}`);
        query.forEach(([name, value]) => url.searchParams.append(name, value));
        return url.toString();
    }

    protected async follow(url: string): Promise<void> {
        const headers = authorization();
        if (Object.keys(headers).length) {
            // A browser follows a link with its cookies only, which in a frame may be missing, or somebody else's.
            return this.fetch(url, headers);
        }
        const anchor = document.createElement('a');
        anchor.href = url;
        // The server names the file in its answer.
        anchor.download = '';
        anchor.click();
    }

    protected async fetch(url: string, headers: Record<string, string>): Promise<void> {
        const response = await fetch(url, { headers });
        if (!response.ok) {
            const { detail } = await response.json().catch(() => ({})) as { detail?: string };
            throw new Error(detail ?? `The server answered ${response.status}.`);
        }
        const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
        const anchor = document.createElement('a');
        anchor.href = URL.createObjectURL(await response.blob());
        anchor.download = name ? decodeURIComponent(name) : '';
        anchor.click();
        // The browser has begun to read it by then.
        setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
    }
}
