import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';

/** When the access token in the cookie ends, and how long it lives. Milliseconds; `expiresAt` since 1970. */
export interface AccessTerm {
    readonly expiresAt: number;
    readonly lifetime: number;
}

/**
 * A new term. `token` is missing when another tab renewed it and its announcement did not arrive, and where a Node
 * backend keeps it from scripts.
 */
export interface AccessRenewal extends AccessTerm {
    readonly token?: string;
}

export type RenewalOutcome = 'renewed' | 'refused' | 'unreachable';

/** Of a session: it can be worked in, it was deleted, somebody else is signed in, or that cannot be known now. */
export type SessionStanding = 'open' | 'gone' | 'not-ours' | 'unknown';

/**
 * What the tabs of one browser share: the cookies and, with them, a refresh token that may be used only once.
 */
export const AccessSharing = Symbol('AccessSharing');
export interface AccessSharing {
    /** Runs `body` while no other tab runs one. */
    exclusively<T>(body: () => Promise<T>): Promise<T>;
    /** The newest term any tab knows of. */
    readTerm(): AccessTerm | undefined;
    writeTerm(term: AccessTerm): void;
    /** Tells the other tabs of a new term, or with nothing to tell of it that this one is signed in. */
    announce(renewal?: AccessRenewal): void;
    readonly onDidAnnounce: Event<AccessRenewal | undefined>;
}

export const AccessFetch = Symbol('AccessFetch');
/** Sends a request to a path below the server's root, with the browser's cookies. */
export type AccessFetch = (path: string, init: { method: 'GET' | 'POST', json?: object }) => Promise<{
    readonly status: number;
    json(): Promise<unknown>;
}>;

/** A term is renewed a minute ahead of its end, or in its last third if it is that short. */
const RENEWAL_MARGIN = 60_000;
/** With no term known, as after a fresh sign-in, the page is left to load before it asks for one. */
const UNKNOWN_TERM_DELAY = 30_000;
/** After a renewal that failed to reach the server. */
const RETRY_DELAY = 10_000;

/** Keeps the browser's access token fresh, together with the other tabs. */
export class BridgeAccess implements Disposable {

    protected readonly toDispose = new DisposableCollection();
    protected readonly onDidRenewEmitter = new Emitter<AccessRenewal>();
    readonly onDidRenew: Event<AccessRenewal> = this.onDidRenewEmitter.event;
    protected readonly onDidSignInEmitter = new Emitter<void>();
    /** Fires when another tab is signed in, perhaps anew. */
    readonly onDidSignIn: Event<void> = this.onDidSignInEmitter.event;
    /** The newest term that another tab announced. */
    protected told: number | undefined;
    protected timer: ReturnType<typeof setTimeout> | undefined;

    constructor(
        protected readonly sharing: AccessSharing,
        protected readonly fetch: AccessFetch,
        protected readonly now: () => number = Date.now
    ) {
        this.toDispose.pushAll([this.onDidRenewEmitter, this.onDidSignInEmitter]);
        this.toDispose.push(sharing.onDidAnnounce(renewal => {
            if (renewal) {
                this.told = renewal.expiresAt;
                this.schedule();
                this.onDidRenewEmitter.fire(renewal);
            } else {
                this.onDidSignInEmitter.fire();
            }
        }));
        this.toDispose.push(Disposable.create(() => clearTimeout(this.timer)));
    }

    /** The term as known now; hand it to `renew` to say which one is no longer good enough. */
    get term(): AccessTerm | undefined {
        return this.sharing.readTerm();
    }

    get expired(): boolean {
        return (this.term?.expiresAt ?? Infinity) <= this.now();
    }

    /** The server accepted the token: keeps it so, and lets the other tabs know that it is worth trying. */
    accept(): void {
        this.schedule();
        this.sharing.announce();
    }

    protected schedule(): void {
        clearTimeout(this.timer);
        // One that has ended, though the server accepts the token, is from before the last sign-in.
        const term = this.expired ? undefined : this.term;
        const margin = term && Math.min(RENEWAL_MARGIN, term.lifetime / 3);
        const delay = term ? Math.max(0, term.expiresAt - margin! - this.now()) : UNKNOWN_TERM_DELAY;
        this.timer = setTimeout(async () => {
            if (await this.renew(this.term) === 'unreachable') {
                this.timer = setTimeout(() => this.schedule(), RETRY_DELAY);
            }
        }, delay);
    }

    /** Stops renewing, as when nobody is signed in. */
    pause(): void {
        clearTimeout(this.timer);
    }

    /**
     * Gets a new access token, unless another tab has got one since `stale` was read: the refresh token is
     * single use, and using it twice would sign everybody out.
     */
    async renew(stale: AccessTerm | undefined): Promise<RenewalOutcome> {
        const outcome = await this.sharing.exclusively(async () => {
            const { term } = this;
            if (term && term.expiresAt > (stale?.expiresAt ?? 0) && term.expiresAt > this.now()) {
                if (this.told !== term.expiresAt) {
                    this.onDidRenewEmitter.fire(term);
                }
                return 'renewed';
            }
            return this.refresh();
        });
        if (outcome === 'renewed') {
            this.schedule();
        }
        return outcome;
    }

    /** Whether the server answers at all, signed in or not. */
    async isReachable(): Promise<boolean> {
        try {
            return (await this.fetch('healthz', { method: 'GET' })).status < 500;
        } catch {
            return false;
        }
    }

    /** How a session of a user stands, whom nobody may have taken the place of. */
    async standing(session: string, user: string | undefined): Promise<SessionStanding> {
        try {
            const found = await this.fetch(`api/v5/sessions/${encodeURIComponent(session)}`, { method: 'GET' });
            if (found.status !== 404) {
                return found.status === 200 ? 'open' : 'unknown';
            }
            const me = await this.fetch('api/v5/users/me', { method: 'GET' });
            if (me.status !== 200) {
                return 'unknown';
            }
            const { id } = await me.json() as { id: string };
            return user === undefined || id === user ? 'gone' : 'not-ours';
        } catch {
            return 'unknown';
        }
    }

    /**
     * Has a deleted session back. It goes beside the channel, of which there is none for such a session.
     *
     * @throws Error that says why not
     */
    async restore(session: string): Promise<void> {
        const answer = await this.fetch(`api/v5/sessions/${encodeURIComponent(session)}/restore`, { method: 'POST' });
        if (answer.status >= 400) {
            const { detail } = await answer.json().catch(() => ({})) as { detail?: string };
            throw new Error(detail ?? `The server answered ${answer.status}.`);
        }
    }

    /** Ends the signed-in session on the server and forgets its term. */
    async signOut(): Promise<void> {
        this.pause();
        const { status } = await this.fetch('api/v5/auth/logout', { method: 'POST' });
        if (status >= 400 && status !== 401) {
            throw new Error(`The server answered ${status}.`);
        }
    }

    dispose(): void {
        this.toDispose.dispose();
    }

    /** Goes by a new term from now on, and so do the other tabs. */
    protected adopt(lifetime: number, token: string | undefined): void {
        const renewal: AccessRenewal = { expiresAt: this.now() + lifetime, lifetime, token };
        this.sharing.writeTerm(renewal);
        this.sharing.announce(renewal);
        this.onDidRenewEmitter.fire(renewal);
    }

    protected async refresh(): Promise<RenewalOutcome> {
        try {
            const response = await this.fetch('api/v5/auth/refresh', { method: 'POST' });
            if (response.status === 200) {
                const { access_token, expires_in } = await response.json() as { access_token?: string, expires_in: number };
                this.adopt(expires_in * 1000, access_token);
                return 'renewed';
            }
            // 429 and 5xx say nothing of who is signed in.
            return response.status === 400 || response.status === 401 || response.status === 403 ? 'refused' : 'unreachable';
        } catch {
            return 'unreachable';
        }
    }
}
