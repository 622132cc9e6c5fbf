import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { AccessFetch, AccessRenewal, AccessSharing, AccessTerm } from './bridge-access';
import { LanguageSocket } from '../language-client/language-socket';
import { BridgeSocket } from './rpc-channel';

/** Where the server's root is, seen from the page: one level above, wherever that is. */
let root = '../';

/** The server answers elsewhere, as behind a Node backend. Called before anything is made. */
export function reachServerAt(other: string): void {
    root = other;
}

export function serverUrl(path: string): URL {
    return new URL(root + path, document.baseURI);
}

function openSocket(path: string): WebSocket {
    const url = serverUrl(path);
    url.protocol = url.protocol.replace('http', 'ws');
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
    method, cache: 'no-store', ...json && { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } }
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
