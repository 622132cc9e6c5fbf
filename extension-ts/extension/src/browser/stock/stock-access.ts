import { ACCESS_PATH, AccessAnswer } from '../../common/stock';
import { AccessFetch, AccessSharing, BridgeAccess, RenewalOutcome } from '../connection/bridge-access';
import { Embedder } from '../connection/embedder';

/** The access as a Node backend keeps it: renewed by the page around this one, or by a sign-in at the backend's own page. */
export class StockAccess extends BridgeAccess {

    constructor(sharing: AccessSharing, fetch: AccessFetch, protected readonly embedder: Embedder) {
        super(sharing, fetch);
        this.toDispose.push(embedder.onDidSendToken(token => this.bring(token)));
        // What is not learnt now is learnt at the first renewal.
        this.learn().catch(() => undefined);
    }

    /** Whoever came by a link has no term yet. */
    protected async learn(): Promise<void> {
        const response = await this.fetch(ACCESS_PATH, { method: 'GET' });
        if (response.status === 200) {
            const { expires_in, lifetime, origins } = await response.json() as AccessAnswer;
            this.embedder.allow(origins);
            this.sharing.writeTerm({ expiresAt: this.now() + expires_in * 1000, lifetime: lifetime * 1000 });
            this.schedule();
        }
    }

    protected override async refresh(): Promise<RenewalOutcome> {
        const token = await this.embedder.ask();
        return token === undefined ? super.refresh() : this.bring(token);
    }

    /** Hands a newer token to the Node backend, for the browser's cookie. */
    protected async bring(token: string): Promise<RenewalOutcome> {
        try {
            const response = await this.fetch(ACCESS_PATH, { method: 'POST', json: { token } });
            if (response.status !== 200) {
                return response.status < 500 ? 'refused' : 'unreachable';
            }
            const { expires_in } = await response.json() as AccessAnswer;
            this.adopt(expires_in * 1000, token);
            this.schedule();
            return 'renewed';
        } catch {
            return 'unreachable';
        }
    }
}
