import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { QuickInputService } from '@theia/core/lib/browser/quick-input/quick-input-service';
import { CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { inject, injectable } from '@theia/core/shared/inversify';
import { LanguageOutput } from './language-output';
import { LanguageServerCommands } from './language-server-commands';
import { LanguageServers } from './language-servers';
import { LanguageStatus } from './language-status';

/** Gives the editor language servers, and people a hand in how they run. */
@injectable()
export class LanguageClientContribution implements FrontendApplicationContribution, CommandContribution {

    @inject(LanguageServers)
    protected readonly servers: LanguageServers;

    @inject(LanguageStatus)
    protected readonly status: LanguageStatus;

    @inject(LanguageOutput)
    protected readonly output: LanguageOutput;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    onStart(): void {
        this.status.start();
        this.servers.start();
    }

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(LanguageServerCommands.RESTART, { execute: () => this.restart() });
        commands.registerCommand(LanguageServerCommands.OUTPUT, { execute: () => this.output.show() });
        commands.registerCommand(LanguageServerCommands.MENU, {
            execute: () => this.quickInput.showQuickPick([LanguageServerCommands.OUTPUT, LanguageServerCommands.RESTART].map(({ id, label }) => ({
                label: label!, execute: () => { commands.executeCommand(id); }
            })))
        });
        commands.registerCommand(LanguageServerCommands.RUN, {
            execute: (language: string, command: string, ...args: unknown[]) => {
                const own = this.servers.get(language)?.ready?.capabilities.executeCommandProvider?.commands;
                return own?.includes(command) ? this.servers.execute(language, command, args) : commands.executeCommand(command, ...args);
            }
        });
    }

    protected async restart(): Promise<void> {
        await Promise.all(this.servers.all.map(server => server.restart()));
    }
}
