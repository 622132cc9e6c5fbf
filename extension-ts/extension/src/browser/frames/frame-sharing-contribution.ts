import { CommonMenus } from '@theia/core/lib/browser/common-menus';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { WindowService } from '@theia/core/lib/browser/window/window-service';
import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { MenuContribution, MenuModelRegistry } from '@theia/core/lib/common/menu';
import { nls } from '@theia/core/lib/common/nls';
import { generateUuid } from '@theia/core/lib/common/uuid';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FrameRecorder } from '../../common/frames/frame-recorder';
import { openSharing, SharingMessage } from '../../common/frames/frame-sharing';
import { BridgeConnection } from '../connection/bridge-connection';
import { sessionUrl } from '../connection/browser-surroundings';

const CATEGORY = 'Theia Bridge';
const ELEMENT = 'theia-bridge-frame-sharing';

export namespace ConsoleCommands {
    export const OPEN: Command = {
        id: 'theia-bridge.open-console',
        category: CATEGORY,
        label: nls.localize('theia-bridge/console/open', 'Open RPC Console')
    };
    export const SHARE: Command = {
        id: 'theia-bridge.share-frames',
        category: CATEGORY,
        label: nls.localize('theia-bridge/console/share', 'Share RPC Frames with the Console')
    };
    export const STOP: Command = {
        id: 'theia-bridge.stop-sharing-frames',
        category: CATEGORY,
        label: nls.localize('theia-bridge/console/stop', 'Stop Sharing RPC Frames')
    };
}

/** Lets the RPC console, open in the same browser, follow what this window sends and receives. Off until asked for, and after a reload. */
@injectable()
export class FrameSharingContribution implements CommandContribution, MenuContribution, FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    @inject(WindowService)
    protected readonly windows: WindowService;

    protected readonly window = generateUuid();
    protected readonly toStop = new DisposableCollection();
    protected sharing = false;

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(ConsoleCommands.OPEN, { execute: () => this.windows.openNewWindow(sessionUrl('console/').href, { external: true }) });
        commands.registerCommand(ConsoleCommands.SHARE, { execute: () => this.share(), isEnabled: () => !this.sharing, isVisible: () => !this.sharing });
        commands.registerCommand(ConsoleCommands.STOP, { execute: () => this.toStop.dispose(), isEnabled: () => this.sharing, isVisible: () => this.sharing });
    }

    registerMenus(menus: MenuModelRegistry): void {
        menus.registerMenuAction(CommonMenus.HELP, { commandId: ConsoleCommands.OPEN.id, order: 'z' });
    }

    onStop(): void {
        this.toStop.dispose();
    }

    protected async share(): Promise<void> {
        this.sharing = true;
        const channel = openSharing(await this.connection.info);
        const tell = (message: SharingMessage) => channel.postMessage(message);
        const introduce = () => tell({ type: 'shares', window: this.window, title: document.title });
        channel.onmessage = ({ data }: MessageEvent<SharingMessage>) => {
            if (data.type === 'who') {
                introduce();
            }
        };
        const recorder = new FrameRecorder();
        this.toStop.push(this.connection.onFrame(frame => tell({ type: 'frame', window: this.window, record: recorder.record(frame) })));
        this.toStop.push(Disposable.create(() => {
            tell({ type: 'ended', window: this.window });
            channel.close();
            this.sharing = false;
            this.statusBar.removeElement(ELEMENT);
        }));
        introduce();
        this.statusBar.setElement(ELEMENT, {
            text: `$(codicon-broadcast) ${nls.localize('theia-bridge/console/shared', 'RPC frames shared')}`,
            tooltip: nls.localize('theia-bridge/console/sharedTooltip', 'The RPC console in this browser follows what this window sends and receives. Select to stop.'),
            alignment: StatusBarAlignment.RIGHT,
            priority: 1000,
            command: ConsoleCommands.STOP.id,
            backgroundColor: 'var(--theia-statusBarItem-warningBackground)',
            color: 'var(--theia-statusBarItem-warningForeground)'
        });
    }
}
