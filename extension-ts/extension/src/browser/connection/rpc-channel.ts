import { Disposable } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { ErrorData } from '../../common/bridge-error';
import { decodeFrame, Frame, FrameData } from '../../common/frames/frame';

/** The part of the standard WebSocket that a channel uses, so that one from Node serves in tests. */
export interface BridgeSocket {
    binaryType: string;
    readonly bufferedAmount: number;
    addEventListener(type: 'open' | 'error', listener: () => void): void;
    addEventListener(type: 'close', listener: (event: { readonly code: number }) => void): void;
    addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
    send(data: FrameData): void;
    close(code?: number): void;
}

export interface ResponseMessage {
    readonly id: number;
    readonly result?: unknown;
    readonly error?: {
        readonly message: string;
        readonly data?: ErrorData;
    };
}

export interface NotificationMessage {
    readonly method: string;
    readonly params: unknown;
}

export interface ChannelTiming {
    /** After this long without a word from the server it is asked for one. Milliseconds, as all here. */
    readonly idle: number;
    /** The socket is taken for dead when nothing came for this long after asking. */
    readonly answer: number;
    /** The same while other requests are under way: a large answer arrives whole, and the ping's comes behind it. */
    readonly busyAnswer: number;
}

/** Standard close code for a connection that broke without a closing handshake (RFC 6455, 7.4.1). */
export const ABNORMAL_CLOSURE = 1006;

/**
 * One WebSocket from opening to closing: frames in, messages out, and the notice that it died.
 * It knows nothing of retries; `BridgeConnection` keeps a succession of channels.
 */
export class RpcChannel implements Disposable {

    protected readonly onDidOpenEmitter = new Emitter<void>();
    readonly onDidOpen: Event<void> = this.onDidOpenEmitter.event;

    protected readonly onDidCloseEmitter = new Emitter<number>();
    /** Fires once, with the close code. */
    readonly onDidClose: Event<number> = this.onDidCloseEmitter.event;

    protected readonly onResponseEmitter = new Emitter<ResponseMessage>();
    readonly onResponse: Event<ResponseMessage> = this.onResponseEmitter.event;

    protected readonly onNotificationEmitter = new Emitter<NotificationMessage>();
    readonly onNotification: Event<NotificationMessage> = this.onNotificationEmitter.event;

    protected readonly onFrameEmitter = new Emitter<Frame>();
    readonly onFrame: Event<Frame> = this.onFrameEmitter.event;

    protected watchdog: ReturnType<typeof setTimeout> | undefined;
    protected closed = false;

    /**
     * @param ping sends a request whose answer shows that the server lives.
     * @param busy tells whether requests are under way.
     */
    constructor(
        protected readonly socket: BridgeSocket,
        protected readonly timing: ChannelTiming,
        protected readonly ping: () => void,
        protected readonly busy: () => boolean
    ) {
        socket.binaryType = 'arraybuffer';
        socket.addEventListener('open', () => {
            if (!this.closed) {
                this.waitForTraffic();
                this.onDidOpenEmitter.fire();
            }
        });
        socket.addEventListener('message', ({ data }) => this.receive(data));
        socket.addEventListener('close', ({ code }) => this.didClose(code));
        // An error is always followed by a close event, and carries no detail by design of the standard. Node's
        // sockets take one without a listener for a fault of the program.
        socket.addEventListener('error', () => { });
    }

    send(data: FrameData): void {
        this.socket.send(data);
        this.onFrameEmitter.fire({ sent: true, data });
    }

    /** Asks the server for a sign of life now, as after the machine slept. */
    probe(): void {
        if (this.closed) {
            return;
        }
        clearTimeout(this.watchdog);
        this.ping();
        this.waitForAnswer(this.socket.bufferedAmount);
    }

    /** Closes without waiting for the other side, which may be gone. */
    close(code: number): void {
        if (!this.closed) {
            this.socket.close(code < 3000 ? undefined : code);
            this.didClose(code);
        }
    }

    dispose(): void {
        this.closed = true;
        clearTimeout(this.watchdog);
        this.onDidOpenEmitter.dispose();
        this.onDidCloseEmitter.dispose();
        this.onResponseEmitter.dispose();
        this.onNotificationEmitter.dispose();
        this.onFrameEmitter.dispose();
        this.socket.close();
    }

    protected didClose(code: number): void {
        if (this.closed) {
            return;
        }
        this.closed = true;
        clearTimeout(this.watchdog);
        this.onDidCloseEmitter.fire(code);
    }

    protected receive(data: unknown): void {
        if (this.closed) {
            return;
        }
        this.waitForTraffic();
        const frame = typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer);
        this.onFrameEmitter.fire({ sent: false, data: frame });
        const message = decodeFrame(frame) as ResponseMessage | NotificationMessage;
        if ('method' in message) {
            this.onNotificationEmitter.fire(message);
        } else {
            this.onResponseEmitter.fire(message);
        }
    }

    protected waitForTraffic(): void {
        clearTimeout(this.watchdog);
        this.watchdog = setTimeout(() => this.probe(), this.timing.idle);
    }

    protected waitForAnswer(unsent: number): void {
        this.watchdog = setTimeout(() => {
            const stillUnsent = this.socket.bufferedAmount;
            if (stillUnsent < unsent) {
                // A large upload on a slow line goes out ahead of the ping: the line is alive.
                this.waitForAnswer(stillUnsent);
            } else {
                this.close(ABNORMAL_CLOSURE);
            }
        }, this.busy() ? this.timing.busyAnswer : this.timing.answer);
    }
}
