import { Disposable } from '@theia/core/lib/common/disposable';
import { TerminalExit } from '../../common/protocol.generated';
import { serverUrl } from '../connection/browser-surroundings';

/** Bytes after which the server is told that they are dealt with; it waits at 512 KiB. */
const ACKNOWLEDGE = 64 * 1024;
/** Milliseconds. */
const FIRST_RETRY = 200;
const LAST_RETRY = 5_000;

export interface TerminalSocketClient {
    /** What follows begins anew; of it, as many bytes were said before. */
    didAttach(replay: number): void;
    /** Output, and what to call once it is dealt with. */
    didReceive(data: Uint8Array, done: () => void): void;
    didExit(exit: TerminalExit): void;
    /** Whether the terminal still is there, asked when its socket was lost; waits while the server cannot be reached. */
    isThere(): Promise<boolean>;
    didVanish(): void;
}

/** The bytes of one terminal. It comes back after its connection was lost. */
export class TerminalSocket implements Disposable {

    protected readonly encoder = new TextEncoder();
    protected socket: WebSocket | undefined;
    protected waiting: Uint8Array<ArrayBuffer>[] = [];
    protected dealtWith = 0;
    protected failures = 0;
    protected ended = false;
    protected retryTimer: ReturnType<typeof setTimeout> | undefined;

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

    dispose(): void {
        this.ended = true;
        clearTimeout(this.retryTimer);
        this.socket?.close();
    }

    protected connect(): void {
        const url = serverUrl(`ws/terminal/${encodeURIComponent(this.id)}`);
        url.protocol = url.protocol.replace('http', 'ws');
        const socket = new WebSocket(url);
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => {
            this.failures = 0;
            this.dealtWith = 0;
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
                this.client.didReceive(new Uint8Array(data), () => this.acknowledge(socket, data.byteLength));
            }
        };
        socket.onclose = () => this.recover();
        this.socket = socket;
    }

    protected control({ replay, exit }: { replay?: number, exit?: TerminalExit }): void {
        if (replay !== undefined) {
            this.client.didAttach(replay);
        }
        if (exit) {
            this.ended = true;
            this.client.didExit(exit);
        }
    }

    protected acknowledge(socket: WebSocket, bytes: number): void {
        if (socket === this.socket && socket.readyState === WebSocket.OPEN) {
            this.dealtWith += bytes;
            if (this.dealtWith >= ACKNOWLEDGE) {
                socket.send(JSON.stringify({ ack: this.dealtWith }));
                this.dealtWith = 0;
            }
        }
    }

    protected recover(): void {
        if (this.ended) {
            return;
        }
        const delay = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.failures++);
        this.retryTimer = setTimeout(async () => {
            const there = await this.client.isThere().catch(() => undefined);
            if (this.ended) {
                return;
            }
            if (there) {
                this.connect();
            } else if (there === false) {
                this.ended = true;
                this.client.didVanish();
            } else {
                this.recover();
            }
        }, delay);
    }
}
