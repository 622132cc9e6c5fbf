import URI from '@theia/core/lib/common/uri';
import { injectable } from '@theia/core/shared/inversify';
import { WorkspaceHandlerContribution } from '@theia/workspace/lib/node/default-workspace-server';
import { BRIDGE_SCHEME } from '../common/stock';

/** Keeps the server's files among the recent workspaces. */
@injectable()
export class StockWorkspaceHandler implements WorkspaceHandlerContribution {

    canHandle(uri: URI): boolean {
        return uri.scheme === BRIDGE_SCHEME;
    }

    /** Every session has them. */
    async workspaceStillExists(): Promise<boolean> {
        return true;
    }
}
