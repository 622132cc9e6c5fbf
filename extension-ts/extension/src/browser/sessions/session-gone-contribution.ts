import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { Command, CommandContribution, CommandRegistry, CommandService } from '@theia/core/lib/common/command';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeAccess } from '../connection/bridge-access';
import { BridgeConnection } from '../connection/bridge-connection';
import { SessionCommands } from './session-commands';
import { SessionOpener } from './session-opener';

/** By this the server tells the page which session it was asked for in vain. */
const GONE = 'gone';

const ELEMENT = 'theia-bridge-session-gone';

const WAYS_OUT: Command = { id: 'bridge.sessions.waysOut' };

/** Says so when the session of this window was deleted, and offers ways out. */
@injectable()
export class SessionGoneContribution implements FrontendApplicationContribution, CommandContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(BridgeAccess)
    protected readonly access: BridgeAccess;

    @inject(SessionOpener)
    protected readonly opener: SessionOpener;

    @inject(CommandService)
    protected readonly commands: CommandService;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    @inject(MessageService)
    protected readonly messages: MessageService;

    initialize(): void {
        this.connection.onDidChangeState(state => {
            if (state === 'session-gone') {
                this.statusBar.setElement(ELEMENT, {
                    text: `$(codicon-warning) ${nls.localize('theia-bridge/sessions/deleted', 'Session deleted')}`,
                    tooltip: nls.localize('theia-bridge/sessions/waysOut', 'Select to restore it, or to open another.'),
                    alignment: StatusBarAlignment.LEFT,
                    priority: 1002,
                    backgroundColor: 'var(--theia-statusBarItem-errorBackground)',
                    color: 'var(--theia-statusBarItem-errorForeground)',
                    command: WAYS_OUT.id
                });
                this.offerWaysOut();
            } else {
                this.statusBar.removeElement(ELEMENT);
            }
        });
    }

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(WAYS_OUT, { execute: () => this.offerWaysOut() });
    }

    onStart(): void {
        const url = new URL(location.href);
        if (url.searchParams.has(GONE)) {
            url.searchParams.delete(GONE);
            history.replaceState(history.state, '', url);
            this.tellOfAnother();
        }
    }

    protected async offerWaysOut(): Promise<void> {
        const { session, sessionName } = await this.connection.info;
        const restore = nls.localize('theia-bridge/sessions/restoreIt', 'Restore');
        const another = nls.localize('theia-bridge/sessions/openAnother', 'Open Another Session');
        // Shown as progress because only that can be taken back: once it is restored elsewhere there is nothing to say.
        const offer = await this.messages.showProgress({
            text: nls.localize('theia-bridge/sessions/gone',
                'The session “{0}” was deleted. Nothing more is saved: what you have not saved stays on this page while it is open, and is saved when the session is restored.',
                sessionName),
            actions: [restore, another]
        });
        const watching = this.connection.onDidChangeState(() => {
            watching.dispose();
            offer.cancel();
        });
        const chosen = await offer.result;
        watching.dispose();
        if (this.connection.state === 'session-gone') {
            if (chosen === restore) {
                await this.restore(session);
            } else if (chosen === another) {
                await this.opener.open(undefined);
            }
        }
    }

    protected async restore(session: string): Promise<void> {
        try {
            await this.access.restore(session);
        } catch (error) {
            this.messages.error(error instanceof Error ? error.message : String(error));
            return;
        }
        this.connection.wake();
    }

    protected async tellOfAnother(): Promise<void> {
        const { sessionName } = await this.connection.info;
        const open = SessionCommands.OPEN.label!;
        const restore = SessionCommands.RESTORE.label!;
        const chosen = await this.messages.warn(
            nls.localize('theia-bridge/sessions/notThere',
                'The session of this address is not there: it was deleted, or is somebody else’s. This is “{0}”.', sessionName),
            { timeout: 0 }, restore, open
        );
        if (chosen) {
            this.commands.executeCommand((chosen === open ? SessionCommands.OPEN : SessionCommands.RESTORE).id);
        }
    }
}
