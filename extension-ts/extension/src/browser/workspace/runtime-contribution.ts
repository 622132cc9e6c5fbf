import { ConfirmDialog } from '@theia/core/lib/browser/dialogs';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { StatusBar, StatusBarAlignment, StatusBarEntry } from '@theia/core/lib/browser/status-bar/status-bar';
import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { QuickInputService } from '@theia/core/lib/common/quick-pick-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { WorkspaceRuntime } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

const ELEMENT = 'theia-bridge-runtime';

export namespace RuntimeCommands {
    export const START: Command = {
        id: 'theia-bridge.runtime.start',
        label: nls.localize('theia-bridge/runtime/start', 'Start Workspace')
    };
    export const STOP: Command = {
        id: 'theia-bridge.runtime.stop',
        label: nls.localize('theia-bridge/runtime/stop', 'Stop Workspace')
    };
    export const RESTART: Command = {
        id: 'theia-bridge.runtime.restart',
        label: nls.localize('theia-bridge/runtime/restart', 'Restart Workspace')
    };
    /** Offers what can be done at the moment. */
    export const CHOOSE: Command = { id: 'theia-bridge.runtime.choose' };
}

/** Tells in the status bar how the runtime is that terminals and language servers need; starts and stops it. */
@injectable()
export class RuntimeContribution implements FrontendApplicationContribution, CommandContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected runtime: WorkspaceRuntime | undefined;

    async onStart(): Promise<void> {
        this.connection.info.then(({ role }) => {
            // Viewers have none.
            if (role !== 'viewer') {
                this.connection.onNotification('workspace.didChangeRuntime', runtime => this.show(runtime));
                this.connection.onDidOpen(() => this.refresh());
                this.refresh();
            }
        });
    }

    registerCommands(commands: CommandRegistry): void {
        const runs = () => this.runtime?.state === 'running' || this.runtime?.state === 'starting';
        commands.registerCommand(RuntimeCommands.START, { execute: () => this.start(), isEnabled: () => !!this.runtime && !runs() });
        commands.registerCommand(RuntimeCommands.STOP, { execute: () => this.stop(), isEnabled: runs });
        commands.registerCommand(RuntimeCommands.RESTART, {
            execute: async () => await this.stop() && this.start(),
            isEnabled: runs
        });
        commands.registerCommand(RuntimeCommands.CHOOSE, {
            execute: async () => {
                const offered = [RuntimeCommands.START, RuntimeCommands.STOP, RuntimeCommands.RESTART].filter(({ id }) => commands.isEnabled(id));
                const chosen = await this.quickInput.showQuickPick(
                    offered.map(({ id, label }) => ({ id, label: label! })), { placeholder: this.runtime && this.describe(this.runtime) }
                );
                return chosen && commands.executeCommand(chosen.id!);
            }
        });
    }

    protected async refresh(): Promise<void> {
        try {
            this.show(await this.connection.request('workspace.runtime', undefined));
        } catch {
            // Offline, and asked again with the next channel.
        }
    }

    protected show(runtime: WorkspaceRuntime): void {
        this.runtime = runtime;
        const name = nls.localize('theia-bridge/runtime/name', 'Workspace');
        this.statusBar.setElement(ELEMENT, {
            text: `$(${this.icon(runtime)}) ${name}`,
            tooltip: this.describe(runtime),
            alignment: StatusBarAlignment.LEFT,
            priority: 900,
            command: RuntimeCommands.CHOOSE.id,
            ...this.hasFailed(runtime) && {
                backgroundColor: 'var(--theia-statusBarItem-errorBackground)',
                color: 'var(--theia-statusBarItem-errorForeground)'
            }
        } satisfies StatusBarEntry);
    }

    protected hasFailed({ state, status }: WorkspaceRuntime): boolean {
        return state === 'failed' || (state === 'running' && status?.mirror === 'failed');
    }

    protected icon(runtime: WorkspaceRuntime): string {
        if (this.hasFailed(runtime)) {
            return 'codicon-error';
        }
        if (runtime.state === 'starting') {
            return 'codicon-loading~spin';
        }
        if (runtime.state === 'running') {
            return runtime.status?.mirror === 'syncing' ? 'codicon-sync~spin' : 'codicon-vm-running';
        }
        return 'codicon-vm-outline';
    }

    protected describe({ state, error, status }: WorkspaceRuntime): string {
        switch (state) {
            case 'stopped':
                return nls.localize('theia-bridge/runtime/stopped', 'The workspace is stopped. It starts with the first terminal or language server.');
            case 'starting':
                return nls.localize('theia-bridge/runtime/starting', 'The workspace is starting.');
            case 'failed':
                return nls.localize('theia-bridge/runtime/failed', 'The workspace does not run: {0}', error ?? '');
        }
        switch (status?.mirror) {
            case 'syncing':
                return nls.localize('theia-bridge/runtime/syncing', 'The workspace runs. Its disk is being brought up to date with your files.');
            case 'failed':
                return nls.localize('theia-bridge/runtime/mirrorFailed', 'The workspace runs, but its disk is not kept equal to your files.');
            default:
                return nls.localize('theia-bridge/runtime/running', 'The workspace runs: {0} terminal(s).', status?.terminals ?? 0);
        }
    }

    protected async start(): Promise<void> {
        await this.attempt(() => this.connection.request('workspace.start', undefined, false));
    }

    /** @returns whether it was stopped. */
    protected async stop(): Promise<boolean> {
        const terminals = this.runtime?.status?.terminals ?? 0;
        if (terminals) {
            const confirmed = await new ConfirmDialog({
                title: RuntimeCommands.STOP.label!,
                msg: nls.localize('theia-bridge/runtime/confirmStop', 'What runs in {0} terminal(s) ends. Files are kept.', terminals),
                ok: nls.localizeByDefault('Stop')
            }).open();
            if (!confirmed) {
                return false;
            }
        }
        return this.attempt(() => this.connection.request('workspace.stop', undefined, false));
    }

    /** Tells why something failed. Returns whether it did not. */
    protected async attempt(change: () => Promise<WorkspaceRuntime>): Promise<boolean> {
        try {
            this.show(await change());
            return true;
        } catch (error) {
            this.messages.error((error as Error).message);
            return false;
        }
    }
}
