import '../../src/browser/style/index.css';
import { ConnectionStatusService } from '@theia/core/lib/browser/connection-status-service';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { TabBarToolbarContribution } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { JsonSchemaDataStore } from '@theia/core/lib/browser/json-schema-store';
import { LocalStorageService } from '@theia/core/lib/browser/storage-service';
import { WidgetFactory } from '@theia/core/lib/browser/widget-manager';
import { CommandContribution } from '@theia/core/lib/common/command';
import { EnvVariablesServer } from '@theia/core/lib/common/env-variables';
import { MenuContribution } from '@theia/core/lib/common/menu';
import { ResourceResolver } from '@theia/core/lib/common/resource';
import { ContainerModule } from '@theia/core/shared/inversify';
import { FileSearchService } from '@theia/file-search/lib/common/file-search-service';
import { FileResourceResolver } from '@theia/filesystem/lib/browser/file-resource';
import { FileService, FileServiceContribution } from '@theia/filesystem/lib/browser/file-service';
import { FileDownloadService } from '@theia/filesystem/lib/common/download/file-download';
import { RemoteFileSystemServer } from '@theia/filesystem/lib/common/remote-file-system-provider';
import { FileUploadService } from '@theia/filesystem/lib/common/upload/file-upload';
import { SaveParticipant } from '@theia/monaco/lib/browser/monaco-editor-provider';
import { LanguageGrammarDefinitionContribution } from '@theia/monaco/lib/browser/textmate';
import { NavigatorSymlinkDecorator } from '@theia/navigator/lib/browser/navigator-symlink-decorator';
import { FileNavigatorWidget } from '@theia/navigator/lib/browser/navigator-widget';
import { PreferencesContribution } from '@theia/preferences/lib/browser/preferences-contribution';
import { CliPreferences } from '@theia/preferences/lib/common/cli-preferences';
import { SearchInWorkspaceClientImpl } from '@theia/search-in-workspace/lib/browser/search-in-workspace-service';
import { SearchInWorkspaceWidget } from '@theia/search-in-workspace/lib/browser/search-in-workspace-widget';
import { SearchInWorkspaceServer } from '@theia/search-in-workspace/lib/common/search-in-workspace-interface';
import { TaskServer } from '@theia/task/lib/common/task-protocol';
import { TerminalWidget } from '@theia/terminal/lib/browser/base/terminal-widget';
import { TerminalFrontendContribution } from '@theia/terminal/lib/browser/terminal-frontend-contribution';
import { ShellTerminalServerProxy } from '@theia/terminal/lib/common/shell-terminal-protocol';
import { WorkspaceServer } from '@theia/workspace/lib/common';
import { AccountContribution } from './account/account-contribution';
import { EmbeddedSignInContribution } from './account/embedded-sign-in-contribution';
import { SignInContribution } from './account/sign-in-contribution';
import { BridgeAccess } from './connection/bridge-access';
import { BridgeConnection } from './connection/bridge-connection';
import { BridgeConnectionStatusService } from './connection/bridge-connection-status-service';
import {
    browserFetch, BrowserAccessSharing, browserPageSession, openBrowserSocket, useToken
} from './connection/browser-surroundings';
import { ConnectionWakeContribution } from './connection/connection-wake-contribution';
import { EmbeddedAccess } from './connection/embedded-access';
import { Embedder, isEmbedded } from './connection/embedder';
import { NO_CLI_PREFERENCES } from './environment/bridge-cli-preferences';
import { BridgeEnvVariablesServer } from './environment/bridge-env-variables-server';
import { BridgeDownloadService } from './files/bridge-download-service';
import { BridgeFileNavigatorTree } from './files/bridge-file-navigator-tree';
import { BridgeFileResourceResolver } from './files/bridge-file-resource';
import { BridgeFileService } from './files/bridge-file-service';
import { BridgeFileSystemServer } from './files/bridge-file-system-server';
import { BridgeSymlinkDecorator } from './files/bridge-symlink-decorator';
import { BridgeUploadService } from './files/bridge-upload-service';
import { SendFile, sendFileFromBrowser } from './files/file-sender';
import { FileTransfer } from './files/file-transfer';
import { LostTrackContribution } from './files/lost-track-contribution';
import { MirrorContribution } from './files/mirror-contribution';
import { UploadContribution } from './files/upload-contribution';
import { FrameSharingContribution } from './frames/frame-sharing-contribution';
import { BridgeTimelineProvider } from './history/bridge-timeline-provider';
import { HistoryContribution } from './history/history-contribution';
import { VersionFileSystemProvider } from './history/version-file-system';
import { LanguageClientContribution } from './language-client/language-client-contribution';
import { LanguageConfiguration } from './language-client/language-configuration';
import { LanguageOutput } from './language-client/language-output';
import { LanguageServers } from './language-client/language-servers';
import { LanguageStatus } from './language-client/language-status';
import { LibraryFiles } from './language-client/library-files';
import { ProtocolConversions } from './language-client/protocol-conversions';
import { ServerRequests } from './language-client/server-requests';
import { WillSaveParticipant } from './language-client/will-save-participant';
import { BridgeLanguageContribution } from './languages/bridge-language-contribution';
import { PresenceContribution } from './presence/presence-contribution';
import { BridgeFileSearchService } from './search/bridge-file-search-service';
import { BridgeSearchInWorkspaceServer } from './search/bridge-search-in-workspace-server';
import { BridgeSearchInWorkspaceWidget } from './search/bridge-search-in-workspace-widget';
import { bindSessions } from './sessions/sessions-module';
import { LazyJsonSchemaStore } from './startup/lazy-json-schema-store';
import { lazyPreferencesContribution } from './startup/lazy-preferences-contribution';
import { BridgeStorageService } from './storage/bridge-storage-service';
import { StateKeeper } from './storage/state-keeper';
import { BridgeTaskServer } from './tasks/bridge-task-server';
import { BridgeShellTerminalServer } from './terminal/bridge-shell-terminal-server';
import { BridgeTerminalContribution } from './terminal/bridge-terminal-contribution';
import { BridgeTerminalWidget } from './terminal/bridge-terminal-widget';
import { RunInTerminalContribution } from './terminal/run-in-terminal-contribution';
import { TrashContribution } from './trash/trash-contribution';
import { TrashService } from './trash/trash-service';
import { TrashWidget } from './trash/trash-widget';
import { BridgeWorkspaceServer } from './workspace/bridge-workspace-server';
import { FirstLookContribution } from './workspace/first-look-contribution';
import { RuntimeContribution } from './workspace/runtime-contribution';
import { UsageContribution } from './workspace/usage-contribution';

export default new ContainerModule((bind, _unbind, _isBound, rebind) => {
    bind(BridgeAccess).toDynamicValue(() => isEmbedded()
        ? new EmbeddedAccess(new Embedder(), browserFetch, useToken)
        : new BridgeAccess(new BrowserAccessSharing(), browserFetch)
    ).inSingletonScope();
    bind(BridgeConnection).toDynamicValue(({ container }) => {
        const access = container.get(BridgeAccess);
        const connection = new BridgeConnection({ openSocket: openBrowserSocket, access, page: browserPageSession });
        if (isEmbedded()) {
            // Without its first token it would be refused.
            access.renew(undefined).then(() => connection.start());
        } else {
            connection.start();
        }
        return connection;
    }).inSingletonScope();
    bind(BridgeConnectionStatusService).toSelf().inSingletonScope();
    rebind(ConnectionStatusService).toService(BridgeConnectionStatusService);

    bind(BridgeFileSystemServer).toSelf().inSingletonScope();
    rebind(RemoteFileSystemServer).toService(BridgeFileSystemServer);
    bind(BridgeFileService).toSelf().inSingletonScope();
    rebind(FileService).toService(BridgeFileService);
    bind(BridgeSymlinkDecorator).toSelf().inSingletonScope();
    rebind(NavigatorSymlinkDecorator).toService(BridgeSymlinkDecorator);
    rebind(FileNavigatorWidget).toDynamicValue(({ container }) => BridgeFileNavigatorTree.createWidget(container));
    bind(BridgeFileResourceResolver).toSelf().inSingletonScope();
    rebind(FileResourceResolver).toService(BridgeFileResourceResolver);
    bind(BridgeDownloadService).toSelf().inSingletonScope();
    rebind(FileDownloadService).toService(BridgeDownloadService);
    bind(SendFile).toConstantValue(sendFileFromBrowser);
    bind(FileTransfer).toSelf().inSingletonScope();
    bind(BridgeUploadService).toSelf().inSingletonScope();
    rebind(FileUploadService).toService(BridgeUploadService);
    bind(UploadContribution).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(UploadContribution);
    bind(CommandContribution).toService(UploadContribution);
    bind(MenuContribution).toService(UploadContribution);

    bind(BridgeFileSearchService).toSelf().inSingletonScope();
    rebind(FileSearchService).toService(BridgeFileSearchService);
    bind(BridgeSearchInWorkspaceServer).toSelf().inSingletonScope().onActivation(({ container }, server) => {
        server.setClient(container.get(SearchInWorkspaceClientImpl));
        return server;
    });
    rebind(SearchInWorkspaceServer).toService(BridgeSearchInWorkspaceServer);
    rebind(SearchInWorkspaceWidget).to(BridgeSearchInWorkspaceWidget);

    bind(VersionFileSystemProvider).toSelf().inSingletonScope();
    bind(FileServiceContribution).toService(VersionFileSystemProvider);
    bind(BridgeTimelineProvider).toSelf().inSingletonScope();
    bind(HistoryContribution).toSelf().inSingletonScope();
    bind(TrashService).toSelf().inSingletonScope();
    bind(TrashWidget).toDynamicValue(({ container }) => TrashWidget.create(container));
    bind(WidgetFactory).toDynamicValue(({ container }) => ({
        id: TrashWidget.ID, createWidget: () => container.get(TrashWidget)
    })).inSingletonScope();
    bind(TrashContribution).toSelf().inSingletonScope();
    for (const contribution of [HistoryContribution, TrashContribution]) {
        bind(FrontendApplicationContribution).toService(contribution);
        bind(CommandContribution).toService(contribution);
        bind(MenuContribution).toService(contribution);
        bind(TabBarToolbarContribution).toService(contribution);
    }

    bindSessions(bind, rebind);

    bind(BridgeWorkspaceServer).toSelf().inSingletonScope();
    rebind(WorkspaceServer).toService(BridgeWorkspaceServer);
    bind(BridgeEnvVariablesServer).toSelf().inSingletonScope();
    rebind(EnvVariablesServer).toService(BridgeEnvVariablesServer);
    bind(BridgeStorageService).toSelf().inSingletonScope();
    rebind<unknown>(LocalStorageService).toService(BridgeStorageService);
    bind(RuntimeContribution).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(RuntimeContribution);
    bind(CommandContribution).toService(RuntimeContribution);
    rebind(CliPreferences).toConstantValue(NO_CLI_PREFERENCES);

    bind(LazyJsonSchemaStore).toSelf().inSingletonScope();
    rebind(JsonSchemaDataStore).toService(LazyJsonSchemaStore);
    rebind(PreferencesContribution).toDynamicValue(lazyPreferencesContribution).inSingletonScope();

    bind(BridgeLanguageContribution).toSelf().inSingletonScope();
    bind(LanguageGrammarDefinitionContribution).toService(BridgeLanguageContribution);
    for (const part of [LanguageConfiguration, LanguageOutput, ProtocolConversions, ServerRequests, LanguageServers, LanguageStatus]) {
        bind<object>(part).toSelf().inSingletonScope();
    }
    bind(LanguageClientContribution).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(LanguageClientContribution);
    bind(CommandContribution).toService(LanguageClientContribution);
    bind(ResourceResolver).toDynamicValue(({ container }) => new LibraryFiles(() => container.get(LanguageServers))).inSingletonScope();
    bind(SaveParticipant).to(WillSaveParticipant).inSingletonScope();

    bind(BridgeShellTerminalServer).toSelf().inSingletonScope();
    rebind(ShellTerminalServerProxy).toService(BridgeShellTerminalServer);
    rebind(TerminalWidget).to(BridgeTerminalWidget).inTransientScope();
    rebind(TerminalFrontendContribution).to(BridgeTerminalContribution).inSingletonScope();
    bind(CommandContribution).to(RunInTerminalContribution).inSingletonScope();

    bind(BridgeTaskServer).toSelf().inSingletonScope();
    rebind(TaskServer).toService(BridgeTaskServer);

    bind(PresenceContribution).toSelf().inSingletonScope();
    bind(CommandContribution).toService(PresenceContribution);
    bind(FrontendApplicationContribution).toService(PresenceContribution);

    bind(AccountContribution).toSelf().inSingletonScope();
    bind(CommandContribution).toService(AccountContribution);
    bind(MenuContribution).toService(AccountContribution);
    bind(FrontendApplicationContribution).toService(AccountContribution);
    bind(FrameSharingContribution).toSelf().inSingletonScope();
    bind(CommandContribution).toService(FrameSharingContribution);
    bind(MenuContribution).toService(FrameSharingContribution);
    bind(FrontendApplicationContribution).toService(FrameSharingContribution);
    bind(FrontendApplicationContribution).to(ConnectionWakeContribution).inSingletonScope();
    bind(FrontendApplicationContribution).to(FirstLookContribution).inSingletonScope();
    bind(FrontendApplicationContribution).to(UsageContribution).inSingletonScope();
    bind(FrontendApplicationContribution).to(LostTrackContribution).inSingletonScope();
    bind(FrontendApplicationContribution).to(MirrorContribution).inSingletonScope();
    bind(FrontendApplicationContribution).to(StateKeeper).inSingletonScope();
    bind(FrontendApplicationContribution).to(isEmbedded() ? EmbeddedSignInContribution : SignInContribution).inSingletonScope();
});
