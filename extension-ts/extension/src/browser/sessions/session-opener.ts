import { CorePreferences } from '@theia/core/lib/common/core-preferences';
import { ConfirmDialog } from '@theia/core/lib/browser/dialogs';
import { FrontendApplication } from '@theia/core/lib/browser/frontend-application';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { Saveable } from '@theia/core/lib/browser/saveable';
import { ShellLayoutRestorer } from '@theia/core/lib/browser/shell/shell-layout-restorer';
import { WindowService } from '@theia/core/lib/browser/window/window-service';
import { StopReason } from '@theia/core/lib/common/frontend-application-state';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeConnection } from '../connection/bridge-connection';
import { pageUrl } from '../connection/browser-surroundings';
import { BridgeStorageService } from '../storage/bridge-storage-service';

/**
 * Leads to other sessions, by loading the page anew: editors with their undo stacks, terminals, language clients, file
 * watches and searches all hold what is of the session they began in, and Theia has no way to let go of all of it. So
 * nothing of one session can come into another. Unsaved edits are asked about as when a window is closed.
 */
@injectable()
export class SessionOpener implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(BridgeStorageService)
    protected readonly storage: BridgeStorageService;

    @inject(ShellLayoutRestorer)
    protected readonly layout: ShellLayoutRestorer;

    @inject(WindowService)
    protected readonly windows: WindowService;

    @inject(CorePreferences)
    protected readonly preferences: CorePreferences;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected application: FrontendApplication;

    onStart(application: FrontendApplication): void {
        this.application = application;
    }

    /** Opens a session in this window; without an id, the one that was used last. */
    async open(session: string | undefined): Promise<void> {
        const { state } = this.connection;
        if (state !== 'session-gone' && session === (await this.connection.info).session) {
            this.messages.info(nls.localize('theia-bridge/sessions/isOpen', 'This session is open in this window already.'));
            return;
        }
        if (!await (state === 'session-gone' ? this.maybeLoseEdits() : this.maybeLeave())) {
            return;
        }
        if (this.connection.state === 'online') {
            // While the connection is still ours: leaving the page is too late for it.
            this.layout.storeLayout(this.application);
            await this.storage.whenSaved();
        }
        this.windows.setSafeToShutDown();
        location.assign(pageUrl(session));
    }

    openInNewWindow(session: string): void {
        this.windows.openNewWindow(pageUrl(session).toString());
    }

    protected async maybeLeave(): Promise<boolean> {
        const { shell } = this.application;
        if (this.preferences['application.confirmExit'] === 'never' && shell.canSaveAll()) {
            // Not to be asked does not mean to lose anything.
            await shell.saveAll();
        }
        return this.windows.isSafeToShutDown(StopReason.Reload);
    }

    /** There is nowhere to save them to. */
    protected async maybeLoseEdits(): Promise<boolean> {
        const unsaved = this.application.shell.widgets.filter(Saveable.isDirty).length;
        return !unsaved || !!await new ConfirmDialog({
            title: nls.localize('theia-bridge/sessions/openAnother', 'Open Another Session'),
            msg: nls.localize('theia-bridge/sessions/unsaved',
                'Unsaved edits in {0} editor(s) will be lost: the session they belong to was deleted. Restore it to keep them.', unsaved),
            ok: nls.localize('theia-bridge/sessions/openAnother', 'Open Another Session')
        }).open();
    }
}
