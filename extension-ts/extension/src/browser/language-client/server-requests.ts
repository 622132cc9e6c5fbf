import { open, OpenerService } from '@theia/core/lib/browser/opener-service';
import { WindowService } from '@theia/core/lib/browser/window/window-service';
import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { MessageService } from '@theia/core/lib/common/message-service';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import {
    ApplyWorkspaceEditRequest, ConfigurationRequest, DidChangeConfigurationNotification, DidChangeWatchedFilesNotification,
    DidChangeWatchedFilesRegistrationOptions, LogMessageNotification, MessageConnection, MessageType, ProgressToken, RegistrationRequest,
    ShowDocumentRequest, ShowMessageNotification, ShowMessageRequest, UnregistrationRequest, WorkDoneProgressBegin, WorkDoneProgressCreateRequest,
    WorkDoneProgressEnd, WorkDoneProgressReport, WorkspaceFoldersRequest
} from '@theia/core/shared/vscode-languageserver-protocol';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { MonacoBulkEditService } from '@theia/monaco/lib/browser/monaco-bulk-edit-service';
import { BridgeConnection } from '../connection/bridge-connection';
import { WORKSPACE_FOLDERS } from './client-capabilities';
import { LanguageConfiguration } from './language-configuration';
import { LanguageOutput } from './language-output';
import { ProtocolConversions } from './protocol-conversions';
import { watchFiles } from './watched-files';

type ProgressValue = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

/** What a server works at; no text when it is done. */
export interface LanguageProgress {
    readonly language: string;
    readonly text?: string;
}

/** Answers what language servers ask of the editor, and does what they tell it. */
@injectable()
export class ServerRequests {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(LanguageConfiguration)
    protected readonly configuration: LanguageConfiguration;

    @inject(LanguageOutput)
    protected readonly output: LanguageOutput;

    @inject(MessageService)
    protected readonly messages: MessageService;

    @inject(MonacoBulkEditService)
    protected readonly edits: MonacoBulkEditService;

    @inject(ProtocolConversions)
    protected readonly convert: ProtocolConversions;

    @inject(FileService)
    protected readonly files: FileService;

    @inject(OpenerService)
    protected readonly openers: OpenerService;

    @inject(WindowService)
    protected readonly windows: WindowService;

    protected readonly onDidProgressEmitter = new Emitter<LanguageProgress>();
    readonly onDidProgress: Event<LanguageProgress> = this.onDidProgressEmitter.event;

    serve(connection: MessageConnection, toDispose: DisposableCollection, language: string): void {
        connection.onRequest(ConfigurationRequest.type, ({ items }) =>
            items.map(({ section, scopeUri }) => section === undefined ? null : this.configuration.get(section, scopeUri)));
        connection.onRequest(WorkspaceFoldersRequest.type, () => WORKSPACE_FOLDERS);
        connection.onRequest(ApplyWorkspaceEditRequest.type, async ({ edit }) => {
            const { isApplied, ariaSummary } = await this.edits.apply(this.convert.workspaceEdit(edit));
            return { applied: isApplied, ...isApplied ? {} : { failureReason: ariaSummary } };
        });
        connection.onRequest(ShowDocumentRequest.type, async ({ uri, external, selection, takeFocus }) => {
            if (external) {
                this.windows.openNewWindow(uri, { external: true });
            } else {
                await open(this.openers, new URI(uri), { selection, mode: takeFocus ? 'activate' : 'reveal' });
            }
            return { success: true };
        });
        this.serveMessages(connection, language);
        this.serveRegistrations(connection, toDispose);
        this.serveProgress(connection, toDispose, language);
    }

    protected serveMessages(connection: MessageConnection, language: string): void {
        connection.onNotification(LogMessageNotification.type, ({ type, message }) => this.output.log(language, message, type));
        connection.onNotification(ShowMessageNotification.type, ({ type, message }) => { this.show(type, message, []); });
        connection.onRequest(ShowMessageRequest.type, async ({ type, message, actions = [] }) => {
            const chosen = await this.show(type, message, actions.map(({ title }) => title));
            return actions.find(({ title }) => title === chosen) ?? null;
        });
    }

    protected show(type: MessageType, message: string, actions: string[]): Promise<string | undefined> {
        switch (type) {
            case MessageType.Error: return this.messages.error(message, ...actions);
            case MessageType.Warning: return this.messages.warn(message, ...actions);
            case MessageType.Info: return this.messages.info(message, ...actions);
            default: return this.messages.log(message, ...actions);
        }
    }

    /** Only of what was said that it may be registered; the rest is offered at the beginning. */
    protected serveRegistrations(connection: MessageConnection, toDispose: DisposableCollection): void {
        const registered = new Map<string, Disposable>();
        toDispose.push(Disposable.create(() => registered.forEach(registration => registration.dispose())));
        connection.onRequest(RegistrationRequest.type, ({ registrations }) => {
            for (const { id, method, registerOptions } of registrations) {
                registered.get(id)?.dispose();
                if (method === DidChangeWatchedFilesNotification.type.method) {
                    registered.set(id, this.watch(connection, registerOptions as DidChangeWatchedFilesRegistrationOptions));
                } else if (method === DidChangeConfigurationNotification.type.method) {
                    registered.set(id, this.configuration.onDidChange(() =>
                        connection.sendNotification(DidChangeConfigurationNotification.type, { settings: null })));
                }
            }
        });
        connection.onRequest(UnregistrationRequest.type, ({ unregisterations }) => {
            for (const { id } of unregisterations) {
                registered.get(id)?.dispose();
                registered.delete(id);
            }
        });
    }

    protected watch(connection: MessageConnection, options: DidChangeWatchedFilesRegistrationOptions): Disposable {
        return watchFiles(this.files, connection, options, async () => {
            try {
                await this.connection.request('workspace.sync', undefined);
            } catch {
                // Then as it is: there may be no workspace any more, and with it no server.
            }
        });
    }

    protected serveProgress(connection: MessageConnection, toDispose: DisposableCollection, language: string): void {
        const titles = new Map<ProgressToken, string>();
        connection.onRequest(WorkDoneProgressCreateRequest.type, () => undefined);
        connection.onNotification('$/progress', ({ token, value }: { token: ProgressToken, value: ProgressValue }) => {
            if (value.kind === 'begin') {
                titles.set(token, value.title);
            } else if (value.kind === 'end') {
                titles.delete(token);
            }
            const title = titles.get(token) ?? [...titles.values()].pop();
            const detail = value.kind === 'end' ? [] : [value.message, value.percentage === undefined ? undefined : `${value.percentage} %`];
            this.onDidProgressEmitter.fire({ language, text: title && [title, ...detail].filter(part => part).join(' · ') });
        });
        toDispose.push(Disposable.create(() => this.onDidProgressEmitter.fire({ language })));
    }
}
