import { Event } from '@theia/core/lib/common/event';
import { Deferred, timeout } from '@theia/core/lib/common/promise-util';
import { inject, injectable } from '@theia/core/shared/inversify';
import { TerminalProcessInfo } from '@theia/terminal/lib/common/base-terminal-protocol';
import { IShellTerminalServer, IShellTerminalServerOptions } from '@theia/terminal/lib/common/shell-terminal-protocol';
import { BridgeError } from '../../common/bridge-error';
import { Terminal } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toPath, toUri } from '../files/file-paths';

/** Milliseconds in which a terminal that is shown shows that its program has ended. */
const SHOWN_TIME = 1_000;

/** What Theia asks of its terminal server. Its terminals have numbers, which are good for this page only. */
@injectable()
export class BridgeShellTerminalServer implements IShellTerminalServer {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    /** What lives on the connection comes back with it by itself. */
    readonly onDidOpenConnection: Event<void> = Event.None;
    readonly onDidCloseConnection: Event<void> = Event.None;

    /** The server's ids, by Theia's numbers. The first is 1, as Theia's tasks take 0 for none. */
    protected readonly ids: (string | undefined)[] = [undefined];

    /** Of those that have ended: whether it is shown. */
    protected readonly ends = new Map<string, Deferred<void>>();

    idOf(number: number): string | undefined {
        return this.ids[number];
    }

    /** Theia's number for a terminal. */
    numberOf(id: string): number {
        const known = this.ids.indexOf(id);
        return known >= 0 ? known : this.ids.push(id) - 1;
    }

    async create({ shell, args, env, rootURI, cols, rows }: IShellTerminalServerOptions): Promise<number> {
        const terminal = await this.connection.request('terminal.create', {
            ...shell ? { command: shell } : {},
            ...args && args.length ? { args: typeof args === 'string' ? [args] : args } : {},
            ...rootURI ? { cwd: toPath(rootURI) } : {},
            ...env ? { env } : {},
            cols: cols ?? 80,
            rows: rows ?? 24
        }, false);
        return this.numberOf(terminal.id);
    }

    /** A terminal that is shown shows that its program has ended. */
    didShowEnd(number: number): void {
        const id = this.idOf(number);
        if (id) {
            this.end(id).resolve();
        }
    }

    /** Waits until that is so; not for long, as it may not be shown. */
    async whenEndIsShown(id: string): Promise<void> {
        await Promise.race([this.end(id).promise, timeout(SHOWN_TIME)]);
        this.ends.delete(id);
    }

    protected end(id: string): Deferred<void> {
        const end = this.ends.get(id) ?? new Deferred<void>();
        this.ends.set(id, end);
        return end;
    }

    /** All terminals of the session. */
    async list(): Promise<Terminal[]> {
        return (await this.connection.request('terminal.list', undefined)).terminals;
    }

    /** Whether a terminal still is there. */
    async has(id: string): Promise<boolean> {
        return (await this.list()).some(terminal => terminal.id === id);
    }

    async attach(number: number): Promise<number> {
        const id = this.idOf(number);
        return id && await this.has(id) ? number : -1;
    }

    async onAttachAttempted(): Promise<void> { }

    async resize(number: number, cols: number, rows: number): Promise<void> {
        const id = this.idOf(number);
        if (id) {
            await this.unlessGone(this.connection.request('terminal.resize', { id, cols, rows }));
        }
    }

    async close(number: number): Promise<void> {
        const id = this.idOf(number);
        if (id) {
            await this.unlessGone(this.connection.request('terminal.close', { id }));
        }
    }

    async rename(number: number, title: string): Promise<void> {
        const id = this.idOf(number);
        if (id) {
            await this.unlessGone(this.connection.request('terminal.rename', { id, title: title.slice(0, 200) }));
        }
    }

    async getProcessId(number: number): Promise<number> {
        return (await this.get(number)).pid;
    }

    async getProcessInfo(number: number): Promise<TerminalProcessInfo> {
        const [executable, ...args] = (await this.get(number)).command;
        return { executable, arguments: args };
    }

    async getCwdURI(number: number): Promise<string> {
        return toUri((await this.get(number)).cwd).toString();
    }

    async hasChildProcesses(processId: number | undefined): Promise<boolean> {
        return (await this.list()).some(({ pid, busy }) => pid === processId && busy);
    }

    async getDefaultShell(): Promise<string> {
        const { profiles, default: name } = await this.connection.request('terminal.profiles', undefined);
        return profiles.find(profile => profile.name === name)!.path;
    }

    // Extensions of VS Code would set these; there are none here.

    async getEnvVarCollectionDescriptionsByExtension(): Promise<Map<string, undefined[]>> {
        return new Map();
    }

    async getEnvVarCollections(): Promise<[]> {
        return [];
    }

    restorePersisted(): void { }

    setCollection(): void { }

    deleteCollection(): void { }

    setClient(): void { }

    dispose(): void { }

    protected async get(number: number): Promise<Terminal> {
        const id = this.idOf(number);
        const found = (await this.list()).find(terminal => terminal.id === id);
        if (!found) {
            throw new Error('The terminal is not there any more.');
        }
        return found;
    }

    /** A terminal that has gone need not be changed. */
    protected async unlessGone(change: Promise<unknown>): Promise<void> {
        try {
            await change;
        } catch (error) {
            if (!(error instanceof BridgeError && error.kind === 'NotFound')) {
                throw error;
            }
        }
    }
}
