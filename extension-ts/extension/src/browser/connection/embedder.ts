import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { Deferred } from '@theia/core/lib/common/promise-util';

/** What the pages say to each other. */
type EmbedderMessage = { readonly type: 'theia-bridge:token-needed' } | { readonly type: 'theia-bridge:token', readonly token: string };

/** Whether this page is in a frame of a page of another origin. */
export function isEmbedded(): boolean {
    if (window.parent === window) {
        return false;
    }
    try {
        // A page of the same origin shares our cookies, and with them the sign-in.
        return window.parent.location.origin !== location.origin;
    } catch {
        return true;
    }
}

/** So long it may take to send a token, in milliseconds. */
const PATIENCE = 5_000;

/**
 * The page that shows this one in a frame, if it is one of those that may. It has a newer token when one is needed, and
 * may send one unasked.
 */
export class Embedder implements Disposable {

    protected readonly toDispose = new DisposableCollection();
    protected readonly onDidSendTokenEmitter = new Emitter<string>();
    /** Fires with a token that was not asked for. */
    readonly onDidSendToken: Event<string> = this.onDidSendTokenEmitter.event;

    protected origins: readonly string[] = [];
    protected asked: Deferred<string | undefined> | undefined;

    constructor() {
        const listen = (event: MessageEvent): void => this.receive(event);
        window.addEventListener('message', listen);
        this.toDispose.pushAll([
            this.onDidSendTokenEmitter,
            Disposable.create(() => window.removeEventListener('message', listen)),
            Disposable.create(() => this.asked?.resolve(undefined))
        ]);
    }

    /** Whose pages are heard. Until it is called, none. */
    allow(origins: readonly string[]): void {
        this.origins = origins;
    }

    /** Asks for a newer token. Nothing comes if there is no such page, or it does not answer. */
    async ask(): Promise<string | undefined> {
        if (window.parent === window || !this.origins.length) {
            return undefined;
        }
        this.asked ??= new Deferred();
        const { asked } = this;
        // Only the page there is hears it, if its origin is among them.
        for (const origin of this.origins) {
            window.parent.postMessage({ type: 'theia-bridge:token-needed' } satisfies EmbedderMessage, origin);
        }
        const timer = setTimeout(() => asked.resolve(undefined), PATIENCE);
        try {
            return await asked.promise;
        } finally {
            clearTimeout(timer);
            this.asked = undefined;
        }
    }

    dispose(): void {
        this.toDispose.dispose();
    }

    protected receive({ source, origin, data }: MessageEvent<Partial<EmbedderMessage> | undefined>): void {
        if (source !== window.parent || !this.origins.includes(origin) || data?.type !== 'theia-bridge:token' || typeof data.token !== 'string') {
            return;
        }
        if (this.asked) {
            this.asked.resolve(data.token);
        } else {
            this.onDidSendTokenEmitter.fire(data.token);
        }
    }
}
