import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { WorkspaceService } from '@theia/workspace/lib/browser/workspace-service';
import { WORKSPACE_PATH } from '../../common/roots';
import { toUri } from '../files/file-paths';

export namespace StockCommands {
    export const OPEN_WORKSPACE: Command = {
        id: 'theia-bridge.open-workspace',
        category: 'Theia Bridge',
        label: nls.localize('theia-bridge/stock/open', 'Open My Workspace')
    };
}

/** The way to the server's files, which the dialogs for the Node backend's do not show. */
@injectable()
export class StockWorkspaceContribution implements CommandContribution {

    @inject(WorkspaceService)
    protected readonly workspaces: WorkspaceService;

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(StockCommands.OPEN_WORKSPACE, {
            execute: () => this.workspaces.open(toUri(WORKSPACE_PATH), { preserveWindow: true })
        });
    }
}
