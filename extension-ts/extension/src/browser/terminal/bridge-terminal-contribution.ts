import { ApplicationShell } from '@theia/core/lib/browser/shell/application-shell';
import { CurrentWidgetCommandAdapter } from '@theia/core/lib/browser/shell/current-widget-command-adapter';
import { Command, CommandRegistry } from '@theia/core/lib/common/command';
import { MenuModelRegistry } from '@theia/core/lib/common/menu';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { ShellTerminalProfile } from '@theia/terminal/lib/browser/shell-terminal-profile';
import { TerminalFrontendContribution, TerminalMenus } from '@theia/terminal/lib/browser/terminal-frontend-contribution';
import { TerminalProfile } from '@theia/terminal/lib/browser/terminal-profile-service';
import { BridgeConnection } from '../connection/bridge-connection';
import { BridgeShellTerminalServer } from './bridge-shell-terminal-server';
import { BridgeTerminalWidget } from './bridge-terminal-widget';

const ICON = 'codicon codicon-terminal';

const RENAME = Command.toLocalizedCommand({
    id: 'theia-bridge.terminal.rename',
    category: 'Terminal',
    label: 'Rename...'
}, 'theia-bridge/terminal/rename');

const ATTACH = Command.toLocalizedCommand({
    id: 'theia-bridge.terminal.attach',
    category: 'Terminal',
    label: 'Attach to Session...'
}, 'theia-bridge/terminal/attach');

/** Terminals of the session's workspace: it is not started before somebody wants one. */
@injectable()
export class BridgeTerminalContribution extends TerminalFrontendContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(BridgeShellTerminalServer)
    protected readonly server: BridgeShellTerminalServer;

    /** A new layout is without a terminal: it would start the workspace of everybody who only looks in. */
    override async initializeLayout(): Promise<void> { }

    override registerCommands(commands: CommandRegistry): void {
        super.registerCommands(commands);
        const targeted = (owner: unknown) => owner instanceof BridgeTerminalWidget ? owner : this.currentTerminal as BridgeTerminalWidget | undefined;
        commands.registerCommand(RENAME, new CurrentWidgetCommandAdapter(this.shell, {
            execute: title => this.rename(targeted(title?.owner)),
            isEnabled: title => !!targeted(title?.owner)
        }));
        commands.registerCommand(ATTACH, { execute: () => this.attach() });
    }

    override registerMenus(menus: MenuModelRegistry): void {
        super.registerMenus(menus);
        menus.registerMenuAction([...TerminalMenus.TERMINAL_CONTEXT_MENU, '_4'], { commandId: RENAME.id, order: '0' });
        menus.registerMenuAction(TerminalMenus.TERMINAL_TITLE_CONTRIBUTIONS, { commandId: RENAME.id });
    }

    override async contributeDefaultProfiles(): Promise<void> {
        this.contributedProfileStore.registerTerminalProfile('Shell', new ShellTerminalProfile(this, { iconClass: ICON }));
    }

    /** Where a shell is can only be known in the workspace, which says so if it is not there. */
    protected override async resolveShellPath(path: string | string[] | undefined): Promise<string | undefined> {
        const [first] = typeof path === 'string' ? [path] : path ?? [];
        return first && this.variableResolver.resolve(first);
    }

    protected override async selectTerminalProfile(placeholder: string): Promise<[string, TerminalProfile] | undefined> {
        await this.contributeShells();
        return super.selectTerminalProfile(placeholder);
    }

    protected override async openTerminal(options?: ApplicationShell.WidgetOptions, profile?: TerminalProfile): Promise<void> {
        const chosen = this.chosenProfile;
        if (!profile && chosen && !this.profileService.getProfile(chosen)) {
            await this.contributeShells();
        }
        await super.openTerminal(options, profile);
    }

    /** The name of the profile that the user has chosen for new terminals. */
    protected get chosenProfile(): string | undefined {
        return this.terminalPreferences['terminal.integrated.defaultProfile.linux'];
    }

    /** Makes profiles of the shells that the workspace has; it is started for that. */
    protected async contributeShells(): Promise<void> {
        try {
            const { profiles } = await this.connection.request('terminal.profiles', undefined);
            // With every new profile Theia looks for the chosen one.
            profiles.sort((one, other) => Number(other.name === this.chosenProfile) - Number(one.name === this.chosenProfile));
            for (const { name, path } of profiles) {
                this.contributedProfileStore.registerTerminalProfile(name, new ShellTerminalProfile(this, { shellPath: path, iconClass: ICON }));
            }
        } catch {
            // The terminal, which is opened next, tells why there are none.
        }
    }

    /** Shows a terminal that runs, but not on this page: of another one, or of one that was lost. */
    protected async attach(): Promise<void> {
        const running = await this.server.list().catch(() => []);
        const items = running.map(({ id, title, command, cwd }) => ({
            label: title, description: command.join(' '), detail: cwd, number: this.server.numberOf(id)
        })).filter(({ number }) => !this.getByTerminalId(number));
        const chosen = await this.quickInputService?.showQuickPick(items, {
            placeholder: items.length
                ? nls.localize('theia-bridge/terminal/attachPrompt', 'Terminal of the session to show on this page')
                : nls.localize('theia-bridge/terminal/attachNone', 'All terminals of the session are on this page already')
        });
        if (chosen) {
            const terminal = await this.newTerminal({ title: chosen.label, iconClass: ICON });
            await this.open(terminal);
            await terminal.start(chosen.number);
        }
    }

    protected async rename(terminal: BridgeTerminalWidget | undefined): Promise<void> {
        const title = await this.quickInputService?.input({
            value: terminal?.title.label,
            prompt: nls.localize('theia-bridge/terminal/renamePrompt', 'Title of the terminal')
        });
        if (title && terminal) {
            await terminal.rename(title);
        }
    }
}
