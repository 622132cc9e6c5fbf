import { LanguageModelFrontendDelegate, LanguageModelRegistryFrontendDelegate } from '@theia/ai-core/lib/common';

/** Models come from the server, through `ModelContribution`, and none from a Node backend. */
export const NO_BACKEND_MODELS: LanguageModelRegistryFrontendDelegate = {
    getLanguageModelDescriptions: async () => []
};

export const NO_BACKEND_REQUESTS: LanguageModelFrontendDelegate = {
    cancel: () => { },
    request: async modelId => { throw new Error(`${modelId} is not a model of this server.`); }
};
