import { Message } from '@theia/core/lib/browser/widgets/widget';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { TerminalWidgetImpl } from '@theia/terminal/lib/browser/terminal-widget-impl';
import { TerminalExitReason } from '@theia/terminal/lib/common/base-terminal-protocol';
import { BridgeError } from '../../common/bridge-error';
import { TerminalExit } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { BridgeShellTerminalServer } from './bridge-shell-terminal-server';
import { TerminalSocket, TerminalSocketClient } from './terminal-socket';

/** What is stored of a terminal to be attached to it again: the server's id, as numbers are a page's own. */
interface StoredTerminal {
    readonly bridgeTerminal?: string;
}

/**
 * What terminals answer to programs, behind the escape: CSI reports of attributes, status, place, size, focus and modes, and
 * OSC and DCS strings. Keys and pasted text look otherwise, but for F3 with Shift or the like, which looks like a place.
 */
const ANSWER = /^(?:\[[?>]?[\d;]*(?:[cntRIO]|\$y)|[\]P].)/s;
/** Takes back the modes that a program may have set: of the mouse, of pasting, of the cursor. */
const NEUTRAL = '\x1b[?1003l\x1b[?2004l\x1b[!p';
/** Leaves the screen that a program has for itself. */
const MAIN_SCREEN = '\x1b[?1049l';

/** A terminal whose program runs in the session's workspace. */
@injectable()
export class BridgeTerminalWidget extends TerminalWidgetImpl implements TerminalSocketClient {

    @inject(BridgeShellTerminalServer)
    protected readonly server: BridgeShellTerminalServer;

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    protected socket: TerminalSocket | undefined;
    /** What was sent while there was nothing to send it to. */
    protected early = '';
    /** What Enter does while no program runs in it. */
    protected onEnter: (() => void) | undefined;
    protected decoder = new TextDecoder();
    /** Bytes to come that were said before: what programs asked of the terminal in them was answered then. */
    protected replay = 0;

    protected override init(): void {
        super.init();
        // From the beginning: the first terminal is shown while its workspace still starts, and people type at once.
        this.toDispose.pushAll([
            this.term.onData(text => this.input(text, false)),
            this.term.onBinary(text => this.input(text, true)),
            // After the way to the server was lost it may take minutes until a socket notices that it is dead.
            this.connection.onDidOpen(() => this.socket?.refresh())
        ]);
    }

    /** Never fails: why there is no program is told where it would be. */
    override async start(id?: number): Promise<number> {
        this.onEnter = undefined;
        try {
            await super.start(id);
            if (this.isDisposed) {
                await this.server.close(this.terminalId);
            }
        } catch (error) {
            this.conclude((error as Error).message, nls.localize('theia-bridge/terminal/tryAgain', 'Press Enter to try again.'), () => this.startAnew());
        }
        return this.terminalId;
    }

    protected override async attachTerminal(number: number): Promise<number> {
        this.exitStatus = undefined;
        if (await this.server.attach(number) !== number) {
            this.exitStatus = { code: undefined, reason: TerminalExitReason.Unknown };
            this.concludeStopped();
        }
        return number;
    }

    protected override connectTerminalProcess(): void {
        const id = this.server.idOf(this.terminalId);
        if (id === undefined || this.onEnter || this.isDisposed || this.options.isPseudoTerminal) {
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
        if (this.onEnter) {
            if (text === '\r') {
                this.onEnter();
            }
        } else if (this.isAttachedCloseListener || this.options.isPseudoTerminal) {
            return;
        } else if (this.replay && text.startsWith('\x1b') && ANSWER.test(text.slice(1))) {
            // Asked by a program long ago. People type meanwhile, which is kept.
            return;
        } else if (this.socket) {
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

    didAttach(replay: number, again: boolean): void {
        this.decoder = new TextDecoder();
        // In its turn: what came before is perhaps still being dealt with.
        this.term.write('', () => {
            this.replay = replay;
            if (again) {
                this.term.reset();
            }
        });
    }

    didReceive(data: Uint8Array, done: () => void): void {
        const text = this.decoder.decode(data, { stream: true });
        this.term.write(text, () => {
            this.replay = Math.max(0, this.replay - data.length);
            this.onOutputEmitter.fire(text);
            done();
        });
    }

    didExit({ code, signal }: TerminalExit): void {
        this.exitStatus = { code: code ?? undefined, reason: TerminalExitReason.Process };
        if (code === 0 && this.kind !== 'user') {
            // What a task has said stays until it is closed, or another takes its place.
            this.socket = undefined;
            this.onEnter = () => this.closeForGood();
            this.term.write('', () => this.server.didShowEnd(this.terminalId));
        } else if (code === 0 || (signal === 'SIGHUP' && this.kind === 'user')) {
            // Hung up is what another page has closed.
            this.closeForGood();
        } else {
            const how = signal
                ? nls.localize('theia-bridge/terminal/signal', 'The program was ended by {0}.', signal)
                : nls.localize('theia-bridge/terminal/exit', 'The program has ended with exit code {0}.', code!);
            this.conclude(how, nls.localize('theia-bridge/terminal/close', 'Press Enter to close the terminal.'), () => this.closeForGood());
        }
    }

    protected closeForGood(): void {
        this.server.close(this.terminalId);
        this.finalizeAndDispose();
    }

    async isThere(): Promise<boolean> {
        try {
            return await this.server.has(this.server.idOf(this.terminalId)!);
        } catch (error) {
            if (error instanceof BridgeError && error.kind === 'NoPermissions') {
                return false;
            }
            throw error;
        }
    }

    didVanish(): void {
        this.exitStatus = { code: undefined, reason: TerminalExitReason.Unknown };
        this.concludeStopped();
    }

    protected concludeStopped(): void {
        const why = nls.localize('theia-bridge/terminal/stopped', 'The workspace was stopped, and with it what ran in this terminal.');
        if (this.kind === 'user') {
            this.conclude(why, nls.localize('theia-bridge/terminal/startAnew', 'Press Enter for a new shell.'), () => this.startAnew());
        } else {
            this.conclude(why, nls.localize('theia-bridge/terminal/close', 'Press Enter to close the terminal.'), () => this.closeForGood());
        }
    }

    /** Tells why no program runs in it any more, and what Enter does about that. */
    protected conclude(why: string, hint: string, onEnter: () => void): void {
        this.socket = undefined;
        this.onEnter = onEnter;
        this.term.write('', () => {
            const leave = this.term.buffer.active.type === 'alternate' ? MAIN_SCREEN : '';
            this.term.write(`${leave}${NEUTRAL}\r\n\x1b[1m${why}\x1b[0m ${hint}\r\n`, () => this.server.didShowEnd(this.terminalId));
        });
    }

    protected startAnew(): void {
        this.exitStatus = undefined;
        this._terminalId = -1;
        this.start();
    }

    /** Gives it a title that stays, whatever its programs say. */
    async rename(title: string): Promise<void> {
        this.setTitle(title);
        await this.server.rename(this.terminalId, title);
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
