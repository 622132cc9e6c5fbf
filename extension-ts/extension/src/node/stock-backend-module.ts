import { BackendApplicationContribution } from '@theia/core/lib/node/backend-application';
import { WsRequestValidatorContribution } from '@theia/core/lib/node/ws-request-validators';
import { ContainerModule } from '@theia/core/shared/inversify';
import { WorkspaceHandlerContribution } from '@theia/workspace/lib/node/default-workspace-server';
import { Gate } from './gate';
import { GateContribution } from './gate-contribution';
import { Leases } from './leases';
import { ServerAccounts } from './server-accounts';
import { ServerProxy } from './server-proxy';
import { readSettings, SettingsError, StockSettings } from './settings';
import { StockEndpoints } from './stock-endpoints';
import { StockWorkspaceHandler } from './stock-workspace-handler';
import { TokenVerifier } from './token-verifier';

const settings = settingsOrEnd();

/** A Theia that cannot be guarded must not start, and how to mend it should not drown in a stack trace. */
function settingsOrEnd(): StockSettings {
    try {
        return readSettings(process.env);
    } catch (error) {
        if (error instanceof SettingsError) {
            console.error(error.message);
            process.exit(1);
        }
        throw error;
    }
}

export default new ContainerModule(bind => {
    bind(StockSettings).toConstantValue(settings);
    const verifier = new TokenVerifier(settings);
    const leases = new Leases();
    const proxy = new ServerProxy(settings);
    bind(Gate).toConstantValue(new Gate(verifier));
    bind(Leases).toConstantValue(leases);
    bind(ServerProxy).toConstantValue(proxy);
    bind(StockEndpoints).toConstantValue(new StockEndpoints(settings, verifier, new ServerAccounts(settings), leases, proxy));
    bind(GateContribution).toSelf().inSingletonScope();
    bind(BackendApplicationContribution).toService(GateContribution);
    bind(WsRequestValidatorContribution).toService(GateContribution);
    bind(WorkspaceHandlerContribution).to(StockWorkspaceHandler).inSingletonScope();
});
