import { LanguageModelAlias, LanguageModelAliasRegistry } from '@theia/ai-core/lib/common/language-model-alias';
import { Event } from '@theia/core/lib/common/event';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { ServerModels } from './server-models';

/** The model that the server says is its default. */
export const DEFAULT_MODEL = 'default';

/** Theia's own agents ask for a model by what it is to be good at. */
const FOR_A_PURPOSE = /^default\//;

/** All names that Theia has for models lead to the server's default; others are none of ours to choose. */
@injectable()
export class BridgeModelAliases implements LanguageModelAliasRegistry {

    @inject(ServerModels)
    protected readonly models: ServerModels;

    readonly ready = Promise.resolve();

    get onDidChange(): Event<void> {
        return this.models.onDidChange;
    }

    getAliases(): LanguageModelAlias[] {
        const { defaultModel } = this.models;
        const description = nls.localize('theia-bridge/chat/defaultModel', 'The default of this server.');
        return [{ id: DEFAULT_MODEL, defaultModelIds: defaultModel === undefined ? [] : [defaultModel], description }];
    }

    resolveAlias(id: string): string[] | undefined {
        return id === DEFAULT_MODEL || FOR_A_PURPOSE.test(id) ? this.getAliases()[0].defaultModelIds : undefined;
    }

    addAlias(): void { }

    removeAlias(): void { }
}
