import { WebSocketConnectionProvider } from '@theia/core/lib/browser/messaging/ws-connection-provider';
import { CancellationToken } from '@theia/core/lib/common/cancellation';
import URI from '@theia/core/lib/common/uri';
import { interfaces } from '@theia/core/shared/inversify';
import { FileSearchService, fileSearchServicePath } from '@theia/file-search/lib/common/file-search-service';
import { SearchInWorkspaceClientImpl } from '@theia/search-in-workspace/lib/browser/search-in-workspace-service';
import {
    SearchInWorkspaceClient, SearchInWorkspaceOptions, SearchInWorkspaceServer, SIW_WS_PATH
} from '@theia/search-in-workspace/lib/common/search-in-workspace-interface';
import { isServed } from '../files/file-paths';
import { BridgeFileSearchService } from '../search/bridge-file-search-service';
import { BridgeSearchInWorkspaceServer } from '../search/bridge-search-in-workspace-server';

const isServedRoot = (uri: string): boolean => isServed(new URI(uri));

/** Finds files by name: the server's on the server, the disk's on the Node backend. */
export class StockFileSearchService implements FileSearchService {

    constructor(protected readonly served: FileSearchService, protected readonly own: FileSearchService) { }

    static create({ container }: interfaces.Context): StockFileSearchService {
        const own = WebSocketConnectionProvider.createProxy<FileSearchService>(container, fileSearchServicePath);
        return new StockFileSearchService(container.get(BridgeFileSearchService), own);
    }

    async find(pattern: string, options: FileSearchService.Options, token?: CancellationToken): Promise<string[]> {
        const { rootUris = [], rootOptions = {}, ...rest } = options;
        const found = await Promise.all([true, false].map(served => {
            const uris = rootUris.filter(uri => isServedRoot(uri) === served);
            const own = Object.fromEntries(Object.entries(rootOptions).filter(([uri]) => isServedRoot(uri) === served));
            return uris.length || Object.keys(own).length
                ? (served ? this.served : this.own).find(pattern, { ...rest, rootUris: uris, rootOptions: own }, token)
                : [];
        }));
        return found.flat().slice(0, options.limit);
    }
}

/** Finds texts in the same way. The roots of a page are of one kind or the other, and so are its searches. */
export class StockSearchInWorkspaceServer implements SearchInWorkspaceServer {

    constructor(protected readonly served: SearchInWorkspaceServer, protected readonly own: SearchInWorkspaceServer) { }

    static create({ container }: interfaces.Context): StockSearchInWorkspaceServer {
        const client = container.get(SearchInWorkspaceClientImpl);
        const own = WebSocketConnectionProvider.createProxy<SearchInWorkspaceServer>(container, SIW_WS_PATH, client);
        const server = new StockSearchInWorkspaceServer(container.get(BridgeSearchInWorkspaceServer), own);
        server.setClient(client);
        return server;
    }

    /** The other one's was given to its proxy. */
    setClient(client: SearchInWorkspaceClient | undefined): void {
        this.served.setClient(client);
    }

    async search(what: string, rootUris: string[], options?: SearchInWorkspaceOptions): Promise<number> {
        return (rootUris.every(isServedRoot) ? this.served : this.own).search(what, rootUris, options);
    }

    /** None of the other's has this id. */
    async cancel(id: number): Promise<void> {
        await Promise.all([this.served.cancel(id), this.own.cancel(id)]);
    }

    dispose(): void {
        this.served.dispose();
        this.own.dispose();
    }
}
