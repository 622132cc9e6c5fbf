import { BashQuotingFunctions, createShellCommandLine, ShellQuoting } from '@theia/core/lib/common/shell-quoting';
import { CommandProperties, ProcessTaskConfiguration } from '@theia/task/lib/common/process/task-protocol';
import { CreateTerminalParams } from '../../common/protocol.generated';
import { toPath } from '../files/file-paths';

const SPECIAL = [' ', '\'', '"', ...BashQuotingFunctions.characters.needQuotes ?? []];
const QUOTED = /\\.|'[^']*'|"[^"]*"/gs;

/** What is to be run for a task, and as people would type it. */
export interface TaskCommand {
    readonly terminal: Partial<CreateTerminalParams>;
    readonly line: string;
}

/**
 * A `process` task is a program with its arguments; a `shell` task is a line for a shell, into which arguments are put
 * with quotes where they need them, as VS Code does.
 */
export function toTaskCommand(config: ProcessTaskConfiguration): TaskCommand {
    const { command, args, options }: CommandProperties = { ...config, ...config.linux };
    if (!command) {
        throw new Error(`The task '${config.label}' has no command.`);
    }
    const { cwd, env, shell } = options ?? {};
    const place: Partial<CreateTerminalParams> = {
        ...cwd && { cwd: cwd.startsWith('file:') ? toPath(cwd) : cwd },
        ...env && { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? null])) }
    };
    if ((config.executionType ?? config.type) !== 'shell') {
        return { terminal: { ...place, command, args: args ?? [] }, line: [command, ...args ?? []].join(' ') };
    }
    // What is in quotes already, all of it or where it needs them, stays as it is.
    const needsQuotes = (argument: string) => !argument || SPECIAL.some(character => argument.replace(QUOTED, '').includes(character));
    const line = args
        ? createShellCommandLine([command, ...args].map(part =>
            typeof part === 'string' && needsQuotes(part) ? { value: part, quoting: ShellQuoting.Strong } : part), BashQuotingFunctions)
        : command;
    return { terminal: { ...place, ...shell && { command: shell.executable }, args: [...shell?.args ?? ['-c'], line] }, line };
}
