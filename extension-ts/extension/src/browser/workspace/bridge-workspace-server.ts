import { StorageService } from '@theia/core/lib/browser/storage-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { WorkspaceServer } from '@theia/workspace/lib/common';
import { WORKSPACE_URI } from '../../common/roots';
import { BridgeStorageService } from '../storage/bridge-storage-service';

const RECENT_KEY = `${WORKSPACE_URI}:recent-workspaces`;

/** A page opens the session's files, whatever folder of them was opened last. */
@injectable()
export class BridgeWorkspaceServer implements WorkspaceServer {

    @inject(BridgeStorageService)
    protected readonly storage: StorageService;

    async getRecentWorkspaces(): Promise<string[]> {
        const recent = await this.storage.getData<string[]>(RECENT_KEY, []);
        return recent.includes(WORKSPACE_URI) ? recent : [...recent, WORKSPACE_URI];
    }

    async getMostRecentlyUsedWorkspace(): Promise<string> {
        return WORKSPACE_URI;
    }

    async setMostRecentlyUsedWorkspace(uri: string): Promise<void> {
        // Theia sends '' when it could not open a workspace.
        if (uri) {
            const recent = await this.getRecentWorkspaces();
            await this.storage.setData(RECENT_KEY, [uri, ...recent.filter(other => other !== uri)]);
        }
    }

    async removeRecentWorkspace(uri: string): Promise<void> {
        const recent = await this.getRecentWorkspaces();
        await this.storage.setData(RECENT_KEY, recent.filter(other => other !== uri));
    }
}
