import '../../../src/browser/style/index.css';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { TabBarToolbarContribution } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { WidgetFactory } from '@theia/core/lib/browser/widget-manager';
import { CommandContribution } from '@theia/core/lib/common/command';
import { MenuContribution } from '@theia/core/lib/common/menu';
import { ContainerModule } from '@theia/core/shared/inversify';
import { FileSearchService } from '@theia/file-search/lib/common/file-search-service';
import { FileResourceResolver } from '@theia/filesystem/lib/browser/file-resource';
import { FileService, FileServiceContribution } from '@theia/filesystem/lib/browser/file-service';
import { FileUploadService } from '@theia/filesystem/lib/common/upload/file-upload';
import { SearchInWorkspaceServer } from '@theia/search-in-workspace/lib/common/search-in-workspace-interface';
import { WorkspaceService } from '@theia/workspace/lib/browser/workspace-service';
import { BRIDGE_PATH, BRIDGE_SCHEME } from '../../common/stock';
import { AccountContribution } from '../account/account-contribution';
import { SignInContribution } from '../account/sign-in-contribution';
import { BridgeAccess } from '../connection/bridge-access';
import { BridgeConnection } from '../connection/bridge-connection';
import { addressedSession, browserFetch, BrowserAccessSharing, openBrowserSocket, reachServerAt } from '../connection/browser-surroundings';
import { ConnectionWakeContribution } from '../connection/connection-wake-contribution';
import { Embedder } from '../connection/embedder';
import { BridgeDownloadService } from '../files/bridge-download-service';
import { BridgeFileResourceResolver } from '../files/bridge-file-resource';
import { BridgeFileService } from '../files/bridge-file-service';
import { BridgeFileSystemServer } from '../files/bridge-file-system-server';
import { BridgeUploadService } from '../files/bridge-upload-service';
import { serveFilesAs } from '../files/file-paths';
import { SendFile, sendFileFromBrowser } from '../files/file-sender';
import { FileTransfer } from '../files/file-transfer';
import { LostTrackContribution } from '../files/lost-track-contribution';
import { UploadContribution } from '../files/upload-contribution';
import { BridgeTimelineProvider } from '../history/bridge-timeline-provider';
import { HistoryContribution } from '../history/history-contribution';
import { VersionFileSystemProvider } from '../history/version-file-system';
import { BridgeFileSearchService } from '../search/bridge-file-search-service';
import { BridgeSearchInWorkspaceServer } from '../search/bridge-search-in-workspace-server';
import { TrashContribution } from '../trash/trash-contribution';
import { TrashService } from '../trash/trash-service';
import { TrashWidget } from '../trash/trash-widget';
import { FirstLookContribution } from '../workspace/first-look-contribution';
import { UsageContribution } from '../workspace/usage-contribution';
import { StockAccess } from './stock-access';
import { StockDownloadContribution } from './stock-download-contribution';
import { createStockFileSystemProvider, StockFileSystemContribution, StockFileSystemProvider } from './stock-file-system';
import { StockFileSearchService, StockSearchInWorkspaceServer } from './stock-search';
import { StockUploadService } from './stock-upload-service';
import { StockWorkspaceContribution } from './stock-workspace-contribution';
import { StockWorkspaceService } from './stock-workspace-service';

serveFilesAs(BRIDGE_SCHEME);
reachServerAt(BRIDGE_PATH);

/** In a Theia with a Node backend: the server's files beside the backend's. All else stays the backend's. */
export default new ContainerModule((bind, _unbind, _isBound, rebind) => {
    bind(BridgeAccess).toDynamicValue(() => new StockAccess(new BrowserAccessSharing(), browserFetch, new Embedder())).inSingletonScope();
    bind(BridgeConnection).toDynamicValue(({ container }) => {
        const connection = new BridgeConnection({
            openSocket: openBrowserSocket, access: container.get(BridgeAccess), page: addressedSession
        });
        connection.start();
        return connection;
    }).inSingletonScope();

    bind(BridgeFileSystemServer).toSelf().inSingletonScope();
    bind(StockFileSystemProvider).toDynamicValue(createStockFileSystemProvider).inSingletonScope();
    bind(FileServiceContribution).to(StockFileSystemContribution).inSingletonScope();
    bind(BridgeFileService).toSelf().inSingletonScope();
    rebind(FileService).toService(BridgeFileService);
    bind(BridgeFileResourceResolver).toSelf().inSingletonScope();
    rebind(FileResourceResolver).toService(BridgeFileResourceResolver);
    bind(BridgeDownloadService).toSelf().inSingletonScope();
    bind(CommandContribution).to(StockDownloadContribution).inSingletonScope();
    bind(SendFile).toConstantValue(sendFileFromBrowser);
    bind(FileTransfer).toSelf().inSingletonScope();
    bind(BridgeUploadService).toSelf().inSingletonScope();
    rebind(FileUploadService).to(StockUploadService).inSingletonScope();

    bind(BridgeFileSearchService).toSelf().inSingletonScope();
    rebind(FileSearchService).toDynamicValue(StockFileSearchService.create).inSingletonScope();
    bind(BridgeSearchInWorkspaceServer).toSelf().inSingletonScope();
    rebind(SearchInWorkspaceServer).toDynamicValue(StockSearchInWorkspaceServer.create).inSingletonScope();

    rebind(WorkspaceService).to(StockWorkspaceService).inSingletonScope();
    bind(CommandContribution).to(StockWorkspaceContribution).inSingletonScope();

    bind(VersionFileSystemProvider).toSelf().inSingletonScope();
    bind(FileServiceContribution).toService(VersionFileSystemProvider);
    bind(BridgeTimelineProvider).toSelf().inSingletonScope();
    bind(TrashService).toSelf().inSingletonScope();
    bind(TrashWidget).toDynamicValue(({ container }) => TrashWidget.create(container));
    bind(WidgetFactory).toDynamicValue(({ container }) => ({
        id: TrashWidget.ID, createWidget: () => container.get(TrashWidget)
    })).inSingletonScope();
    for (const contribution of [HistoryContribution, TrashContribution, UploadContribution, AccountContribution]) {
        bind<object>(contribution).toSelf().inSingletonScope();
        bind(FrontendApplicationContribution).toService(contribution);
        bind(CommandContribution).toService(contribution);
        bind(MenuContribution).toService(contribution);
    }
    for (const contribution of [HistoryContribution, TrashContribution]) {
        bind(TabBarToolbarContribution).toService(contribution);
    }
    for (const contribution of [ConnectionWakeContribution, FirstLookContribution, UsageContribution, LostTrackContribution, SignInContribution]) {
        bind<object>(FrontendApplicationContribution).to(contribution).inSingletonScope();
    }
});
