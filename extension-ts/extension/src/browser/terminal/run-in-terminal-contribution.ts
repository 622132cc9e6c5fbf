import { ApplicationShell } from '@theia/core/lib/browser/shell/application-shell';
import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { timeout } from '@theia/core/lib/common/promise-util';
import { inject, injectable } from '@theia/core/shared/inversify';
import { TerminalService } from '@theia/terminal/lib/browser/base/terminal-service';
import { TerminalWidget } from '@theia/terminal/lib/browser/base/terminal-widget';
import { TerminalWidgetImpl } from '@theia/terminal/lib/browser/terminal-widget-impl';
import { BridgeConnection } from '../connection/bridge-connection';
import { toUri } from '../files/file-paths';
import { commandLine, quote } from './shell-command';

/** What is to be run: a program, its arguments, and the folder it is run in. The title is the terminal's. */
export interface TerminalRun {
    readonly title: string;
    readonly command: string;
    readonly args?: readonly string[];
    readonly cwd: string;
}

export const RUN_IN_TERMINAL: Command = { id: 'theia-bridge.run-in-terminal' };

/** Milliseconds to wait for the prompt of a new shell. One that shows none is given its command all the same. */
const PROMPT_TIME = 3_000;

/** Runs programs where people see them and can go on: in a shell, and the same one as the last time. */
@injectable()
export class RunInTerminalContribution implements CommandContribution {

    @inject(ApplicationShell)
    protected readonly shell: ApplicationShell;

    @inject(TerminalService)
    protected readonly terminals: TerminalService;

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(MessageService)
    protected readonly messages: MessageService;

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(RUN_IN_TERMINAL, { execute: (run: TerminalRun) => this.run(run) });
    }

    protected async run(run: TerminalRun): Promise<void> {
        try {
            await this.shell.saveAll();
            // What was saved may still be on its way to the disk from which the program is run.
            await this.connection.request('workspace.sync', undefined);
            const line = commandLine(run.command, run.args ?? []);
            const terminal = await this.idle(run.title);
            if (terminal) {
                await this.terminals.open(terminal, { mode: 'reveal' });
                const there = (await terminal.cwd).path.toString() === run.cwd;
                terminal.sendText(`${there ? '' : `cd ${quote(run.cwd)} && `}${line}\r`);
            } else {
                (await this.create(run)).sendText(`${line}\r`);
            }
        } catch (error) {
            this.messages.error(nls.localize('theia-bridge/run/failed', '{0} was not run. {1}', run.title, error instanceof Error ? error.message : String(error)));
        }
    }

    /** The terminal of that title in which nothing runs. */
    protected async idle(title: string): Promise<TerminalWidgetImpl | undefined> {
        for (const terminal of this.terminals.all) {
            if (terminal instanceof TerminalWidgetImpl && terminal.title.label === title && !terminal.exitStatus && !await terminal.hasChildProcesses()) {
                return terminal;
            }
        }
        return undefined;
    }

    /** A new terminal, with its prompt: what is sent before is shown twice. */
    protected async create({ title, cwd }: TerminalRun): Promise<TerminalWidget> {
        const terminal = await this.terminals.newTerminal({ title, cwd: toUri(cwd), useServerTitle: false, destroyTermOnClose: true });
        const prompt = new Promise<void>(resolve => terminal.onOutput(() => resolve()));
        await terminal.start();
        await this.terminals.open(terminal, { mode: 'reveal' });
        await Promise.race([prompt, timeout(PROMPT_TIME)]);
        return terminal;
    }
}
