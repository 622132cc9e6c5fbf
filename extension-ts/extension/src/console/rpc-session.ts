import { BridgeError } from '../common/bridge-error';
import { Encoding } from '../common/frames/frame';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { FrameLog } from './log/frame-log';
import { Api } from './syntax/api';
import { Call, Params } from './syntax/call';
import { toMessagePack } from './wire-values';

/** How a call went. */
export interface Outcome {
    readonly call: Call;
    readonly encoding: Encoding;
    /** Milliseconds since 1970. */
    readonly at: number;
    /** Milliseconds. */
    readonly duration: number;
    /** Bytes of the answer; nothing if none came. */
    readonly size: number | undefined;
    readonly result?: unknown;
    readonly error?: BridgeError;
}

export interface RunningCall {
    readonly outcome: Promise<Outcome>;
    cancel(): void;
}

/** Makes calls on the page's own channel. */
export class RpcSession {

    constructor(protected readonly connection: BridgeConnection, protected readonly log: FrameLog, readonly api: Api) { }

    /** @throws SyntaxProblem if the call cannot be put into that encoding. */
    run(call: Call, encoding: Encoding): RunningCall {
        const params: Params = encoding === 'json' ? call.params : toMessagePack(call, this.api);
        const started = performance.now();
        const at = Date.now();
        const { id, answer, cancel } = this.connection.startCall({ method: call.method, params, encoding });
        const end = (ending: Pick<Outcome, 'result' | 'error'>): Outcome => {
            const record = this.log.answerTo(id);
            return { call, encoding, at, duration: record?.duration ?? performance.now() - started, size: record?.size, ...ending };
        };
        const outcome = answer.then(
            result => end({ result }),
            (error: unknown) => end({ error: error instanceof BridgeError ? error : BridgeError.unavailable(String(error)) }));
        return { outcome, cancel };
    }
}
