import { ConfirmDialog } from '@theia/core/lib/browser/dialogs';
import { CommonMenus } from '@theia/core/lib/browser/common-menus';
import { FrontendApplication } from '@theia/core/lib/browser/frontend-application';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { Saveable } from '@theia/core/lib/browser/saveable';
import { ShellLayoutRestorer } from '@theia/core/lib/browser/shell/shell-layout-restorer';
import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { WindowService } from '@theia/core/lib/browser/window/window-service';
import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { ACCOUNTS_MENU, MenuContribution, MenuModelRegistry } from '@theia/core/lib/common/menu';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable, optional } from '@theia/core/shared/inversify';
import { BridgeAccess } from '../connection/bridge-access';
import { BridgeConnection } from '../connection/bridge-connection';
import { serverUrl } from '../connection/browser-surroundings';
import { isEmbedded } from '../connection/embedder';
import { BridgeStorageService } from '../storage/bridge-storage-service';

export namespace AccountCommands {
    export const SIGN_OUT: Command = {
        id: 'theia-bridge.sign-out',
        label: nls.localize('theia-bridge/account/signOut', 'Sign Out')
    };
}

/** Shows who works, and ends it. */
@injectable()
export class AccountContribution implements CommandContribution, MenuContribution, FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(BridgeAccess)
    protected readonly access: BridgeAccess;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    @inject(ShellLayoutRestorer)
    protected readonly layout: ShellLayoutRestorer;

    /** Missing where a Node backend keeps the layout. */
    @inject(BridgeStorageService) @optional()
    protected readonly storage: BridgeStorageService | undefined;

    @inject(WindowService)
    protected readonly windows: WindowService;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected application: FrontendApplication;

    onStart(application: FrontendApplication): void {
        this.application = application;
        this.showAccount();
    }

    registerCommands(commands: CommandRegistry): void {
        // In a frame, the sign-in is the page's around it.
        commands.registerCommand(AccountCommands.SIGN_OUT, {
            execute: () => this.signOut(),
            isEnabled: () => !isEmbedded(),
            isVisible: () => !isEmbedded()
        });
    }

    registerMenus(menus: MenuModelRegistry): void {
        menus.registerMenuAction(CommonMenus.FILE_CLOSE, { commandId: AccountCommands.SIGN_OUT.id, order: 'z' });
        menus.registerMenuAction(ACCOUNTS_MENU, { commandId: AccountCommands.SIGN_OUT.id, order: '1' });
    }

    protected async showAccount(): Promise<void> {
        const { userName, role } = await this.connection.info;
        const reading = role === 'viewer' ? ` · ${nls.localize('theia-bridge/account/viewer', 'read-only')}` : '';
        this.statusBar.setElement('theia-bridge-account', {
            text: `$(codicon-account) ${userName}${reading}`,
            tooltip: isEmbedded()
                ? nls.localize('theia-bridge/account/embeddedTooltip', '{0} is signed in.', userName)
                : nls.localize('theia-bridge/account/tooltip', '{0} is signed in. Select to sign out.', userName),
            alignment: StatusBarAlignment.LEFT,
            priority: 1000,
            command: isEmbedded() ? undefined : AccountCommands.SIGN_OUT.id
        });
    }

    protected async signOut(): Promise<void> {
        const unsaved = this.application.shell.widgets.filter(Saveable.isDirty).length;
        const { userName } = await this.connection.info;
        const confirmed = await new ConfirmDialog({
            title: AccountCommands.SIGN_OUT.label!,
            msg: unsaved
                ? nls.localize('theia-bridge/account/unsaved', 'Unsaved edits in {0} editor(s) will be lost.', unsaved)
                : nls.localize('theia-bridge/account/confirm', 'You are signed in as {0}.', userName),
            ok: AccountCommands.SIGN_OUT.label!
        }).open();
        if (!confirmed) {
            return;
        }
        try {
            if (this.connection.state === 'online' && this.storage) {
                // While the connection is still ours: leaving the page is too late for it.
                this.layout.storeLayout(this.application);
                await this.storage.whenSaved();
            }
            await this.access.signOut();
        } catch (error) {
            this.messages.error(nls.localize('theia-bridge/account/failed', 'Signing out failed: {0}', error instanceof Error ? error.message : String(error)));
            return;
        }
        this.connection.dispose();
        this.windows.setSafeToShutDown();
        location.assign(serverUrl('login'));
    }
}
