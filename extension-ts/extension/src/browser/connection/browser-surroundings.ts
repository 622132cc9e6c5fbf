import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { AccessFetch, AccessRenewal, AccessSharing, AccessTerm } from './bridge-access';
import { LanguageSocket } from '../language-client/language-socket';
import { PageSession } from './page-session';
import { BridgeSocket } from './rpc-channel';

/** Where the server's root is, seen from the page: one level above, wherever that is. */
let root = '../';

/** The server answers elsewhere, as behind a Node backend. Called before anything is made. */
export function reachServerAt(other: string): void {
    root = other;
}

/** What this page is let in by, where it is not its cookies. */
let ownToken: string | undefined;

/** Everything that is sent from now on carries a token, whatever the cookies say. */
export function useToken(token: string): void {
    ownToken = token;
}

/** The header that a request to the server needs; none where cookies let it in. */
export function authorization(): Record<string, string> {
    return ownToken ? { Authorization: `Bearer ${ownToken}` } : {};
}

export function serverUrl(path: string): URL {
    return new URL(root + path, document.baseURI);
}

/**
 * The workspace session this page is for is part of its address: the browser's cookies are for all its windows, and
 * each of them may have a session of its own, which stays when the page is loaded again.
 */
class BrowserPageSession implements PageSession {

    protected current: string | undefined;

    get session(): string | undefined {
        return this.current ??= new URLSearchParams(location.search).get(SESSION) || undefined;
    }

    adopt(session: string): void {
        this.current = session;
        history.replaceState(history.state, '', withSession(new URL(location.href), session));
    }
}

const SESSION = 'session';

export const browserPageSession: PageSession = new BrowserPageSession();

/** Of pages that name no session by themselves: without one in their address it is that of whoever signs in. */
export const addressedSession: PageSession = {
    get session(): string | undefined {
        return browserPageSession.session;
    },
    adopt: () => { }
};

function withSession(url: URL, session: string | undefined): URL {
    if (session) {
        url.searchParams.set(SESSION, session);
    }
    return url;
}

/** The address of what belongs to this page's session. */
export function sessionUrl(path: string): URL {
    return withSession(serverUrl(path), browserPageSession.session);
}

/** The address of this application in a session. */
export function pageUrl(session: string | undefined): URL {
    return withSession(new URL(document.baseURI.replace(/[?#].*$/, '')), session);
}

function openSocket(path: string): WebSocket {
    const url = sessionUrl(path);
    url.protocol = url.protocol.replace('http', 'ws');
    if (ownToken) {
        url.searchParams.set('token', ownToken);
    }
    return new WebSocket(url);
}

export function openBrowserSocket(): BridgeSocket {
    return openSocket('ws/rpc');
}

export function openLanguageSocket(language: string): LanguageSocket {
    return openSocket(`ws/lsp/${encodeURIComponent(language)}`);
}

export function openTerminalSocket(id: string): WebSocket {
    return openSocket(`ws/terminal/${encodeURIComponent(id)}`);
}

export const browserFetch: AccessFetch = (path, { method, json }) => fetch(serverUrl(path), {
    method, cache: 'no-store', body: json && JSON.stringify(json),
    headers: { ...authorization(), ...json && { 'Content-Type': 'application/json' } }
});

/** The tabs of one browser, by the means a browser gives them. */
export class BrowserAccessSharing implements AccessSharing, Disposable {

    protected static readonly CHANNEL = 'theia-bridge.access';
    protected static readonly TERM = 'theia-bridge.access-term';
    /** The login page takes the same one. */
    protected static readonly LOCK = 'theia-bridge.refresh';

    protected readonly toDispose = new DisposableCollection();
    protected readonly announcements = new BroadcastChannel(BrowserAccessSharing.CHANNEL);
    protected readonly onDidAnnounceEmitter = new Emitter<AccessRenewal | undefined>();
    readonly onDidAnnounce: Event<AccessRenewal | undefined> = this.onDidAnnounceEmitter.event;

    constructor() {
        this.announcements.onmessage = ({ data }: MessageEvent<AccessRenewal | undefined>) => this.onDidAnnounceEmitter.fire(data);
        this.toDispose.pushAll([this.onDidAnnounceEmitter, Disposable.create(() => this.announcements.close())]);
    }

    async exclusively<T>(body: () => Promise<T>): Promise<T> {
        // Locks exist only in secure contexts: https, and http to this machine.
        if (!navigator.locks) {
            return body();
        }
        return navigator.locks.request(BrowserAccessSharing.LOCK, body) as Promise<T>;
    }

    readTerm(): AccessTerm | undefined {
        const stored = localStorage.getItem(BrowserAccessSharing.TERM);
        if (!stored) {
            return undefined;
        }
        const { expiresAt, lifetime } = JSON.parse(stored) as AccessTerm;
        return { expiresAt, lifetime };
    }

    writeTerm({ expiresAt, lifetime }: AccessTerm): void {
        localStorage.setItem(BrowserAccessSharing.TERM, JSON.stringify({ expiresAt, lifetime }));
    }

    announce(renewal?: AccessRenewal): void {
        this.announcements.postMessage(renewal);
    }

    dispose(): void {
        this.toDispose.dispose();
    }
}
