import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeConnection } from './bridge-connection';

/** Tries the connection at once when the browser notices that it may work again, instead of at the next turn. */
@injectable()
export class ConnectionWakeContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    initialize(): void {
        window.addEventListener('online', () => this.connection.wake());
        window.addEventListener('focus', () => this.wakeIfAway());
        document.addEventListener('visibilitychange', () => this.wakeIfAway());
    }

    protected wakeIfAway(): void {
        if (document.visibilityState === 'visible') {
            this.connection.wake();
        }
    }
}
