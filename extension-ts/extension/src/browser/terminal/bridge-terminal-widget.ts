import { Message } from '@theia/core/lib/browser/widgets/widget';
import { inject, injectable } from '@theia/core/shared/inversify';
import { TerminalWidgetImpl } from '@theia/terminal/lib/browser/terminal-widget-impl';
import { TerminalExitReason } from '@theia/terminal/lib/common/base-terminal-protocol';
import { TerminalExit } from '../../common/protocol.generated';
import { BridgeShellTerminalServer } from './bridge-shell-terminal-server';
import { TerminalSocket, TerminalSocketClient } from './terminal-socket';

/** What is stored of a terminal to be attached to it again: the server's id, as numbers are a page's own. */
interface StoredTerminal {
    readonly bridgeTerminal?: string;
}

/** A terminal whose program runs in the session's workspace. */
@injectable()
export class BridgeTerminalWidget extends TerminalWidgetImpl implements TerminalSocketClient {

    @inject(BridgeShellTerminalServer)
    protected readonly server: BridgeShellTerminalServer;

    protected socket: TerminalSocket | undefined;
    /** What was sent before there was a terminal to send it to. */
    protected early = '';
    protected decoder = new TextDecoder();
    /** Bytes to come that were said before: what programs asked of the terminal in them was answered then. */
    protected replay = 0;

    protected override init(): void {
        super.init();
        // From the beginning: the first terminal is shown while its workspace still starts, and people type at once.
        this.toDispose.pushAll([
            this.term.onData(text => this.input(text, false)),
            this.term.onBinary(text => this.input(text, true))
        ]);
    }

    protected override connectTerminalProcess(): void {
        const id = this.server.idOf(this.terminalId);
        if (id === undefined || this.options.isPseudoTerminal) {
            return;
        }
        this.toDisposeOnConnect.dispose();
        const socket = this.socket = new TerminalSocket(id, this);
        this.toDisposeOnConnect.push(socket);
        this.toDispose.push(this.toDisposeOnConnect);
        if (this.early) {
            socket.send(this.early);
            this.early = '';
        }
    }

    protected input(text: string, binary: boolean): void {
        if (this.replay || this.isAttachedCloseListener || this.options.isPseudoTerminal) {
            return;
        }
        if (this.socket) {
            this.socket.send(text, binary);
        } else if (!binary) {
            this.early += text;
        }
    }

    override sendText(text: string): void {
        if (this.socket) {
            this.socket.send(text);
        } else {
            this.early += text;
        }
    }

    didAttach(replay: number): void {
        this.replay = replay;
        this.decoder = new TextDecoder();
        this.term.reset();
    }

    didReceive(data: Uint8Array, done: () => void): void {
        const text = this.decoder.decode(data, { stream: true });
        this.term.write(text, () => {
            this.replay = Math.max(0, this.replay - data.length);
            this.onOutputEmitter.fire(text);
            done();
        });
    }

    didExit({ code }: TerminalExit): void {
        this.exitStatus = { code: code ?? undefined, reason: TerminalExitReason.Process };
        this.server.close(this.terminalId);
        this.finalizeAndDispose();
    }

    isThere(): Promise<boolean> {
        return this.server.has(this.server.idOf(this.terminalId)!);
    }

    didVanish(): void {
        this.exitStatus = { code: undefined, reason: TerminalExitReason.Unknown };
        this.write('\r\n\x1b[1mThe workspace was started anew, and this terminal has ended with the former one.\x1b[0m\r\n');
    }

    protected override onCloseRequest(msg: Message): void {
        // The state may have been stored meanwhile, after which its program would go on.
        this.closeOnDispose = true;
        super.onCloseRequest(msg);
    }

    override storeState(): object {
        return { ...super.storeState(), bridgeTerminal: this.server.idOf(this.terminalId) };
    }

    override restoreState(oldState: object): void {
        const { bridgeTerminal } = oldState as StoredTerminal;
        if (bridgeTerminal === undefined) {
            this.dispose();
        } else {
            super.restoreState({ ...oldState, terminalId: this.server.numberOf(bridgeTerminal) });
        }
    }
}
