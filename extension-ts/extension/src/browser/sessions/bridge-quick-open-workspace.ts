import { CommandService } from '@theia/core/lib/common/command';
import { inject, injectable } from '@theia/core/shared/inversify';
import { QuickOpenWorkspace } from '@theia/workspace/lib/browser/quick-open-workspace';
import { SessionCommands } from './session-commands';

/** Recent workspaces are the user's sessions: all of them are `/workspace`, and they are known on every computer. */
@injectable()
export class BridgeQuickOpenWorkspace extends QuickOpenWorkspace {

    @inject(CommandService)
    protected readonly commands: CommandService;

    override async open(): Promise<void> {
        await this.commands.executeCommand(SessionCommands.OPEN.id);
    }

    override select(): void {
        this.open();
    }
}
