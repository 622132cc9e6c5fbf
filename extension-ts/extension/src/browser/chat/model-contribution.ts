import { LanguageModel, LanguageModelRegistry } from '@theia/ai-core/lib/common/language-model';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { ILogger } from '@theia/core/lib/common/logger';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeConnection } from '../connection/bridge-connection';
import { BridgeLanguageModel } from './bridge-language-model';
import { ServerAgents } from './server-agents';
import { ServerModels } from './server-models';

/** Registers the server's models with Theia, and again what has changed when the connection comes back. */
@injectable()
export class ModelContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(ServerModels)
    protected readonly models: ServerModels;

    @inject(ServerAgents)
    protected readonly agents: ServerAgents;

    @inject(LanguageModelRegistry)
    protected readonly registry: LanguageModelRegistry;

    @inject(ILogger)
    protected readonly logger: ILogger;

    protected registered: readonly string[] = [];

    onStart(): void {
        this.models.onDidChange(() => this.register());
        this.refresh();
        this.connection.onDidOpen(() => this.refresh());
    }

    protected async refresh(): Promise<void> {
        try {
            await this.models.refresh();
        } catch (error) {
            this.logger.warn(`The language models are not known: ${error instanceof Error ? error.message : error}`);
        }
    }

    protected register(): void {
        const offered = (this.models.models ?? []).map(({ id }) => id);
        const gone = this.registered.filter(id => !offered.includes(id));
        const fresh = offered.filter(id => !this.registered.includes(id));
        this.registered = offered;
        this.registry.removeLanguageModels(gone);
        this.registry.addLanguageModels(fresh.map((id): LanguageModel => new BridgeLanguageModel(id, this.connection, agent => this.agents.recordOf(agent))));
    }
}
