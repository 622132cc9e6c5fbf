import { EnvVariable, EnvVariablesServer } from '@theia/core/lib/common/env-variables';
import { injectable } from '@theia/core/shared/inversify';
import { HOME_URI, WORKSPACE_URI } from '../../common/roots';

/** Where the user's things are. There is no process whose environment could be shown. */
@injectable()
export class BridgeEnvVariablesServer implements EnvVariablesServer {

    async getExecPath(): Promise<string> {
        return '';
    }

    async getVariables(): Promise<EnvVariable[]> {
        return [];
    }

    async getValue(): Promise<undefined> {
        return undefined;
    }

    async getConfigDirUri(): Promise<string> {
        return `${HOME_URI}/.theia`;
    }

    async getHomeDirUri(): Promise<string> {
        return HOME_URI;
    }

    async getDrives(): Promise<string[]> {
        return [WORKSPACE_URI, HOME_URI];
    }
}
