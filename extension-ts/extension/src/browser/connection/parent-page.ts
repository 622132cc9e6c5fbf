import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { Deferred } from '@theia/core/lib/common/promise-util';

/** Whether this page is in a frame of another. */
export function isFramed(): boolean {
    return window.parent !== window;
}

/** How long the page around may take to answer, in milliseconds. */
const PATIENCE = 5_000;

/** What it is sent, and what it answers or sends by itself. */
const NEEDED = 'theia-bridge:token-needed';
const TOKEN = 'theia-bridge:token';

/** The page around this one, which hands it access tokens. */
export class ParentPage implements Disposable {

    protected readonly toDispose = new DisposableCollection();
    protected readonly onDidGiveTokenEmitter = new Emitter<string>();
    /** Fires for a token that was not asked for. */
    readonly onDidGiveToken: Event<string> = this.onDidGiveTokenEmitter.event;

    protected allowed: Promise<ReadonlySet<string>> | undefined;
    protected asked: Deferred<string | undefined> | undefined;

    /** @param loadOrigins gets those whose tokens are taken. */
    constructor(protected readonly loadOrigins: () => Promise<readonly string[]>) {
        const listener = (event: MessageEvent<unknown>): void => { this.receive(event); };
        window.addEventListener('message', listener);
        this.toDispose.pushAll([this.onDidGiveTokenEmitter, Disposable.create(() => window.removeEventListener('message', listener))]);
    }

    /** A token, or nothing if the page around gives none in time. */
    async askForToken(): Promise<string | undefined> {
        if (!this.asked) {
            const asked = this.asked = new Deferred<string | undefined>();
            const timer = setTimeout(() => asked.resolve(undefined), PATIENCE);
            asked.promise.then(() => {
                clearTimeout(timer);
                this.asked = undefined;
            });
            // To whom does not matter: it holds nothing, and the browser shows this page to nobody else.
            window.parent.postMessage({ type: NEEDED }, '*');
        }
        return this.asked.promise;
    }

    dispose(): void {
        this.toDispose.dispose();
    }

    protected async receive({ source, origin, data }: MessageEvent<unknown>): Promise<void> {
        const message = data as { readonly type?: unknown, readonly token?: unknown } | null;
        if (source !== window.parent || message?.type !== TOKEN || typeof message.token !== 'string' || !(await this.origins()).has(origin)) {
            return;
        }
        if (this.asked) {
            this.asked.resolve(message.token);
        } else {
            this.onDidGiveTokenEmitter.fire(message.token);
        }
    }

    protected async origins(): Promise<ReadonlySet<string>> {
        this.allowed ??= this.loadOrigins().then(origins => new Set([location.origin, ...origins]));
        try {
            return await this.allowed;
        } catch {
            this.allowed = undefined;
            return new Set();
        }
    }
}
