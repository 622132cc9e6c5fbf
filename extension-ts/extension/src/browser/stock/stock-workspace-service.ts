import { DEFAULT_WINDOW_HASH } from '@theia/core/lib/common/window';
import URI from '@theia/core/lib/common/uri';
import { injectable } from '@theia/core/shared/inversify';
import { FileStat } from '@theia/filesystem/lib/common/files';
import { WorkspaceService } from '@theia/workspace/lib/browser/workspace-service';
import { WORKSPACE_PATH } from '../../common/roots';
import { isServed, toUri } from '../files/file-paths';

/**
 * Opens the server's files as a workspace, which Theia does with those of its disk only. They are what is opened where
 * neither the address, nor the command line of the Node backend, nor what was opened last says otherwise.
 */
@injectable()
export class StockWorkspaceService extends WorkspaceService {

    override canHandle(uri: URI): boolean {
        return isServed(uri) || super.canHandle(uri);
    }

    protected override async doInit(): Promise<void> {
        const stat = window.location.hash === `#${DEFAULT_WINDOW_HASH}` ? undefined : await this.findServed();
        if (!stat) {
            return super.doInit();
        }
        // The rest is as in Theia, for a folder.
        await this.setWorkspace(stat);
        this.fsPreferences.onPreferenceChanged(({ preferenceName }) => {
            if (preferenceName === 'files.watcherExclude') {
                this.refreshRootWatchers();
            }
        });
        this._ready.resolve();
    }

    protected async findServed(): Promise<FileStat | undefined> {
        const uri = await this.getDefaultWorkspaceUri();
        return uri && isServed(new URI(uri)) ? this.toValidRoot(uri) : undefined;
    }

    protected override async doGetDefaultWorkspaceUri(): Promise<string | undefined> {
        const asked = new URI(decodeURI(window.location.hash.slice(1)));
        if (isServed(asked)) {
            return asked.toString();
        }
        // It is '' where the user has closed the workspace.
        return await super.doGetDefaultWorkspaceUri() ?? toUri(WORKSPACE_PATH).toString();
    }

    /** What follows the # in the address. Of the disk's it is a bare path. */
    protected override getWorkspacePath(resource: URI): string {
        return isServed(resource) ? resource.toString() : super.getWorkspacePath(resource);
    }
}
