import { AccessFetch, AccessRenewal, AccessSharing, AccessTerm, BridgeAccess, RenewalOutcome } from './bridge-access';
import { Event } from '@theia/core/lib/common/event';
import { Embedder } from './embedder';

const EMBEDDING = 'theia/embedding';

interface EmbeddingAnswer {
    /** Whose pages may hand over tokens. */
    readonly origins: readonly string[];
    /** Of the token that was sent, in seconds. */
    readonly expires_in: number;
}

/** A frame shares its access with nobody: other frames, and windows of their own, may be somebody else's. */
class NoSharing implements AccessSharing {

    readonly onDidAnnounce: Event<AccessRenewal | undefined> = Event.None;
    protected term: AccessTerm | undefined;
    protected last: Promise<unknown> = Promise.resolve();

    exclusively<T>(body: () => Promise<T>): Promise<T> {
        const result = this.last.then(body, body);
        this.last = result.catch(() => { });
        return result;
    }

    readTerm(): AccessTerm | undefined {
        return this.term;
    }

    writeTerm(term: AccessTerm): void {
        this.term = term;
    }

    announce(): void {
        // There is nobody to tell.
    }
}

/** Keeps the access token of a page in a frame fresh, by those that the page around gives it. */
export class EmbeddedAccess extends BridgeAccess {

    protected listening = false;

    /** @param use has everything that is sent from now on carry a token. */
    constructor(protected readonly embedder: Embedder, fetch: AccessFetch, protected readonly use: (token: string) => void) {
        super(new NoSharing(), fetch);
        this.toDispose.push(embedder);
        this.toDispose.push(embedder.onDidSendToken(async token => {
            if (await this.take(token) === 'renewed') {
                this.schedule();
            }
        }));
    }

    protected override async refresh(): Promise<RenewalOutcome> {
        await this.listen();
        const token = await this.embedder.ask();
        if (token !== undefined) {
            return this.take(token);
        }
        // While the last one is good, it is asked again in a while.
        return this.term && !this.expired ? 'unreachable' : 'refused';
    }

    /** The server knows whose pages may hand over tokens. */
    protected async listen(): Promise<void> {
        if (this.listening) {
            return;
        }
        try {
            const response = await this.fetch(EMBEDDING, { method: 'GET' });
            if (response.status === 200) {
                this.embedder.allow((await response.json() as EmbeddingAnswer).origins);
                this.listening = true;
            }
        } catch {
            // The server is not reached, and is asked again the next time.
        }
    }

    protected async take(token: string): Promise<RenewalOutcome> {
        try {
            // The server renews the cookie for the files of the IDE by it, too.
            const response = await this.fetch(`${EMBEDDING}?token=${encodeURIComponent(token)}`, { method: 'GET' });
            if (response.status !== 200) {
                return response.status === 401 || response.status === 403 ? 'refused' : 'unreachable';
            }
            const { expires_in } = await response.json() as EmbeddingAnswer;
            this.use(token);
            this.adopt(expires_in * 1000, token);
            return 'renewed';
        } catch {
            return 'unreachable';
        }
    }
}
