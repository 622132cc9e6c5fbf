import { Emitter, Event } from '@theia/core/lib/common/event';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import debounce = require('@theia/core/shared/lodash.debounce');
import { RelatedSession, Session } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

/** Sessions asked for at a time: as many as the server gives. */
const PAGE = 200;

export interface SessionDetails {
    readonly name: string;
    readonly tags: string[];
    readonly description: string;
}

export interface SessionQuery {
    /** Words that are in name, tags or description. */
    readonly search?: string;
    readonly tag?: string;
    /** Those in the trash instead. */
    readonly deleted?: boolean;
}

/** The user's workspace sessions. What is asked for is asked for now: all methods throw `BridgeError` when offline. */
@injectable()
export class SessionsService {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    protected readonly onDidChangeEmitter = new Emitter<void>();
    /** Fires when there may be other sessions than before, or other names, wherever that was done. */
    readonly onDidChange: Event<void> = this.onDidChangeEmitter.event;

    protected readonly onDidChangeCurrentEmitter = new Emitter<Session>();
    readonly onDidChangeCurrent: Event<Session> = this.onDidChangeCurrentEmitter.event;

    /** The session of this page, as last heard of. */
    current: Session | undefined;
    /** The id of it, once known. */
    currentId: string | undefined;
    /** Whether the user may change sessions; viewers only look. */
    mayChange = false;

    protected readonly didChangeSoon = debounce(() => this.onDidChangeEmitter.fire(), 100, { leading: true });

    @postConstruct()
    protected init(): void {
        this.connection.info.then(({ session, role }) => {
            this.currentId = session;
            this.mayChange = role !== 'viewer';
            this.refreshCurrent();
        });
        this.connection.onNotification('sessions.didChange', () => this.didChange());
        this.connection.onDidOpen(() => this.didChange());
    }

    /** All that are meant, the last used first, or the last deleted. */
    async list({ search, tag, deleted }: SessionQuery): Promise<Session[]> {
        const found: Session[] = [];
        let after: string | null = null;
        do {
            const page: { items: Session[], next: string | null } = await this.connection.request('sessions.list', {
                search, tag: tag ?? null, deleted, after, limit: PAGE
            }, false);
            found.push(...page.items);
            after = page.next;
        } while (after);
        return found;
    }

    async get(session: string): Promise<Session> {
        return this.connection.request('sessions.get', { session }, false);
    }

    async create(details: SessionDetails): Promise<Session> {
        return this.change(this.connection.request('sessions.create', { ...details }, false));
    }

    async update(session: string, details: SessionDetails): Promise<Session> {
        return this.change(this.connection.request('sessions.update', { session, ...details }, false));
    }

    /** Into the trash. */
    async delete(session: string): Promise<void> {
        await this.change(this.connection.request('sessions.delete', { session }, false));
    }

    async restore(session: string): Promise<Session> {
        return this.change(this.connection.request('sessions.restore', { session }, false));
    }

    async fork(session: string, name: string): Promise<Session> {
        return this.change(this.connection.request('sessions.fork', { session, name }, false));
    }

    async related(session: string): Promise<RelatedSession[]> {
        return (await this.connection.request('sessions.related', { session, limit: 20 }, false)).items;
    }

    protected async change<T>(request: Promise<T>): Promise<T> {
        try {
            return await request;
        } finally {
            this.didChangeSoon();
        }
    }

    protected didChange(): void {
        this.didChangeSoon();
        this.refreshCurrent();
    }

    protected async refreshCurrent(): Promise<void> {
        if (this.currentId === undefined) {
            return;
        }
        try {
            this.current = await this.get(this.currentId);
            this.onDidChangeCurrentEmitter.fire(this.current);
        } catch {
            // Offline, and asked again with the next channel; or it was deleted, and the channel is about to tell.
        }
    }
}
