import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { WindowTitleService } from '@theia/core/lib/browser/window/window-title-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { Session } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { SessionCommands } from './session-commands';
import { SessionsService } from './sessions-service';

/** The root folder of every window is `workspace`; what tells them apart is the session. */
@injectable()
export class BridgeWindowTitleService extends WindowTitleService {

    protected session: string | undefined;

    setSession(name: string): void {
        this.session = name;
        this.update({ rootName: name });
    }

    override update(parts: Record<string, string | undefined>): void {
        super.update(this.session !== undefined && 'rootName' in parts ? { ...parts, rootName: this.session } : parts);
    }
}

/** Names the session in the window's title and in the status bar. */
@injectable()
export class SessionTitleContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(SessionsService)
    protected readonly sessions: SessionsService;

    @inject(BridgeWindowTitleService)
    protected readonly title: BridgeWindowTitleService;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    onStart(): void {
        this.connection.info.then(({ sessionName }) => {
            // It may have been heard of already, and as renamed since the page was connected.
            const { current } = this.sessions;
            this.show(current?.name ?? sessionName, current);
        });
        this.sessions.onDidChangeCurrent(session => this.show(session.name, session));
    }

    protected show(name: string, session?: Session): void {
        this.title.setSession(name);
        const more = session ? [session.tags.join(', '), session.description].filter(text => text) : [];
        this.statusBar.setElement('theia-bridge-session', {
            text: `$(codicon-layers) ${name}`,
            tooltip: [nls.localize('theia-bridge/sessions/status', 'Session “{0}”. Select to open another.', name), ...more].join('\n'),
            alignment: StatusBarAlignment.LEFT,
            priority: 1001,
            command: SessionCommands.OPEN.id
        });
    }
}
