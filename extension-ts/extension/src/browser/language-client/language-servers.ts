import { DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import {
    Diagnostic, DocumentUri, ExecuteCommandRequest, MessageConnection, PublishDiagnosticsNotification
} from '@theia/core/shared/vscode-languageserver-protocol';
import { ProblemManager } from '@theia/markers/lib/browser/problem/problem-manager';
import { MonacoEditorModel } from '@theia/monaco/lib/browser/monaco-editor-model';
import { MonacoLanguages } from '@theia/monaco/lib/browser/monaco-languages';
import { MonacoWorkspace } from '@theia/monaco/lib/browser/monaco-workspace';
import { BridgeConnection } from '../connection/bridge-connection';
import { openLanguageSocket } from '../connection/browser-surroundings';
import { initializeParams } from './client-capabilities';
import { codeActions } from './features/code-actions';
import { codeLenses } from './features/code-lenses';
import { completion } from './features/completion';
import { documentLinks } from './features/document-links';
import { Feature, FeatureTools } from './features/feature';
import { folding } from './features/folding';
import { formatting } from './features/formatting';
import { hover } from './features/hover';
import { inlayHints } from './features/inlay-hints';
import { definitions, highlights, references, selectionRanges } from './features/navigation';
import { rename } from './features/rename';
import { semanticTokens } from './features/semantic-tokens';
import { signatureHelp } from './features/signature-help';
import { documentSymbols } from './features/symbols';
import { workspaceSymbols } from './features/workspace-symbols';
import { LanguageOutput } from './language-output';
import { LanguageServer, LanguageServerHost, LanguageSession } from './language-server';
import { ProtocolConversions } from './protocol-conversions';
import { ServerRequests } from './server-requests';

/** Until it is asked again which languages have servers, in milliseconds. */
const ASK_AGAIN = 5_000;

/** The language servers of the page: each has the documents of its language, and its offers are the editor's. */
@injectable()
export class LanguageServers implements LanguageServerHost {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(MonacoWorkspace)
    protected readonly workspace: MonacoWorkspace;

    @inject(MonacoLanguages)
    protected readonly languages: MonacoLanguages;

    @inject(ProblemManager)
    protected readonly problems: ProblemManager;

    @inject(ProtocolConversions)
    protected readonly convert: ProtocolConversions;

    @inject(ServerRequests)
    protected readonly requests: ServerRequests;

    @inject(LanguageOutput)
    protected readonly output: LanguageOutput;

    protected readonly servers = new Map<string, LanguageServer>();
    protected readonly diagnostics = new Map<DocumentUri, readonly Diagnostic[]>();
    protected readonly onDidChangeStateEmitter = new Emitter<void>();
    /** Fires when one of them is in another state. */
    readonly onDidChangeState: Event<void> = this.onDidChangeStateEmitter.event;

    get all(): readonly LanguageServer[] {
        return [...this.servers.values()];
    }

    get(language: string): LanguageServer | undefined {
        return this.servers.get(language);
    }

    async start(): Promise<void> {
        try {
            const { languages } = await this.connection.request('language.list', undefined);
            this.follow(new Set(languages.map(({ id }) => id)));
        } catch {
            setTimeout(() => this.start(), ASK_AGAIN);
        }
    }

    /** Keeps servers of these languages for the documents there are. */
    protected follow(served: ReadonlySet<string>): void {
        const didOpen = (document: MonacoEditorModel): void => {
            if (document.uri.startsWith('file:') && served.has(document.languageId)) {
                this.serverOf(document.languageId).didOpen(document);
            }
        };
        this.workspace.textDocuments.forEach(didOpen);
        this.workspace.onDidOpenTextDocument(didOpen);
        this.workspace.onDidChangeTextDocument(({ model, contentChanges }) =>
            this.get(model.languageId)?.didChange(model, contentChanges.map(({ range, rangeLength, text }) => ({ range, rangeLength, text }))));
        this.workspace.onDidSaveTextDocument(document => this.get(document.languageId)?.didSave(document));
        this.workspace.onDidCloseTextDocument(document => this.get(document.languageId)?.didClose(document));
        this.connection.onNotification('workspace.didChangeRuntime', ({ state }) => {
            if (state === 'running') {
                this.servers.forEach(server => server.wake());
            }
        });
        this.connection.onDidChangeState(state => {
            if (state === 'online') {
                this.servers.forEach(server => server.probe());
            }
        });
    }

    /** Runs a command of a server. */
    async execute(language: string, command: string, args: unknown[]): Promise<unknown> {
        const session = this.get(language)?.ready;
        return session?.demand(ExecuteCommandRequest.type, { command, arguments: args });
    }

    async prepare(): Promise<void> {
        await this.connection.request('workspace.start', undefined);
    }

    async explain(language: string): Promise<string | undefined> {
        const { languages } = await this.connection.request('language.list', undefined);
        return languages.find(({ id }) => id === language)?.error ?? undefined;
    }

    readonly openSocket = openLanguageSocket;
    readonly initializeParams = initializeParams;

    serve(connection: MessageConnection, toDispose: DisposableCollection, language: string): void {
        this.requests.serve(connection, toDispose, language);
        const told = new Set<DocumentUri>();
        connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
            const resource = new URI(uri);
            told.add(resource.toString());
            this.publish(language, resource, diagnostics);
        });
        toDispose.push({ dispose: () => told.forEach(uri => this.publish(language, new URI(uri), [])) });
    }

    use(session: LanguageSession): void {
        const tools: FeatureTools = { convert: this.convert, diagnosticsOf: uri => this.diagnostics.get(uri) ?? [] };
        for (const feature of this.features) {
            const registered = feature(session, tools);
            if (registered) {
                session.toDispose.push(registered);
            }
        }
    }

    log(language: string, text: string): void {
        this.output.log(language, text);
    }

    protected get features(): Feature[] {
        return [
            completion, hover, signatureHelp, definitions, references, highlights, selectionRanges, documentSymbols, workspaceSymbols(this.languages), rename,
            codeActions, codeLenses, formatting, semanticTokens, inlayHints, folding, documentLinks
        ];
    }

    protected serverOf(language: string): LanguageServer {
        let server = this.servers.get(language);
        if (!server) {
            server = new LanguageServer(language, this);
            server.onDidChangeState(() => this.onDidChangeStateEmitter.fire());
            this.servers.set(language, server);
        }
        return server;
    }

    protected publish(language: string, uri: URI, diagnostics: Diagnostic[]): void {
        if (diagnostics.length) {
            this.diagnostics.set(uri.toString(), diagnostics);
        } else {
            this.diagnostics.delete(uri.toString());
        }
        this.problems.setMarkers(uri, `language-server:${language}`, diagnostics);
    }
}
