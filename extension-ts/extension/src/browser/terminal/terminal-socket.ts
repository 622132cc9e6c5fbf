import { Disposable } from '@theia/core/lib/common/disposable';
import { TerminalExit } from '../../common/protocol.generated';
import { openTerminalSocket } from '../connection/browser-surroundings';

/** Bytes after which the server is told that they are dealt with; the program waits at 512 KiB. */
const ACKNOWLEDGE = 64 * 1024;
/** Bytes not dealt with that make a page which nobody sees let go: less than what the program waits at. */
const LET_GO = 256 * 1024;
/** Milliseconds. */
const FIRST_RETRY = 200;
const LAST_RETRY = 5_000;

export interface TerminalSocketClient {
    /** What follows begins anew, with as many bytes that were said before; `again` if it is not for the first time. */
    didAttach(replay: number, again: boolean): void;
    /** Output, and what to call once it is dealt with. */
    didReceive(data: Uint8Array, done: () => void): void;
    didExit(exit: TerminalExit): void;
    /** Whether the terminal still is there, asked when its socket was lost; fails when that cannot be known. */
    isThere(): Promise<boolean>;
    didVanish(): void;
}

/**
 * The bytes of one terminal. It comes back after its connection was lost.
 *
 * Browsers slow down pages that nobody sees, and with them whoever waits for an acknowledgement. So that a program
 * does not stand still because of that, such a page lets go of its terminal when it falls behind, and attaches again
 * when it is looked at: the server has kept what was said last.
 */
export class TerminalSocket implements Disposable {

    protected readonly encoder = new TextEncoder();
    protected socket: WebSocket | undefined;
    protected waiting: Uint8Array<ArrayBuffer>[] = [];
    protected attached = false;
    protected failures = 0;
    protected ended = false;
    protected retryTimer: ReturnType<typeof setTimeout> | undefined;
    protected readonly wake = () => this.connect();

    constructor(protected readonly id: string, protected readonly client: TerminalSocketClient) {
        this.connect();
    }

    /** Input; that of a time without connection is sent with the next one. */
    send(text: string, binary = false): void {
        const data = binary ? Uint8Array.from(text, character => character.charCodeAt(0)) : this.encoder.encode(text);
        if (this.socket?.readyState === WebSocket.OPEN) {
            this.socket.send(data);
        } else if (!this.ended) {
            this.waiting.push(data);
        }
    }

    /** There is reason to think that the connection is dead, though it may seem open. */
    refresh(): void {
        if (this.socket && !this.ended) {
            this.drop(this.socket);
            this.connect();
        }
    }

    dispose(): void {
        this.ended = true;
        clearTimeout(this.retryTimer);
        document.removeEventListener('visibilitychange', this.wake);
        this.socket?.close();
    }

    protected connect(): void {
        clearTimeout(this.retryTimer);
        const socket = openTerminalSocket(this.id);
        let behind = 0;
        let dealtWith = 0;
        const didDealWith = (bytes: number) => {
            behind -= bytes;
            dealtWith += bytes;
            if (dealtWith >= ACKNOWLEDGE && socket.readyState === WebSocket.OPEN) {
                socket.send(JSON.stringify({ ack: dealtWith }));
                dealtWith = 0;
            }
        };
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => {
            this.failures = 0;
            this.waiting.forEach(data => socket.send(data));
            this.waiting = [];
        };
        socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
            if (this.ended) {
                return;
            }
            if (typeof data === 'string') {
                this.control(JSON.parse(data) as { replay?: number, exit?: TerminalExit });
            } else {
                behind += data.byteLength;
                this.client.didReceive(new Uint8Array(data), () => didDealWith(data.byteLength));
                if (document.hidden && behind > LET_GO) {
                    this.letGo(socket);
                }
            }
        };
        socket.onclose = () => this.recover(socket);
        this.socket = socket;
    }

    protected letGo(socket: WebSocket): void {
        this.drop(socket);
        document.addEventListener('visibilitychange', this.wake, { once: true });
    }

    protected drop(socket: WebSocket): void {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        this.socket = undefined;
    }

    protected control({ replay, exit }: { replay?: number, exit?: TerminalExit }): void {
        if (replay !== undefined) {
            this.client.didAttach(replay, this.attached);
            this.attached = true;
        }
        if (exit) {
            this.ended = true;
            this.client.didExit(exit);
        }
    }

    protected recover(socket: WebSocket): void {
        if (this.ended) {
            return;
        }
        const delay = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.failures++);
        this.retryTimer = setTimeout(async () => {
            const there = await this.client.isThere().catch(() => undefined);
            if (this.ended || this.socket !== socket) {
                return;
            }
            if (there) {
                this.connect();
            } else if (there === false) {
                this.ended = true;
                this.client.didVanish();
            } else {
                this.recover(socket);
            }
        }, delay);
    }
}
