import { CliPreferences } from '@theia/preferences/lib/common/cli-preferences';

/** Nobody starts this application from a command line. */
export const NO_CLI_PREFERENCES: CliPreferences = {
    getPreferences: async () => [],
    getSessionPreferences: async () => []
};
