import { decodeFrame, Encoding, Frame, frameSize } from './frame';
import { abridge, Abridged } from './abridge';

export type FrameKind = 'request' | 'answer' | 'error' | 'notification';

/** What is told of one frame. It is plain data that other pages may be sent. */
export interface FrameRecord {
    readonly sent: boolean;
    readonly kind: FrameKind;
    /** Of an answer it is that of its request; empty if that was not seen. */
    readonly method: string;
    readonly id?: number;
    /** Milliseconds since 1970. */
    readonly at: number;
    /** Bytes of the whole frame. */
    readonly size: number;
    readonly encoding: Encoding;
    /** Of an answer: milliseconds since its request was sent. */
    readonly duration?: number;
    /** Of an error. */
    readonly errorKind?: string;
    /** Params, result or error, as far as they may be shown. */
    readonly content: Abridged;
}

/** Calls whose answers may still come; what lives longer than so many others is told without its method. */
const MAX_OPEN = 1_000;

interface Message {
    readonly id?: number;
    readonly method?: string;
    readonly params?: unknown;
    readonly result?: unknown;
    readonly error?: { readonly data?: { readonly kind?: string } };
}

/** Makes records of the frames of a connection. */
export class FrameRecorder {

    protected readonly open = new Map<number, { readonly method: string, readonly since: number }>();

    /**
     * @param now milliseconds of a clock that only goes forward.
     */
    constructor(protected readonly now: () => number = () => performance.now()) { }

    record({ sent, data }: Frame): FrameRecord {
        const message = decodeFrame(data) as Message;
        const { id } = message;
        const known = { sent, at: Date.now(), size: frameSize(data), encoding: typeof data === 'string' ? 'json' : 'msgpack', id } as const;
        if (message.method !== undefined) {
            const kind = id === undefined ? 'notification' : 'request';
            if (id !== undefined) {
                this.remember(id, message.method);
            }
            return { ...known, kind, method: message.method, content: abridge(message.params) };
        }
        const request = id === undefined ? undefined : this.open.get(id);
        const answered = { ...known, method: request?.method ?? '', duration: request && this.now() - request.since };
        if (id !== undefined) {
            this.open.delete(id);
        }
        return message.error
            ? { ...answered, kind: 'error', errorKind: message.error.data?.kind ?? 'Unknown', content: abridge(message.error) }
            : { ...answered, kind: 'answer', content: abridge(message.result) };
    }

    protected remember(id: number, method: string): void {
        this.open.set(id, { method, since: this.now() });
        if (this.open.size > MAX_OPEN) {
            this.open.delete(this.open.keys().next().value!);
        }
    }
}
