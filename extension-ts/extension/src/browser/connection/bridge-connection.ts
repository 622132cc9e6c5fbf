import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { Deferred } from '@theia/core/lib/common/promise-util';
import { generateUuid } from '@theia/core/lib/common/uuid';
import { BridgeError } from '../../common/bridge-error';
import { encodeFrame, Encoding, Frame, FrameData, frameSize } from '../../common/frames/frame';
import { Methods, Notifications, WorkspaceInfo } from '../../common/protocol.generated';
import { BridgeAccess } from './bridge-access';
import { PageSession } from './page-session';
import { BridgeSocket, ChannelTiming, ResponseMessage, RpcChannel } from './rpc-channel';

export type Method = keyof Methods;
export type ParamsOf<M extends Method> = Methods[M]['params'];
export type ResultOf<M extends Method> = Methods[M]['result'];

/** The methods that change something, told by their parameters: the server applies a key only once. */
export type Mutation = { [M in Method]: 'idempotencyKey' extends keyof ParamsOf<M> ? M : never }[Method];

/**
 * `connecting` until first connected; `signed-out` when the server knows us no more; `session-gone` while the page's
 * session is deleted; `replaced` when somebody else signed in in this browser, so that what this page holds must not
 * be sent in their name.
 */
export type ConnectionState = 'connecting' | 'online' | 'offline' | 'signed-out' | 'session-gone' | 'replaced';

export interface BridgeConnectionOptions {
    readonly openSocket: () => BridgeSocket;
    readonly access: BridgeAccess;
    readonly page: PageSession;
    readonly timing?: Partial<ConnectionTiming>;
}

/** Milliseconds. */
export interface ConnectionTiming extends ChannelTiming {
    readonly firstRetry: number;
    readonly lastRetry: number;
    /** How long the server remembers what it has applied: an older change, sent again, could be applied twice. */
    readonly remember: number;
}

const TIMING: ConnectionTiming = { idle: 20_000, answer: 10_000, busyAnswer: 60_000, firstRetry: 200, lastRetry: 5_000, remember: 24 * 3_600_000 };

/** What waits while offline is bounded in number and, because file contents are part of it, in bytes. */
const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;

/** The close code by which the server says that the access token ended or was revoked. */
const UNAUTHENTICATED = 4401;
/** Our own, for a channel given up for a better one. */
const RETRY = 4000;

/** A call as somebody wrote it, whether or not there is such a method. */
export interface RawCall {
    readonly method: string;
    readonly params: object | undefined;
    readonly encoding: Encoding;
}

export interface StartedCall {
    /** By which frames tell of it. */
    readonly id: number;
    /** @throws BridgeError */
    readonly answer: Promise<unknown>;
    /** Asks the server to stop it, which may be too late: the answer tells. */
    cancel(): void;
}

interface Outstanding {
    readonly frame: FrameData;
    /** Of the frame, in bytes. */
    readonly size: number;
    readonly answer: Deferred<unknown>;
    /** Sent again on the next channel if this one dies before the answer. */
    readonly repeatable: boolean;
    /** When a change was asked for; nothing for what only reads. */
    readonly since: number | undefined;
    /** Whether its answer is to come on the channel there is. */
    sent: boolean;
}

/**
 * The one connection to the server. It stays up by itself: requests made while there is no channel wait for the next
 * one, and those whose channel died before the answer are sent again. That is safe because a request either only reads
 * or carries an idempotency key.
 *
 * It uses nothing of the browser but timers; whatever else it needs is handed in.
 */
export class BridgeConnection implements Disposable {

    protected readonly toDispose = new DisposableCollection();
    protected readonly timing: ConnectionTiming;
    protected readonly access: BridgeAccess;

    protected readonly onDidChangeStateEmitter = new Emitter<ConnectionState>();
    readonly onDidChangeState: Event<ConnectionState> = this.onDidChangeStateEmitter.event;

    protected readonly onDidOpenEmitter = new Emitter<void>();
    /** Fires for every new channel, before waiting requests are sent: what lived on the old one is gone. */
    readonly onDidOpen: Event<void> = this.onDidOpenEmitter.event;

    protected readonly onFrameEmitter = new Emitter<Frame>();
    /** Fires for every frame of every channel. */
    readonly onFrame: Event<Frame> = this.onFrameEmitter.event;

    protected readonly onNotificationEmitter = new Emitter<{ method: string, params: unknown }>();
    protected readonly infoDeferred = new Deferred<WorkspaceInfo>();
    protected own: WorkspaceInfo | undefined;

    protected channel: RpcChannel | undefined;
    /** Whether the channel may carry requests: it is open, and it is known whose it is. */
    protected ready = false;
    protected currentState: ConnectionState = 'connecting';
    protected readySince = 0;
    protected failures = 0;
    /** Tells a later attempt from the one that an asynchronous decision was about. */
    protected attempt = 0;
    protected retryTimer: ReturnType<typeof setTimeout> | undefined;
    /** Set while the server takes no more requests for now. What is asked for meanwhile waits its turn. */
    protected heldTimer: ReturnType<typeof setTimeout> | undefined;
    protected sequence = 0;
    /** In the order made. A `Map` keeps it, and repeating in order keeps a page's own writes in order. */
    protected readonly outstanding = new Map<number, Outstanding>();
    protected waitingBytes = 0;

    constructor(protected readonly options: BridgeConnectionOptions) {
        this.timing = { ...TIMING, ...options.timing };
        this.access = options.access;
        this.toDispose.pushAll([
            this.onDidChangeStateEmitter,
            this.onDidOpenEmitter,
            this.onFrameEmitter,
            this.onNotificationEmitter,
            this.access.onDidRenew(({ token }) => this.didRenew(token)),
            this.access.onDidSignIn(() => this.wakeSignedOut()),
            Disposable.create(() => clearTimeout(this.retryTimer)),
            Disposable.create(() => clearTimeout(this.heldTimer))
        ]);
    }

    get state(): ConnectionState {
        return this.currentState;
    }

    /** The session and the user this page works for; settled by the first channel and the same from then on. */
    get info(): Promise<WorkspaceInfo> {
        return this.infoDeferred.promise;
    }

    start(): void {
        this.connect();
    }

    /**
     * Calls a method that only reads.
     *
     * @param repeatable `false` for what concerns only the channel it is sent on: it fails when that is not there.
     * @throws BridgeError
     */
    async request<M extends Exclude<Method, Mutation>>(method: M, params: ParamsOf<M>, repeatable = true): Promise<ResultOf<M>> {
        return this.call(method, params, repeatable) as Promise<ResultOf<M>>;
    }

    /**
     * Calls a method that changes something; however often it has to be sent, it is applied once.
     *
     * @throws BridgeError
     */
    async mutate<M extends Mutation>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
        return this.call(method, { ...params, idempotencyKey: generateUuid() }, true) as Promise<ResultOf<M>>;
    }

    /** Sends a call as it is, once: it does not wait for a channel, and dies with it. */
    startCall({ method, params, encoding }: RawCall): StartedCall {
        const id = ++this.sequence;
        const answer = this.call(method, params, false, encoding, id);
        const cancel = () => {
            if (this.outstanding.has(id)) {
                this.channel!.send(encodeFrame({ method: '$/cancelRequest', params: { id } }, encoding));
            }
        };
        return { id, answer, cancel };
    }

    onNotification<N extends keyof Notifications>(method: N, listener: (params: Notifications[N]) => void): Disposable {
        return this.onNotificationEmitter.event(notification => {
            if (notification.method === method) {
                listener(notification.params as Notifications[N]);
            }
        });
    }

    /** There is reason to think that the way to the server is open (again), or that it no longer is. */
    wake(): void {
        if (this.ready) {
            this.channel?.probe();
        } else if (!this.channel && this.currentState !== 'replaced') {
            this.failures = 0;
            this.connect();
        }
    }

    dispose(): void {
        this.toDispose.dispose();
        this.dropChannel();
        for (const { answer } of this.outstanding.values()) {
            answer.reject(BridgeError.unavailable('The connection is closed.'));
        }
        this.outstanding.clear();
    }

    // --- requests

    /** The frame is made at once: the caller may reuse its buffer, and a repetition is byte for byte the same. */
    protected call(
        method: string, params: object | undefined, repeatable: boolean, encoding: Encoding = 'msgpack', id = ++this.sequence
    ): Promise<unknown> {
        const frame = encodeFrame({ id, method, params }, encoding);
        const size = frameSize(frame);
        const maxFrame = this.own?.maxFrame ?? Infinity;
        if (size > maxFrame) {
            // Sent, it would cost the channel.
            return Promise.reject(new BridgeError(`The server takes at most ${Math.floor(maxFrame / 2 ** 20)} MiB in one piece.`, 'FileTooLarge'));
        }
        if (!this.ready) {
            if (!repeatable) {
                return Promise.reject(BridgeError.unavailable('Not connected to the server.'));
            }
            if (this.currentState === 'replaced') {
                return Promise.reject(BridgeError.unavailable('Somebody else has signed in in this browser.'));
            }
            if (this.outstanding.size >= MAX_WAITING || this.waitingBytes + size > MAX_WAITING_BYTES) {
                return Promise.reject(BridgeError.unavailable('Not connected to the server, and too much is waiting for it already.'));
            }
        }
        const answer = this.expect(id, frame, repeatable, params && 'idempotencyKey' in params ? Date.now() : undefined);
        if (this.ready && (!this.heldTimer || !repeatable)) {
            this.send(id);
        }
        return answer;
    }

    protected expect(id: number, frame: FrameData, repeatable: boolean, since?: number): Promise<unknown> {
        const answer = new Deferred<unknown>();
        const size = frameSize(frame);
        this.outstanding.set(id, { frame, size, answer, repeatable, since, sent: false });
        this.waitingBytes += size;
        return answer.promise;
    }

    protected send(id: number): void {
        const request = this.outstanding.get(id)!;
        request.sent = true;
        this.channel!.send(request.frame);
    }

    protected settle({ id, result, error }: ResponseMessage): void {
        const request = this.outstanding.get(id);
        if (!request) {
            return;
        }
        if (error?.data?.kind === 'RateLimited' && request.repeatable) {
            request.sent = false;
            this.hold((error.data.retryAfter ?? 1) * 1000);
            return;
        }
        this.outstanding.delete(id);
        this.waitingBytes -= request.size;
        if (error) {
            request.answer.reject(new BridgeError(error.message, error.data?.kind ?? 'Internal', error.data));
        } else {
            request.answer.resolve(result);
        }
    }

    /** Sends nothing for so long, and then what waits, in the order made. */
    protected hold(pause: number): void {
        this.heldTimer ??= setTimeout(() => {
            this.heldTimer = undefined;
            if (this.ready) {
                this.sendWaiting();
            }
        }, pause);
    }

    protected sendWaiting(): void {
        for (const [id, { sent }] of [...this.outstanding]) {
            if (!sent) {
                this.send(id);
            }
        }
    }

    /** The requests that cannot outlive their channel fail with it. */
    protected failUnrepeatable(): void {
        for (const [id, { repeatable }] of [...this.outstanding]) {
            if (!repeatable) {
                this.settle({ id, error: { message: 'The connection was lost.', data: { kind: 'Unavailable' } } });
            }
        }
    }

    /** The changes fail that the server might not know again. */
    protected failForgotten(): void {
        const remembered = Date.now() - this.timing.remember;
        for (const [id, { since }] of [...this.outstanding]) {
            if (since !== undefined && since < remembered) {
                const message = 'The connection was lost for too long to tell whether this change was made. Look, and make it again if it was not.';
                this.settle({ id, error: { message, data: { kind: 'Unavailable' } } });
            }
        }
    }

    // --- channels

    protected connect(): void {
        clearTimeout(this.retryTimer);
        this.dropChannel();
        this.attempt++;
        const term = this.access.term;
        const channel = new RpcChannel(this.options.openSocket(), this.timing, () => this.ping(), () => this.outstanding.size > 1);
        this.channel = channel;
        let opened = false;
        channel.onFrame(frame => this.onFrameEmitter.fire(frame));
        channel.onDidOpen(() => {
            opened = true;
            this.identify(channel);
        });
        channel.onResponse(response => this.settle(response));
        channel.onNotification(notification => this.onNotificationEmitter.fire(notification));
        channel.onDidClose(code => {
            if (this.ready && Date.now() - this.readySince > this.timing.lastRetry) {
                this.failures = 0;
            }
            this.dropChannel();
            this.failUnrepeatable();
            if (this.currentState !== 'signed-out' && this.currentState !== 'session-gone') {
                this.setState('offline');
            }
            this.recover(opened, code, term);
        });
    }

    protected dropChannel(): void {
        this.ready = false;
        const { channel } = this;
        this.channel = undefined;
        channel?.dispose();
    }

    /** Asks whose channel this is before anything is sent on it: the cookies may be somebody else's by now. */
    protected async identify(channel: RpcChannel): Promise<void> {
        const id = ++this.sequence;
        const frame = encodeFrame({ id, method: 'workspace.info', params: undefined }, 'msgpack');
        const answer = this.expect(id, frame, false) as Promise<WorkspaceInfo>;
        channel.send(frame);
        try {
            const info = await answer;
            const own = this.own ?? info;
            if (this.channel !== channel) {
                return;
            }
            if (own.user !== info.user || own.session !== info.session) {
                this.dropChannel();
                this.access.pause();
                this.setState('replaced');
                return;
            }
            this.own = own;
            this.options.page.adopt(own.session);
            this.infoDeferred.resolve(own);
            this.didIdentify();
        } catch (error) {
            // Either the channel was lost, and closing it again does nothing, or the server could not say.
            channel.close(RETRY);
        }
    }

    protected didIdentify(): void {
        this.failForgotten();
        for (const request of this.outstanding.values()) {
            request.sent = false;
        }
        clearTimeout(this.heldTimer);
        this.heldTimer = undefined;
        this.ready = true;
        this.readySince = Date.now();
        this.access.accept();
        this.onDidOpenEmitter.fire();
        this.sendWaiting();
        this.setState('online');
    }

    /** Decides how to go on after a channel was lost (`opened`) or could not be had. */
    protected async recover(opened: boolean, code: number, term: BridgeAccess['term']): Promise<void> {
        // A browser does not tell a page why an upgrade was refused. If the server is there all the same, it is most
        // likely for want of a valid token. The refresh token is spent by use, so it is not used on a mere suspicion
        // while the server may be going up or down.
        const { attempt } = this;
        const overtaken = () => this.toDispose.disposed || this.attempt !== attempt;
        const refused = code === UNAUTHENTICATED || (!opened && (this.access.expired || await this.access.isReachable()));
        if (overtaken()) {
            return;
        }
        if (refused && await this.hasLostSession()) {
            return;
        }
        if (overtaken()) {
            return;
        }
        if (refused && (code === UNAUTHENTICATED || this.failures < 2 || this.access.expired)) {
            const outcome = await this.access.renew(term);
            if (overtaken()) {
                return;
            }
            if (outcome === 'refused') {
                this.access.pause();
                this.setState('signed-out');
                return;
            }
            if (outcome === 'renewed' && this.failures === 0) {
                this.failures++;
                this.connect();
                return;
            }
        }
        const { firstRetry, lastRetry } = this.timing;
        const ceiling = Math.min(lastRetry, firstRetry * 2 ** this.failures++);
        this.retryTimer = setTimeout(() => this.connect(), ceiling * (0.5 + Math.random() / 2));
    }

    /** Whether it is for the session that there is no channel, and nothing to be tried before that has changed. */
    protected async hasLostSession(): Promise<boolean> {
        const { attempt, options: { page: { session } } } = this;
        const standing = session ? await this.access.standing(session, this.own?.user) : 'unknown';
        if (this.toDispose.disposed || this.attempt !== attempt || standing === 'open' || standing === 'unknown') {
            return false;
        }
        if (standing === 'not-ours') {
            this.access.pause();
            this.setState('replaced');
        } else {
            this.setState('session-gone');
        }
        return true;
    }

    protected didRenew(token: string | undefined): void {
        if (!this.ready) {
            this.wakeSignedOut();
        } else if (token) {
            this.request('auth.renew', { token }, false).catch(() => {
                // The channel died, or the server closes it when the old token ends; the next one has the new cookie.
            });
        } else {
            // Another tab renewed the cookie and its token did not reach this one: a new channel picks up the cookie.
            this.channel!.close(RETRY);
        }
    }

    protected wakeSignedOut(): void {
        if (this.currentState === 'signed-out' || this.currentState === 'session-gone') {
            this.wake();
        }
    }

    protected ping(): void {
        this.request('rpc.ping', undefined, false).catch(() => {
            // Only traffic matters, and whether there was any is the channel's to judge.
        });
    }

    protected setState(state: ConnectionState): void {
        if (this.currentState !== state) {
            this.currentState = state;
            this.onDidChangeStateEmitter.fire(state);
        }
    }
}
