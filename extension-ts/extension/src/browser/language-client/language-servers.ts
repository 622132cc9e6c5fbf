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
import { OpenDocument } from './document-sync';
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
import { isOfSession, LIBRARY_SCHEME, toServerUri } from './library-uris';
import { ProtocolConversions } from './protocol-conversions';
import { ServerRequests } from './server-requests';

/** The built-in server tells by it how its engines are. */
const STATUS = 'theia-bridge/status';

export interface EngineStatus {
    readonly name: string;
    readonly version: string;
    readonly state: 'starting' | 'running' | 'failed';
    readonly error?: string;
}

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
    protected readonly engines = new Map<string, readonly EngineStatus[]>();
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
        const serverOf = ({ uri, languageId }: MonacoEditorModel): LanguageServer | undefined =>
            served.has(languageId) && (uri.startsWith('file:') || uri.startsWith(`${LIBRARY_SCHEME}:`)) ? this.serverOf(languageId) : undefined;
        const didOpen = (document: MonacoEditorModel): void => serverOf(document)?.didOpen(toServed(document));
        this.workspace.textDocuments.forEach(didOpen);
        this.workspace.onDidOpenTextDocument(didOpen);
        this.workspace.onDidChangeTextDocument(({ model, contentChanges }) =>
            serverOf(model)?.didChange(toServed(model), contentChanges.map(({ range, rangeLength, text }) => ({ range, rangeLength, text }))));
        this.workspace.onDidSaveTextDocument(document => serverOf(document)?.didSave(toServed(document)));
        this.workspace.onDidCloseTextDocument(document => serverOf(document)?.didClose(toServed(document)));
        this.connection.onNotification('workspace.didChangeRuntime', ({ state }) => {
            if (state === 'running') {
                this.servers.forEach(server => server.wake());
            }
        });
        this.connection.onNotification('language.didChange', ({ language: { id, state, error } }) => {
            if (state === 'failed' && error) {
                this.get(id)?.explain(error);
            }
        });
        this.connection.onDidChangeState(state => {
            if (state === 'online') {
                this.servers.forEach(server => server.ready ? server.probe() : server.wake());
            }
        });
    }

    /** How those are of which a server is made, if it is and tells. */
    enginesOf(language: string): readonly EngineStatus[] {
        return this.engines.get(language) ?? [];
    }

    /** Runs a command of a server. */
    async execute(language: string, command: string, args: unknown[]): Promise<unknown> {
        const session = this.get(language)?.ready;
        return session?.demand(ExecuteCommandRequest.type, { command, arguments: args });
    }

    async prepare(): Promise<void> {
        await this.connection.request('workspace.start', undefined);
    }

    readonly openSocket = openLanguageSocket;
    readonly initializeParams = initializeParams;

    serve(connection: MessageConnection, toDispose: DisposableCollection, language: string): void {
        this.requests.serve(connection, toDispose, language);
        const told = new Set<DocumentUri>();
        connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
            const resource = new URI(uri);
            if (!isOfSession(resource)) {
                // Whatever is wrong with a library is nobody's problem here.
                return;
            }
            told.add(resource.toString());
            this.publish(language, resource, diagnostics);
        });
        connection.onNotification(STATUS, ({ engines }: { engines: EngineStatus[] }) => {
            this.engines.set(language, engines);
            this.onDidChangeStateEmitter.fire();
        });
        toDispose.push({ dispose: () => this.engines.delete(language) });
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

/** A document under the server's name for it. */
function toServed(document: MonacoEditorModel): OpenDocument {
    const uri = toServerUri(document.uri);
    return uri === document.uri ? document : {
        uri,
        get languageId() { return document.languageId; },
        get version() { return document.version; },
        getText: () => document.getText()
    };
}
