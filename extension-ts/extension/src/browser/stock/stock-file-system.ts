import { inject, injectable, interfaces } from '@theia/core/shared/inversify';
import { FileService, FileServiceContribution } from '@theia/filesystem/lib/browser/file-service';
import { RemoteFileSystemProvider, RemoteFileSystemServer } from '@theia/filesystem/lib/common/remote-file-system-provider';
import { BridgeFileSystemServer } from '../files/bridge-file-system-server';
import { servedScheme } from '../files/file-paths';

export const StockFileSystemProvider = Symbol('StockFileSystemProvider');

/** A second provider of Theia's own kind, beside the one of the Node backend's disk. */
export function createStockFileSystemProvider({ container }: interfaces.Context): RemoteFileSystemProvider {
    const child = container.createChild();
    child.bind(RemoteFileSystemServer).toConstantValue(container.get(BridgeFileSystemServer));
    child.bind(RemoteFileSystemProvider).toSelf().inSingletonScope();
    return child.get(RemoteFileSystemProvider);
}

/** Registers the scheme of the server's files. */
@injectable()
export class StockFileSystemContribution implements FileServiceContribution {

    @inject(StockFileSystemProvider)
    protected readonly provider: RemoteFileSystemProvider;

    registerFileSystemProviders(service: FileService): void {
        const registering = this.provider.ready.then(() => service.registerProvider(servedScheme(), this.provider));
        service.onWillActivateFileSystemProvider(event => {
            if (event.scheme === servedScheme()) {
                event.waitUntil(registering);
            }
        });
    }
}
