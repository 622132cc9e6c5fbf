import { CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { SelectionService } from '@theia/core/lib/common/selection-service';
import URI from '@theia/core/lib/common/uri';
import { UriAwareCommandHandler } from '@theia/core/lib/common/uri-command-handler';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileDownloadCommands } from '@theia/filesystem/lib/browser/download/file-download-command-contribution';
import { BridgeDownloadService } from '../files/bridge-download-service';
import { isServed } from '../files/file-paths';

/** Downloads the server's files, too, by Theia's own command. */
@injectable()
export class StockDownloadContribution implements CommandContribution {

    @inject(BridgeDownloadService)
    protected readonly downloads: BridgeDownloadService;

    @inject(SelectionService)
    protected readonly selection: SelectionService;

    registerCommands(commands: CommandRegistry): void {
        const areServed = (uris: URI[]): boolean => uris.length > 0 && uris.every(isServed);
        commands.registerHandler(FileDownloadCommands.DOWNLOAD.id, UriAwareCommandHandler.MultiSelect(this.selection, {
            execute: uris => this.downloads.download(uris),
            isEnabled: areServed,
            isVisible: areServed
        }));
    }
}
