import { ApplicationShell } from '@theia/core/lib/browser/shell/application-shell';
import { MessageService } from '@theia/core/lib/common/message-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { ShellTerminalProfile } from '@theia/terminal/lib/browser/shell-terminal-profile';
import { TerminalFrontendContribution } from '@theia/terminal/lib/browser/terminal-frontend-contribution';
import { TerminalProfile } from '@theia/terminal/lib/browser/terminal-profile-service';
import { BridgeConnection } from '../connection/bridge-connection';

const ICON = 'codicon codicon-terminal';

/** Terminals of the session's workspace: it is not started before somebody wants one. */
@injectable()
export class BridgeTerminalContribution extends TerminalFrontendContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(MessageService)
    protected readonly messages: MessageService;

    /** A new layout is without a terminal: it would start the workspace of everybody who only looks in. */
    override async initializeLayout(): Promise<void> { }

    override async contributeDefaultProfiles(): Promise<void> {
        this.contributedProfileStore.registerTerminalProfile('Shell', new ShellTerminalProfile(this, { iconClass: ICON }));
    }

    protected override async selectTerminalProfile(placeholder: string): Promise<[string, TerminalProfile] | undefined> {
        const { profiles } = await this.connection.request('terminal.profiles', undefined);
        for (const { name, path } of profiles) {
            this.contributedProfileStore.registerTerminalProfile(name, new ShellTerminalProfile(this, { shellPath: path, iconClass: ICON }));
        }
        return super.selectTerminalProfile(placeholder);
    }

    protected override async openTerminal(options?: ApplicationShell.WidgetOptions, profile?: TerminalProfile): Promise<void> {
        try {
            await super.openTerminal(options, profile);
        } catch (error) {
            this.messages.error(`No terminal was opened. ${error instanceof Error ? error.message : error}`);
        }
    }
}
