import { StorageService } from '@theia/core/lib/browser/storage-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { ProblemMatcher } from '@theia/task/lib/common/problem-matcher-protocol';
import { ProcessTaskConfiguration, ProcessTaskInfo } from '@theia/task/lib/common/process/task-protocol';
import { RunTaskOption, TaskClient, TaskConfiguration, TaskInfo, TaskServer } from '@theia/task/lib/common/task-protocol';
import { TaskWatcher } from '@theia/task/lib/common/task-watcher';
import { BridgeConnection } from '../connection/bridge-connection';
import { BridgeShellTerminalServer } from '../terminal/bridge-shell-terminal-server';
import { toTaskCommand } from './task-command';
import { TaskRun, TaskRunHost } from './task-run';

const STORED = 'theia-bridge.tasks';

/** What is stored of a task to know it again when the page was loaded anew. */
interface StoredTask {
    readonly ctx?: string;
    readonly config: TaskConfiguration;
    readonly matchers: ProblemMatcher[];
    readonly command: string;
    readonly processId: number;
}

/** Runs Theia's tasks in terminals of the session's workspace. */
@injectable()
export class BridgeTaskServer implements TaskServer, TaskRunHost {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(BridgeShellTerminalServer)
    protected readonly terminals: BridgeShellTerminalServer;

    @inject(StorageService)
    protected readonly storage: StorageService;

    @inject(TaskWatcher)
    protected readonly watcher: TaskWatcher;

    protected readonly runs = new Map<string, TaskRun>();
    protected readonly stored = new Map<string, StoredTask>();
    protected restored: Promise<void> | undefined;
    protected sequence = 0;

    get client(): TaskClient {
        return this.watcher.getTaskClient();
    }

    async run(config: TaskConfiguration, ctx?: string, option?: RunTaskOption): Promise<TaskInfo> {
        const { terminal: params, line } = toTaskCommand(config as ProcessTaskConfiguration);
        const { id, pid } = await this.connection.request('terminal.create', {
            ...params, title: config.label.slice(0, 200), cols: 80, rows: 24
        }, false);
        const task: StoredTask = { ctx, config, matchers: option?.customization?.problemMatcher ?? [], command: line, processId: pid };
        const { info } = this.follow(id, task);
        await this.store();
        this.client.onTaskCreated(info);
        this.client.onDidStartTaskProcess(info);
        return info;
    }

    async kill(taskId: number): Promise<void> {
        const run = [...this.runs.values()].find(({ info }) => info.taskId === taskId);
        if (run) {
            await this.connection.request('terminal.close', { id: run.id, signal: 'SIGTERM' });
        }
    }

    async getTasks(ctx?: string): Promise<TaskInfo[]> {
        await (this.restored ??= this.restore());
        return [...this.runs.values()].map(({ info }) => info).filter(info => ctx === undefined || info.ctx === ctx);
    }

    async getRegisteredTaskTypes(): Promise<string[]> {
        return ['shell', 'process'];
    }

    isThere(id: string): Promise<boolean> {
        return this.terminals.has(id);
    }

    whenEndIsShown(id: string): Promise<void> {
        return this.terminals.whenEndIsShown(id);
    }

    didEnd({ id }: TaskRun): void {
        this.runs.delete(id);
        this.stored.delete(id);
        this.store();
    }

    // Only extensions of VS Code run tasks of their own; there are none here.

    async customExecutionComplete(): Promise<void> { }

    setClient(): void { }

    disconnectClient(): void { }

    dispose(): void {
        this.runs.forEach(run => run.dispose());
    }

    /** Takes up the tasks that an earlier page has started. */
    protected async restore(): Promise<void> {
        for (const [id, task] of Object.entries(await this.storage.getData<Record<string, StoredTask>>(STORED, {}))) {
            if (!this.runs.has(id) && await this.terminals.has(id)) {
                this.follow(id, task);
            }
        }
    }

    protected follow(id: string, task: StoredTask): TaskRun {
        const { ctx, config, matchers, command, processId } = task;
        const info: ProcessTaskInfo = { taskId: ++this.sequence, terminalId: this.terminals.numberOf(id), ctx, config, command, processId };
        const run = new TaskRun(id, info, matchers, this);
        this.runs.set(id, run);
        this.stored.set(id, task);
        return run;
    }

    protected async store(): Promise<void> {
        await this.storage.setData(STORED, Object.fromEntries(this.stored));
    }
}
