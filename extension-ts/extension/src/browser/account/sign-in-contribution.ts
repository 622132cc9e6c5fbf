import { ApplicationShell } from '@theia/core/lib/browser/shell/application-shell';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { Saveable } from '@theia/core/lib/browser/saveable';
import { WindowService } from '@theia/core/lib/browser/window/window-service';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeConnection, ConnectionState } from '../connection/bridge-connection';
import { loginUrl } from './login-page';

/** Brings the user to the login page when the server knows them no more, but never at the price of unsaved edits. */
@injectable()
export class SignInContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(ApplicationShell)
    protected readonly shell: ApplicationShell;

    @inject(MessageService)
    protected readonly messages: MessageService;

    @inject(WindowService)
    protected readonly windows: WindowService;

    initialize(): void {
        this.connection.onDidChangeState(state => this.follow(state));
        this.follow(this.connection.state);
    }

    protected follow(state: ConnectionState): void {
        if (state === 'signed-out') {
            if (this.hasUnsavedEdits()) {
                this.offerSignIn();
            } else {
                this.windows.setSafeToShutDown();
                location.assign(loginUrl());
            }
        } else if (state === 'replaced') {
            this.offerReload();
        }
    }

    protected hasUnsavedEdits(): boolean {
        return this.shell.widgets.some(Saveable.isDirty);
    }

    protected async offerSignIn(): Promise<void> {
        const signIn = nls.localize('theia-bridge/account/signIn', 'Sign in');
        // Shown as progress because only that can be taken back: when signed in again it has nothing to say any more.
        const offer = await this.messages.showProgress({
            text: nls.localize('theia-bridge/account/signedOut', 'You have been signed out. Your unsaved edits are kept on this page until you sign in again.'),
            actions: [signIn]
        });
        const watching = this.connection.onDidChangeState(() => {
            watching.dispose();
            offer.cancel();
        });
        if (await offer.result === signIn) {
            // The connection is tried again as soon as the other page is signed in, or this one is looked at again.
            window.open(loginUrl(), '_blank');
            if (this.connection.state === 'signed-out') {
                this.offerSignIn();
            }
        }
    }

    protected async offerReload(): Promise<void> {
        const reload = nls.localizeByDefault('Reload');
        const chosen = await this.messages.warn(
            nls.localize('theia-bridge/account/replaced',
                'Somebody else, or another workspace session, is now signed in in this browser. Nothing more is saved from this page.'),
            { timeout: 0 }, reload
        );
        if (chosen === reload) {
            // Asks first if there are unsaved edits.
            this.windows.reload();
        }
    }
}
