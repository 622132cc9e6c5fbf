import { TokenUsageServiceClient } from '@theia/ai-core/lib/common/protocol';
import { TokenUsage, TokenUsageParams, TokenUsageService } from '@theia/ai-core/lib/common/token-usage-service';
import { inject, injectable } from '@theia/core/shared/inversify';

/** What this page's requests to language models cost, in tokens. What counts for a budget is the server's own record. */
@injectable()
export class BridgeTokenUsageService implements TokenUsageService {

    @inject(TokenUsageServiceClient)
    protected readonly client: TokenUsageServiceClient;

    protected readonly usages: TokenUsage[] = [];

    async recordTokenUsage(model: string, params: TokenUsageParams): Promise<void> {
        const usage: TokenUsage = { ...params, model, timestamp: new Date() };
        this.usages.push(usage);
        this.client.notifyTokenUsage(usage);
    }

    async getTokenUsages(): Promise<TokenUsage[]> {
        return [...this.usages];
    }

    setClient(): void {
        // The client is in the same page, and injected.
    }
}
