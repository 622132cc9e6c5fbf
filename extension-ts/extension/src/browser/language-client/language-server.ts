import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import {
    CancellationToken, ConnectionError, createMessageConnection, ErrorCodes, ExitNotification, InitializeParams, InitializeRequest, InitializedNotification, LSPErrorCodes, Logger,
    MessageConnection, RequestType, ResponseError, ServerCapabilities, ShutdownRequest, TextDocumentContentChangeEvent
} from '@theia/core/shared/vscode-languageserver-protocol';
import { BridgeError } from '../../common/bridge-error';
import { DocumentSync, OpenDocument } from './document-sync';
import { LanguageSocket, SocketMessageReader, SocketMessageWriter } from './language-socket';

/**
 * `stopped` while nobody has a document of the language open; `restarting` after it was lost; `refused` when there is
 * no workspace to run it in, for want of rights, of a sandbox, or because it was stopped; `failed` when it runs into the same trouble again and again.
 */
export type LanguageServerState = 'stopped' | 'starting' | 'ready' | 'restarting' | 'refused' | 'failed';

export type LanguageRequest = <P, R>(type: RequestType<P, R, unknown>, params: P, token?: CancellationToken) => Promise<R | undefined>;

/** A server that has been initialised, until its connection is lost. */
export interface LanguageSession {
    readonly language: string;
    readonly connection: MessageConnection;
    readonly capabilities: ServerCapabilities;
    readonly documents: DocumentSync;
    /** What goes with the session. */
    readonly toDispose: DisposableCollection;
    /**
     * Asks the server; it is told when `token` is cancelled.
     *
     * @returns nothing when that was so, or the document changed meanwhile, or the session ended; nor if the server
     * fails, which is logged.
     */
    ask: LanguageRequest;
    /** The same for what somebody waits for. @throws ResponseError if the server fails. */
    demand: LanguageRequest;
}

/** What a language server's client needs from around it. */
export interface LanguageServerHost {
    /**
     * Makes the workspace run. Waits while the gateway cannot be reached.
     *
     * @throws BridgeError
     */
    prepare(): Promise<void>;
    openSocket(language: string): LanguageSocket;
    /** How the client introduces itself. */
    initializeParams(): InitializeParams;
    /** Answers what the server may ask from its first message on. */
    serve(connection: MessageConnection, toDispose: DisposableCollection, language: string): void;
    /** Puts what the server offers to use, now that documents are open in it. */
    use(session: LanguageSession): void;
    log(language: string, text: string): void;
    readonly timing?: Partial<LanguageServerTiming>;
}

/** Milliseconds. */
export interface LanguageServerTiming {
    readonly firstRetry: number;
    readonly lastRetry: number;
    /** After the last document was closed. */
    readonly idle: number;
    /** How long a server may take to shut down in order. */
    readonly shutdown: number;
    /** How long it may take to show that the line is alive. */
    readonly answer: number;
    /** A server that was up for so long has not failed at the same thing again. */
    readonly stable: number;
}

const TIMING: LanguageServerTiming = { firstRetry: 200, lastRetry: 30_000, idle: 60_000, shutdown: 2_000, answer: 10_000, stable: 30_000 };

/** Losses in a row from which on it counts as failing. It is tried again all the same. */
const FAILING = 5;

/** The close code by which the gateway says that the workspace was stopped, rather than lost (RFC 6455, 7.4.1). */
const GOING_AWAY = 1001;

/** Kinds of errors that another try does not mend. */
const FINAL = new Set(['NoPermissions', 'NoSandbox', 'Unauthorized']);

/** A request that no server knows, and that each must refuse: its answer shows that the line is alive. */
const PROBE = '$/theia-bridge/probe';

/** Answers that mean that there is nothing to show, rather than that something is wrong. */
const NOTHING = new Set<number>([
    LSPErrorCodes.RequestCancelled, LSPErrorCodes.ServerCancelled, LSPErrorCodes.ContentModified, ErrorCodes.PendingResponseRejected
]);

/**
 * The client of one language's server: it runs while documents of the language are open, and comes back when its
 * connection was lost, with all of them.
 */
export class LanguageServer implements Disposable {

    protected readonly timing: LanguageServerTiming;
    protected readonly onDidChangeStateEmitter = new Emitter<void>();
    readonly onDidChangeState: Event<void> = this.onDidChangeStateEmitter.event;

    protected readonly documents = new Map<string, OpenDocument>();
    protected current: LanguageServerState = 'stopped';
    protected why: string | undefined;
    protected session: LanguageSession | undefined;
    protected socket: LanguageSocket | undefined;
    /** Tells a later attempt from the one that something asynchronous was about. */
    protected attempt = 0;
    protected losses = 0;
    protected retryTimer: ReturnType<typeof setTimeout> | undefined;
    protected idleTimer: ReturnType<typeof setTimeout> | undefined;

    constructor(readonly language: string, protected readonly host: LanguageServerHost) {
        this.timing = { ...TIMING, ...host.timing };
    }

    get state(): LanguageServerState {
        return this.current;
    }

    /** What went wrong, as far as it is known. */
    get reason(): string | undefined {
        return this.why;
    }

    /** The server, if it is ready. */
    get ready(): LanguageSession | undefined {
        return this.session;
    }

    didOpen(document: OpenDocument): void {
        clearTimeout(this.idleTimer);
        this.documents.set(document.uri, document);
        if (this.session) {
            this.session.documents.didOpen(document);
        } else if (this.current === 'stopped' || this.current === 'refused') {
            this.connect('starting');
        }
    }

    didChange(document: OpenDocument, changes: TextDocumentContentChangeEvent[]): void {
        if (this.documents.has(document.uri)) {
            this.session?.documents.didChange(document, changes);
        }
    }

    didSave(document: OpenDocument): void {
        if (this.documents.has(document.uri)) {
            this.session?.documents.didSave(document);
        }
    }

    didClose(document: OpenDocument): void {
        if (!this.documents.delete(document.uri)) {
            return;
        }
        this.session?.documents.didClose(document);
        if (!this.documents.size) {
            this.idleTimer = setTimeout(() => this.stop(), this.timing.idle);
        }
    }

    /** Whoever runs the server knows why it has ended. */
    explain(reason: string): void {
        this.host.log(this.language, reason);
        if (this.current === 'restarting' || this.current === 'failed') {
            this.setState(this.current, reason);
        }
    }

    /** Starts it anew, whatever it does. */
    async restart(): Promise<void> {
        await this.stop();
        if (this.documents.size) {
            this.losses = 0;
            this.connect('restarting');
        }
    }

    /** There is reason to think that what was refused or failed would now work. */
    wake(): void {
        if (this.documents.size && !this.socket && this.current !== 'stopped') {
            this.losses = 0;
            this.connect('restarting');
        }
    }

    /** There is reason to think that its line is dead: it is given up unless something comes over it. */
    async probe(): Promise<void> {
        const { session, socket, attempt } = this;
        if (!session || !socket) {
            return;
        }
        const silence = new Promise<boolean>(resolve => setTimeout(() => resolve(true), this.timing.answer));
        const answer = session.connection.sendRequest(PROBE).then(() => false, () => false);
        if (await Promise.race([answer, silence]) && attempt === this.attempt) {
            this.release();
            session.connection.dispose();
            socket.close();
            this.retry('The server does not answer.');
        }
    }

    /** Ends the server in order, if it lets itself. */
    async stop(): Promise<void> {
        const { session, socket } = this;
        this.release();
        this.setState('stopped');
        if (session) {
            await Promise.race([
                session.connection.sendRequest(ShutdownRequest.type)
                    .then(() => session.connection.sendNotification(ExitNotification.type))
                    .catch(() => undefined),
                new Promise(resolve => setTimeout(resolve, this.timing.shutdown))
            ]);
            session.connection.dispose();
        }
        socket?.close();
    }

    dispose(): void {
        clearTimeout(this.idleTimer);
        const { session, socket } = this;
        this.release();
        this.onDidChangeStateEmitter.dispose();
        session?.connection.dispose();
        socket?.close();
    }

    /** Lets go of what there is, without a word to the server. */
    protected release(): void {
        this.attempt++;
        clearTimeout(this.retryTimer);
        this.session?.toDispose.dispose();
        this.session = undefined;
        this.socket = undefined;
    }

    protected async connect(state: 'starting' | 'restarting'): Promise<void> {
        this.release();
        const { attempt } = this;
        this.setState(this.losses >= FAILING ? 'failed' : state, this.losses ? this.why : undefined);
        try {
            await this.host.prepare();
        } catch (error) {
            if (attempt === this.attempt) {
                this.didFailToPrepare(error);
            }
            return;
        }
        if (attempt === this.attempt) {
            this.open(attempt);
        }
    }

    protected didFailToPrepare(error: unknown): void {
        const message = error instanceof Error ? error.message : String(error);
        if (error instanceof BridgeError && FINAL.has(error.kind)) {
            this.setState('refused', message);
            this.host.log(this.language, message);
        } else {
            this.retry(message);
        }
    }

    protected open(attempt: number): void {
        const socket = this.socket = this.host.openSocket(this.language);
        const toDispose = new DisposableCollection();
        const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket), this.logger());
        const opened = Date.now();
        let open = false;
        socket.addEventListener('open', () => {
            open = true;
            if (attempt === this.attempt) {
                this.initialize(attempt, connection, toDispose);
            }
        });
        // An error is always followed by a close event.
        socket.addEventListener('error', () => { });
        socket.addEventListener('close', ({ code, reason }) => {
            // First: nobody may want to tell the server of what they no longer need.
            connection.dispose();
            toDispose.dispose();
            if (attempt === this.attempt) {
                if (Date.now() - opened > this.timing.stable) {
                    this.losses = 0;
                }
                this.release();
                if (code === GOING_AWAY) {
                    // Whoever has stopped it does not want it back at once.
                    this.setState('refused', reason);
                    return;
                }
                this.retry(open ? `The connection to the server was lost: ${reason || `code ${code}`}.` : 'The workspace does not run it now.');
            }
        });
    }

    protected async initialize(attempt: number, connection: MessageConnection, toDispose: DisposableCollection): Promise<void> {
        this.host.serve(connection, toDispose, this.language);
        connection.listen();
        try {
            const { capabilities, serverInfo } = await connection.sendRequest(InitializeRequest.type, this.host.initializeParams());
            if (attempt !== this.attempt) {
                return;
            }
            connection.sendNotification(InitializedNotification.type, {});
            if (serverInfo) {
                this.host.log(this.language, `${serverInfo.name} ${serverInfo.version ?? ''} is ready.`);
            }
            this.didInitialize(connection, capabilities, toDispose);
        } catch (error) {
            if (attempt === this.attempt) {
                const { socket } = this;
                this.release();
                socket?.close();
                this.retry(error instanceof Error ? error.message : String(error));
            }
        }
    }

    protected didInitialize(connection: MessageConnection, capabilities: ServerCapabilities, toDispose: DisposableCollection): void {
        const demand: LanguageRequest = async (type, params, token) => {
            try {
                return await connection.sendRequest(type, params, token);
            } catch (error) {
                if (token?.isCancellationRequested || error instanceof ConnectionError || error instanceof ResponseError && NOTHING.has(error.code)) {
                    return undefined;
                }
                throw error;
            }
        };
        const ask: LanguageRequest = async (type, params, token) => {
            try {
                return await demand(type, params, token);
            } catch (error) {
                this.host.log(this.language, `${type.method}: ${error instanceof Error ? error.message : error}`);
                return undefined;
            }
        };
        const documents = new DocumentSync(connection, capabilities);
        const session: LanguageSession = { language: this.language, connection, capabilities, documents, toDispose, ask, demand };
        this.session = session;
        this.documents.forEach(document => documents.didOpen(document));
        this.host.use(session);
        this.setState('ready');
    }

    protected retry(reason: string): void {
        this.host.log(this.language, reason);
        const { firstRetry, lastRetry } = this.timing;
        const delay = Math.min(lastRetry, firstRetry * 2 ** this.losses++) * (0.5 + Math.random() / 2);
        if (!this.documents.size) {
            this.setState('stopped');
            return;
        }
        this.setState(this.losses >= FAILING ? 'failed' : 'restarting', reason);
        this.retryTimer = setTimeout(() => this.connect('restarting'), delay);
    }

    protected setState(state: LanguageServerState, reason?: string): void {
        if (state !== this.current || reason !== this.why) {
            this.current = state;
            this.why = reason;
            this.onDidChangeStateEmitter.fire();
        }
    }

    protected logger(): Logger {
        const log = (text: string): void => this.host.log(this.language, text);
        return { error: log, warn: log, info: () => undefined, log: () => undefined };
    }
}
