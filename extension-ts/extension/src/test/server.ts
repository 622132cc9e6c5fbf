import 'reflect-metadata';
import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { encode } from '@msgpack/msgpack';
import { cancelled } from '@theia/core/lib/common/cancellation';
import { Disposable } from '@theia/core/lib/common/disposable';
import { Emitter } from '@theia/core/lib/common/event';
import { Container } from '@theia/core/shared/inversify';
import { WebSocket } from 'ws';
import { AccessFetch, AccessRenewal, AccessSharing, AccessTerm, BridgeAccess } from '../browser/connection/bridge-access';
import { BridgeConnection, ConnectionState, ConnectionTiming } from '../browser/connection/bridge-connection';
import { PageSession } from '../browser/connection/page-session';
import { decodeFrame, FrameData } from '../common/frames/frame';
import { BridgeSocket } from '../browser/connection/rpc-channel';
import { BridgeFileSystemServer } from '../browser/files/bridge-file-system-server';
import { SendFile } from '../browser/files/file-sender';
import { FileTransfer } from '../browser/files/file-transfer';

const COMMAND = process.env.THEIA_BRIDGE_COMMAND
    ?? path.resolve(__dirname, '..', '..', '..', '..', '.venv', 'bin', 'theia-bridge');

/** Without the settings of whoever runs the tests. */
const INHERITED = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('THEIA_BRIDGE_')));

/** A server of its own, with a store of its own. */
export class TestServer {

    protected process: ChildProcess | undefined;
    protected folder: string;
    protected port = 0;

    constructor(protected readonly settings: Record<string, string> = {}) { }

    get url(): string {
        return `http://127.0.0.1:${this.port}/`;
    }

    /** Starts it, on the same port and store as the last time. */
    async start(): Promise<void> {
        this.folder ??= await mkdtemp(path.join(tmpdir(), 'theia-bridge-test-'));
        const child = spawn(COMMAND, ['serve', '--host', '127.0.0.1', '--port', String(this.port), '--store', `embedded:${this.folder}/store`], {
            cwd: this.folder,
            env: { ...INHERITED, THEIA_BRIDGE_LOG_LEVEL: 'warning', THEIA_BRIDGE_RATE_SIGN_IN: '0', ...this.settings },
            stdio: ['ignore', 'pipe', 'inherit']
        });
        this.process = child;
        const [line] = await Promise.race([
            once(createInterface(child.stdout!), 'line') as Promise<[string]>,
            once(child, 'exit').then(([code]) => { throw new Error(`The server ended with ${code}.`); })
        ]);
        this.port = Number(/:(\d+)/.exec(line.slice(line.indexOf('http')))![1]);
    }

    async kill(): Promise<void> {
        const child = this.process!;
        this.process = undefined;
        child.kill('SIGKILL');
        await once(child, 'exit');
    }

    async stop(): Promise<void> {
        if (this.process) {
            await this.kill();
        }
        await rm(this.folder, { recursive: true, force: true });
    }
}

interface SignedIn {
    readonly access_token: string;
    readonly refresh_token: string;
    readonly expires_in: number;
}

/** A tab's address, as far as it names a session. */
export class TestPage implements PageSession {

    constructor(public session: string | undefined = undefined) { }

    adopt(session: string): void {
        this.session = session;
    }
}

let accounts = 0;

/** What a browser keeps: the cookies, here as tokens, and what its tabs share. */
export class TestBrowser implements Disposable {

    protected access = '';
    protected refresh = '';
    readonly email = `user${++accounts}@example.com`;
    readonly password = 'correct horse battery staple';
    /** The sockets opened, in order. */
    readonly sockets: TestSocket[] = [];
    refreshes = 0;
    protected readonly tabsOpen: Disposable[] = [];

    protected lock: Promise<unknown> = Promise.resolve();
    protected term: AccessTerm | undefined;
    protected readonly tabs = new Set<Emitter<AccessRenewal | undefined>>();

    constructor(protected readonly server: TestServer) { }

    async register(): Promise<this> {
        await this.signIn('register', { email: this.email, password: this.password, name: 'Test' });
        return this;
    }

    async login(): Promise<void> {
        await this.signIn('login', { email: this.email, password: this.password });
    }

    async logout(): Promise<void> {
        await this.post('logout', { refresh_token: this.refresh });
    }

    /** Somebody else signs in where this browser's user was. */
    become(other: TestBrowser): void {
        this.access = other.access;
        this.refresh = other.refresh;
    }

    readonly fetch: AccessFetch = async (name, { method }) => {
        if (name !== 'api/v5/auth/refresh') {
            return fetch(this.server.url + name, { method, headers: { authorization: `Bearer ${this.access}` } });
        }
        this.refreshes++;
        const response = await this.post('refresh', { refresh_token: this.refresh });
        if (response.ok) {
            this.keep(await response.clone().json() as SignedIn);
        }
        return response;
    };

    /** One tab's view of what all of them share. */
    openTab(): AccessSharing {
        const announcements = new Emitter<AccessRenewal | undefined>();
        this.tabs.add(announcements);
        return {
            exclusively: body => {
                const result = this.lock.then(body);
                this.lock = result.catch(() => undefined);
                return result;
            },
            readTerm: () => this.term,
            writeTerm: term => { this.term = term; },
            announce: renewal => this.tabs.forEach(tab => tab === announcements || tab.fire(renewal)),
            onDidAnnounce: announcements.event
        };
    }

    openAccess(): BridgeAccess {
        const access = new BridgeAccess(this.openTab(), this.fetch);
        this.tabsOpen.push(access);
        return access;
    }

    /** Answers that are lost on their way, of those to come. */
    lostAnswers = 0;

    readonly sendFile: SendFile = async (name, body, { headers, onProgress, token }) => {
        const abort = new AbortController();
        const cancelling = token?.onCancellationRequested(() => abort.abort());
        try {
            const response = await fetch(this.server.url + name, {
                method: 'PUT', headers: { ...headers, authorization: `Bearer ${this.access}` }, body, signal: abort.signal
            });
            if (this.lostAnswers > 0) {
                this.lostAnswers--;
                return { status: 0, body: '' };
            }
            onProgress?.(body.size);
            return { status: response.status, body: await response.text() };
        } catch (error) {
            if (abort.signal.aborted) {
                throw cancelled();
            }
            return { status: 0, body: '' };
        } finally {
            cancelling?.dispose();
        }
    };

    /** The file system of a tab. */
    openFiles(connection: BridgeConnection): Container {
        const container = new Container();
        container.bind(BridgeConnection).toConstantValue(connection);
        container.bind(BridgeAccess).toConstantValue(this.openAccess());
        container.bind(SendFile).toConstantValue(this.sendFile);
        container.bind(FileTransfer).toSelf().inSingletonScope();
        container.bind(BridgeFileSystemServer).toSelf().inSingletonScope();
        return container;
    }

    readonly openSocket = (session?: string): TestSocket => {
        const named = session ? `&session=${session}` : '';
        const socket = new TestSocket(`${this.server.url.replace('http', 'ws')}ws/rpc?token=${this.access}${named}`);
        this.sockets.push(socket);
        return socket;
    };

    /** @param session what the address of the tab names */
    connect(timing: Partial<ConnectionTiming> = {}, session?: string): BridgeConnection {
        const page = new TestPage(session);
        const connection = new BridgeConnection({
            openSocket: () => this.openSocket(page.session), access: this.openAccess(), page, timing: { firstRetry: 20, lastRetry: 100, ...timing }
        });
        connection.start();
        this.tabsOpen.push(connection);
        return connection;
    }

    /** Closes all tabs. */
    dispose(): void {
        this.tabsOpen.splice(0).forEach(part => part.dispose());
    }

    protected async signIn(operation: 'register' | 'login', form: object): Promise<void> {
        const response = await this.post(operation, form);
        if (!response.ok) {
            throw new Error(await response.text());
        }
        this.keep(await response.json() as SignedIn);
    }

    protected keep({ access_token, refresh_token }: SignedIn): void {
        this.access = access_token;
        this.refresh = refresh_token;
    }

    protected post(operation: string, body: object): Promise<Response> {
        return fetch(`${this.server.url}api/v5/auth/${operation}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body)
        });
    }
}

/** A real WebSocket whose line can be made worse. */
export class TestSocket extends WebSocket implements BridgeSocket {

    readonly frames: FrameData[] = [];
    /** What the server sends is lost on the way. */
    deaf = false;

    /** For how many requests to come the server has no room, and says so. */
    busy = 0;

    override send(data: FrameData): void {
        this.frames.push(data);
        if (this.busy > 0) {
            this.busy--;
            const { id } = decodeFrame(data) as { id: number };
            const error = { code: -32029, message: 'Too many', data: { kind: 'RateLimited', retryAfter: 0.05 } };
            setImmediate(() => this.emit('message', Uint8Array.from(encode({ jsonrpc: '2.0', id, error })).buffer, true));
            return;
        }
        super.send(data);
    }

    override emit(event: string | symbol, ...args: unknown[]): boolean {
        return event === 'message' && this.deaf ? true : super.emit(event, ...args);
    }
}

export async function reach(connection: BridgeConnection, state: ConnectionState): Promise<void> {
    if (connection.state !== state) {
        await new Promise<void>(resolve => {
            const listening = connection.onDidChangeState(current => {
                if (current === state) {
                    listening.dispose();
                    resolve();
                }
            });
        });
    }
}
