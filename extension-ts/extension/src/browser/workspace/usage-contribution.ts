import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { nls } from '@theia/core/lib/common/nls';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { BinarySize } from '@theia/filesystem/lib/common/files';
import { Quota, WorkspaceUsage } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

const ELEMENT = 'theia-bridge-usage';

/** Of a limit; from here on it is worth a warning. */
const WARN = 0.9;

/** After a change it is looked up again, but not more often than this, in milliseconds. */
const REFRESH_TIME = 5_000;

interface Share {
    readonly of: number;
    readonly text: string;
}

/** Tells in the status bar how much of what may be kept is used, where there is a limit. */
@injectable()
export class UsageContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(FileService)
    protected readonly fileService: FileService;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    protected readonly refreshSoon = debounce(() => this.refresh(), REFRESH_TIME, { maxWait: REFRESH_TIME });

    async onStart(): Promise<void> {
        this.connection.onDidOpen(() => this.refreshSoon());
        this.refresh().then(limited => {
            // Without limits there is nothing to tell, and nothing to ask for.
            if (limited) {
                this.fileService.onDidFilesChange(() => this.refreshSoon());
            }
        });
    }

    /** @returns whether there are limits. */
    protected async refresh(): Promise<boolean> {
        try {
            const usage = await this.connection.request('workspace.usage', undefined);
            const shares = this.shares(usage);
            if (!shares.length) {
                await this.statusBar.removeElement(ELEMENT);
                return false;
            }
            const tightest = shares.reduce((one, other) => other.of > one.of ? other : one);
            const near = tightest.of >= WARN;
            await this.statusBar.setElement(ELEMENT, {
                text: `$(codicon-${near ? 'warning' : 'database'}) ${Math.floor(tightest.of * 100)}%`,
                tooltip: shares.map(({ text }) => text).join('\n'),
                alignment: StatusBarAlignment.RIGHT,
                priority: 10,
                ...near && { backgroundColor: 'var(--theia-statusBarItem-warningBackground)', color: 'var(--theia-statusBarItem-warningForeground)' }
            });
            return true;
        } catch {
            // Offline, and asked again with the next channel.
            return true;
        }
    }

    /** How much of each limit is used. */
    protected shares({ session, user, tenant }: WorkspaceUsage): Share[] {
        const owners: [string, Quota][] = [
            [nls.localize('theia-bridge/usage/session', 'This session'), session],
            [nls.localize('theia-bridge/usage/home', 'Your home'), user],
            [nls.localize('theia-bridge/usage/tenant', 'Everybody'), tenant]
        ];
        return owners.flatMap(([owner, { bytes, bytesLimit, files, filesLimit }]) => [
            ...bytesLimit ? [{
                of: bytes / bytesLimit,
                text: nls.localize('theia-bridge/usage/bytes', '{0}: {1} of {2}', owner, BinarySize.formatSize(bytes), BinarySize.formatSize(bytesLimit))
            }] : [],
            ...filesLimit ? [{
                of: files / filesLimit,
                text: nls.localize('theia-bridge/usage/files', '{0}: {1} of {2} files and folders', owner, files, filesLimit)
            }] : []
        ]);
    }
}
