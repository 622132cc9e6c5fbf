import { Emitter, Event } from '@theia/core/lib/common/event';
import { inject, injectable } from '@theia/core/shared/inversify';
import { ModelInfo } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

/** The language models that the server offers. */
@injectable()
export class ServerModels {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    protected readonly onDidChangeEmitter = new Emitter<void>();
    readonly onDidChange: Event<void> = this.onDidChangeEmitter.event;

    protected current: readonly ModelInfo[] | undefined;

    /** What is offered; nothing as long as it is not known. */
    get models(): readonly ModelInfo[] | undefined {
        return this.current;
    }

    /** The id of the one that answers where no other is asked for. */
    get defaultModel(): string | undefined {
        return this.current?.find(model => model.default)?.id;
    }

    /** Looks what is offered. */
    async refresh(): Promise<void> {
        const [{ role }, { models }] = await Promise.all([this.connection.info, this.connection.request('chat.models', undefined)]);
        // A viewer may read chats, but have no answers.
        const offered = role === 'viewer' ? [] : models;
        if (JSON.stringify(offered) !== JSON.stringify(this.current)) {
            this.current = offered;
            this.onDidChangeEmitter.fire();
        }
    }
}
