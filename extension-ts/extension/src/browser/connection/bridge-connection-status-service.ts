import { ConnectionStatus, ConnectionStatusService } from '@theia/core/lib/browser/connection-status-service';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import { BridgeConnection } from './bridge-connection';

/** Theia's status bar shows "Offline" by this. */
@injectable()
export class BridgeConnectionStatusService implements ConnectionStatusService {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    protected readonly onStatusChangeEmitter = new Emitter<ConnectionStatus>();
    readonly onStatusChange: Event<ConnectionStatus> = this.onStatusChangeEmitter.event;

    protected status = ConnectionStatus.ONLINE;

    get currentStatus(): ConnectionStatus {
        return this.status;
    }

    @postConstruct()
    protected init(): void {
        this.connection.onDidChangeState(state => {
            // The very first moments of connecting are not worth an alarm.
            const status = state === 'online' || state === 'connecting' ? ConnectionStatus.ONLINE : ConnectionStatus.OFFLINE;
            if (status !== this.status) {
                this.status = status;
                this.onStatusChangeEmitter.fire(status);
            }
        });
    }
}
