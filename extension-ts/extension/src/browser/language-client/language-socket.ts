import {
    AbstractMessageReader, AbstractMessageWriter, DataCallback, Disposable, Message, MessageReader, MessageWriter
} from '@theia/core/shared/vscode-languageserver-protocol';

/** `WebSocket.OPEN`. */
const OPEN = 1;

/** The part of the standard WebSocket that a language server's messages need, so that one from Node serves in tests. */
export interface LanguageSocket {
    readonly readyState: number;
    addEventListener(type: 'open' | 'error', listener: () => void): void;
    addEventListener(type: 'close', listener: (event: { readonly code: number, readonly reason: string }) => void): void;
    addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
    send(data: string): void;
    close(code?: number): void;
}

/** One JSON message from each text frame. */
export class SocketMessageReader extends AbstractMessageReader implements MessageReader {

    constructor(protected readonly socket: LanguageSocket) {
        super();
        socket.addEventListener('close', () => this.fireClose());
    }

    listen(callback: DataCallback): Disposable {
        let listening = true;
        this.socket.addEventListener('message', ({ data }) => {
            if (!listening || typeof data !== 'string') {
                return;
            }
            let message: Message;
            try {
                message = JSON.parse(data) as Message;
            } catch (error) {
                this.fireError(error);
                return;
            }
            callback(message);
        });
        return Disposable.create(() => { listening = false; });
    }
}

/** A text frame for each message. */
export class SocketMessageWriter extends AbstractMessageWriter implements MessageWriter {

    constructor(protected readonly socket: LanguageSocket) {
        super();
        socket.addEventListener('close', () => this.fireClose());
    }

    async write(message: Message): Promise<void> {
        // What is said to one that is closing is lost anyway, and the browser would complain of it.
        if (this.socket.readyState === OPEN) {
            this.socket.send(JSON.stringify(message));
        }
    }

    end(): void { }
}
