import { Disposable } from '@theia/core/lib/common/disposable';
import { TaskClient, TaskExitedEvent, TaskInfo } from '@theia/task/lib/common/task-protocol';
import { ProblemMatcher } from '@theia/task/lib/common/problem-matcher-protocol';
import { ProblemCollector } from '@theia/task/lib/node/task-problem-collector';
import { TerminalExit } from '../../common/protocol.generated';
import { TerminalSocket, TerminalSocketClient } from '../terminal/terminal-socket';

/** Sequences that colour text, move the cursor or set a title. */
const CONTROL = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;

export interface TaskRunHost {
    readonly client: TaskClient;
    isThere(id: string): Promise<boolean>;
    /** Waits until the terminal shows that its program has ended, if it is shown. */
    whenEndIsShown(id: string): Promise<void>;
    didEnd(run: TaskRun): void;
}

/** A task that runs in a terminal: its output is searched for problems, and its end is told. */
export class TaskRun implements TerminalSocketClient, Disposable {

    protected readonly socket: TerminalSocket;
    protected readonly problems: ProblemCollector;
    protected readonly decoder = new TextDecoder();
    protected line = '';
    /** Whether a task of the background is in the middle of what it does again and again. */
    protected active = false;

    constructor(readonly id: string, readonly info: TaskInfo, matchers: ProblemMatcher[], protected readonly host: TaskRunHost) {
        this.problems = new ProblemCollector(matchers);
        this.socket = new TerminalSocket(id, this);
    }

    dispose(): void {
        this.socket.dispose();
    }

    didAttach(): void {
        this.line = '';
    }

    didReceive(data: Uint8Array, done: () => void): void {
        const lines = (this.line + this.decoder.decode(data, { stream: true })).split('\n');
        this.line = lines.pop()!;
        lines.forEach(line => this.match(line.replace(CONTROL, '').replace(/\r$/, '')));
        done();
    }

    didExit({ code, signal }: TerminalExit): void {
        this.end(signal ? { signal } : { code: code! });
    }

    isThere(): Promise<boolean> {
        return this.host.isThere(this.id);
    }

    didVanish(): void {
        this.end({ signal: 'SIGKILL' });
    }

    protected match(line: string): void {
        const { taskId, ctx, config } = this.info;
        const problems = this.problems.processLine(line);
        if (problems.length) {
            this.host.client.onDidProcessTaskOutput({ taskId, ctx, config, problems });
        }
        if (config.isBackground) {
            this.active ||= this.problems.isTaskActiveOnStart() || this.problems.matchBeginMatcher(line);
            if (this.active && this.problems.matchEndMatcher(line)) {
                this.host.client.onBackgroundTaskEnded({ taskId, ctx });
            }
        }
    }

    protected async end(how: Pick<TaskExitedEvent, 'code' | 'signal'>): Promise<void> {
        // Theia writes into the terminal that the task is over, which is to stand below what the task has said.
        await this.host.whenEndIsShown(this.id);
        const { taskId, ctx, config, terminalId } = this.info;
        const event: TaskExitedEvent = { taskId, ctx, config, terminalId, processId: this.info.processId as number, ...how };
        this.host.didEnd(this);
        this.host.client.onDidEndTaskProcess(event);
        this.host.client.onTaskExit(event);
    }
}
