import { Outcome, RunningCall } from '../rpc-session';
import { Api } from '../syntax/api';
import { Call, parseCall } from '../syntax/call';
import { readScript, ScriptLine } from '../syntax/script';
import { SyntaxProblem, WordReader } from '../syntax/words';
import { formatDuration } from '../format';

/** How a line of a script went. */
export interface LineResult {
    readonly line: ScriptLine;
    readonly status: 'done' | 'failed' | 'skipped';
    readonly text: string;
}

/** What a script needs of the page. */
export interface ScriptHost {
    /** @throws SyntaxProblem */
    start(call: Call): RunningCall;
    /** Shows a call that a line has made. */
    show(outcome: Outcome): void;
}

const MAX_REPETITIONS = 10_000;

/** Runs a script, one line after the other. */
export class ScriptRunner {

    protected stopped = false;
    protected running: RunningCall | undefined;
    /** Made by `watch`, ended by `unwatch`. */
    protected readonly watches: string[] = [];

    constructor(protected readonly host: ScriptHost, protected readonly api: Api, protected readonly tell: (result: LineResult) => void) { }

    /** Up to its end, the first line that fails, or until it is stopped. */
    async run(script: string): Promise<void> {
        this.stopped = false;
        for (const line of readScript(script)) {
            const result = await this.runLine(line);
            this.tell(result);
            if (this.stopped || (result.status === 'failed' && !line.mayFail)) {
                return;
            }
        }
    }

    stop(): void {
        this.stopped = true;
        this.running?.cancel();
    }

    protected async runLine(line: ScriptLine): Promise<LineResult> {
        try {
            return { line, ...await this.dispatch(line.text) };
        } catch (error) {
            if (error instanceof SyntaxProblem) {
                return { line, status: 'failed', text: error.message };
            }
            throw error;
        }
    }

    protected async dispatch(text: string): Promise<Pick<LineResult, 'status' | 'text'>> {
        const words = new WordReader(text);
        const first = text.startsWith('{') ? '' : words.next().text;
        if (first === '' || first.includes('.')) {
            return this.callOnce(parseCall(text, this.api));
        }
        switch (first) {
            case 'watch':
                return this.watch(words.done ? '/workspace' : words.next().text);
            case 'unwatch':
                return this.unwatch();
            case 'repeat':
                return this.repeat(words);
            default:
                return { status: 'skipped', text: `${first} is a command of the command line; it does nothing here.` };
        }
    }

    protected async callOnce(call: Call): Promise<Pick<LineResult, 'status' | 'text'>> {
        const outcome = await this.perform(call);
        this.host.show(outcome);
        return { status: outcome.error ? 'failed' : 'done', text: outcome.error ? `${outcome.error.kind}: ${outcome.error.message}` : formatDuration(outcome.duration) };
    }

    protected async perform(call: Call): Promise<Outcome> {
        this.running = this.host.start(call);
        try {
            return await this.running.outcome;
        } finally {
            this.running = undefined;
        }
    }

    protected async watch(path: string): Promise<Pick<LineResult, 'status' | 'text'>> {
        const { result, error } = await this.perform({ method: 'fs.watch', params: { path } });
        if (error) {
            return { status: 'failed', text: `${error.kind}: ${error.message}` };
        }
        this.watches.push((result as { watchId: string }).watchId);
        return { status: 'done', text: 'Changes are shown in the log.' };
    }

    protected async unwatch(): Promise<Pick<LineResult, 'status' | 'text'>> {
        for (const watchId of this.watches.splice(0)) {
            await this.perform({ method: 'fs.unwatch', params: { watchId } });
        }
        return { status: 'done', text: '' };
    }

    protected async repeat(words: WordReader): Promise<Pick<LineResult, 'status' | 'text'>> {
        const times = Number(words.done ? NaN : words.next().text);
        if (!Number.isInteger(times) || times < 1 || times > MAX_REPETITIONS) {
            throw new SyntaxProblem(`repeat takes a number from 1 to ${MAX_REPETITIONS.toLocaleString('en')} and a call.`);
        }
        const call = parseCall(words.rest, this.api);
        const durations: number[] = [];
        let last: Outcome | undefined;
        while (durations.length < times && !this.stopped && !last?.error) {
            last = await this.perform(call);
            durations.push(last.duration);
        }
        this.host.show(last!);
        if (last!.error) {
            return { status: 'failed', text: `${last!.error.kind} at the ${durations.length}. time: ${last!.error.message}` };
        }
        durations.sort((one, other) => one - other);
        const [shortest, median, longest] = [0, durations.length >> 1, durations.length - 1].map(index => formatDuration(durations[index]));
        return { status: 'done', text: `${durations.length} times, ${median} in the middle, ${shortest} to ${longest}` };
    }
}
