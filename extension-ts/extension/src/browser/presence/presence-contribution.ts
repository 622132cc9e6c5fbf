import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { OpenerService, open } from '@theia/core/lib/browser/opener-service';
import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { nls } from '@theia/core/lib/common/nls';
import { QuickInputService } from '@theia/core/lib/common/quick-pick-service';
import { generateUuid } from '@theia/core/lib/common/uuid';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable } from '@theia/core/shared/inversify';
import { EditorManager } from '@theia/editor/lib/browser/editor-manager';
import { browserName } from '../../common/browser-name';
import { formatTime } from '../../common/format-time';
import { SessionWindow, WorkspaceInfo } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toPath, toUri } from '../files/file-paths';

const ELEMENT = 'theia-bridge-presence';

/** How long one stays with a file before others are told, in milliseconds. */
const SETTLE_TIME = 500;

export namespace PresenceCommands {
    export const SHOW: Command = {
        id: 'theia-bridge.presence.show',
        label: nls.localize('theia-bridge/presence/show', 'Show Who Has This Session Open')
    };
}

/** Lets others who have the session open know of this window, and tells of theirs in the status bar. */
@injectable()
export class PresenceContribution implements FrontendApplicationContribution, CommandContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(EditorManager)
    protected readonly editors: EditorManager;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(OpenerService)
    protected readonly openers: OpenerService;

    /** The same on all channels of this page, so that a new one takes the place of the last. */
    protected readonly window = generateUuid();
    protected info: WorkspaceInfo | undefined;
    protected windows: SessionWindow[] = [];

    protected readonly attendSoon = debounce(() => this.attend(), SETTLE_TIME);

    async onStart(): Promise<void> {
        this.info = await this.connection.info;
        this.connection.onNotification('workspace.didChangePresence', ({ windows }) => this.show(windows));
        this.connection.onDidChangeState(state => {
            if (state !== 'online') {
                // Who is there is not known any more.
                this.show([]);
            }
        });
        this.connection.onDidOpen(() => this.attendSoon());
        this.editors.onCurrentEditorChanged(() => this.attendSoon());
        this.attendSoon();
    }

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(PresenceCommands.SHOW, { execute: () => this.pick() });
    }

    protected async attend(): Promise<void> {
        const uri = this.editors.currentEditor?.editor.uri;
        const file = uri?.scheme === 'file' ? toPath(uri.toString()) : '';
        try {
            await this.connection.request('workspace.attend', { window: this.window, age: Math.round(performance.now()), file }, false);
        } catch {
            // Offline, and told on the next channel.
        }
    }

    protected get others(): SessionWindow[] {
        return this.windows.filter(({ window }) => window !== this.window);
    }

    protected show(windows: SessionWindow[]): void {
        this.windows = windows;
        const { others } = this;
        if (!others.length) {
            this.statusBar.removeElement(ELEMENT);
            return;
        }
        this.statusBar.setElement(ELEMENT, {
            text: `$(codicon-person) ${others.length + 1}`,
            tooltip: this.tooltip(others),
            alignment: StatusBarAlignment.LEFT,
            priority: 850,
            command: PresenceCommands.SHOW.id,
            accessibilityInformation: {
                label: nls.localize('theia-bridge/presence/label', 'This session is open in {0} windows', others.length + 1),
                role: 'button'
            }
        });
    }

    protected async pick(): Promise<void> {
        const own = this.windows.filter(({ window }) => window === this.window);
        const items = [...this.others, ...own].map(window => ({
            label: this.name(window),
            description: [this.place(window), this.since(window)].join(' · '),
            detail: window.file || nls.localize('theia-bridge/presence/noFile', 'No file'),
            file: window.file
        }));
        const placeholder = items.length > 1
            ? nls.localize('theia-bridge/presence/placeholder', 'Open the file that is looked at in a window')
            : nls.localize('theia-bridge/presence/alone', 'Nobody else has this session open');
        const picked = await this.quickInput.showQuickPick(items, { placeholder, matchOnDescription: true, matchOnDetail: true });
        if (picked?.file) {
            await open(this.openers, toUri(picked.file));
        }
    }

    protected tooltip(others: SessionWindow[]): HTMLElement {
        const lines = [nls.localize('theia-bridge/presence/also', 'This session is also open in:'), ...others.map(other => this.describe(other))];
        const tooltip = document.createElement('div');
        tooltip.append(...lines.map(line => Object.assign(document.createElement('div'), { textContent: line })));
        return tooltip;
    }

    protected describe(window: SessionWindow): string {
        return [this.name(window), this.place(window), this.since(window), ...window.file ? [window.file] : []].join(' · ');
    }

    protected name({ window, user, userName }: SessionWindow): string {
        if (window === this.window) {
            return nls.localize('theia-bridge/presence/thisWindow', '{0} (this window)', userName);
        }
        return user === this.info?.user ? nls.localize('theia-bridge/presence/you', '{0} (you)', userName) : userName;
    }

    protected place({ agent }: SessionWindow): string {
        const { browser, system } = browserName(agent);
        return system ? nls.localize('theia-bridge/presence/browser', '{0} on {1}', browser, system) : browser;
    }

    protected since({ since }: SessionWindow): string {
        return nls.localize('theia-bridge/presence/since', 'since {0}', formatTime(since));
    }
}
