import 'reflect-metadata';
import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CancellationTokenSource } from '@theia/core/lib/common/cancellation';
import { Deferred } from '@theia/core/lib/common/promise-util';
import {
    createMessageConnection, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, HoverRequest, InitializeResult,
    MessageConnection, TextDocumentContentChangeEvent, TextDocumentSyncKind
} from '@theia/core/shared/vscode-languageserver-protocol';
import { WebSocket, WebSocketServer } from 'ws';
import { OpenDocument } from '../browser/language-client/document-sync';
import { LanguageServer, LanguageServerHost, LanguageServerState, LanguageSession } from '../browser/language-client/language-server';
import { LanguageSocket, SocketMessageReader, SocketMessageWriter } from '../browser/language-client/language-socket';
import { BridgeError } from '../common/bridge-error';

/** A language server of few words: it keeps documents, and answers as it is told. One connection after another. */
class PlainServer {

    protected server: WebSocketServer;
    readonly connections: MessageConnection[] = [];
    readonly sockets: WebSocket[] = [];
    /** All that came on the last connection, as what it was and what it was about. */
    heard: string[] = [];
    readonly texts = new Map<string, string>();
    protected waiting: { readonly what: string, readonly heard: Deferred<void> }[] = [];

    constructor(readonly sync: TextDocumentSyncKind = TextDocumentSyncKind.Incremental) { }

    async start(): Promise<void> {
        this.server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
        this.server.on('connection', socket => this.serve(socket));
        await once(this.server, 'listening');
    }

    get url(): string {
        return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
    }

    /** Resolves when it has been told so, the next time or already. */
    async hears(what: string): Promise<void> {
        if (!this.heard.includes(what)) {
            const heard = new Deferred<void>();
            this.waiting.push({ what, heard });
            await heard.promise;
        }
    }

    stop(): void {
        this.sockets.forEach(socket => socket.terminate());
        this.server.close();
    }

    protected serve(socket: WebSocket): void {
        this.sockets.push(socket);
        this.texts.clear();
        this.heard = [];
        const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
        connection.onRequest('initialize', (): InitializeResult => ({
            capabilities: { textDocumentSync: { openClose: true, change: this.sync, save: true }, hoverProvider: true }
        }));
        connection.onNotification('textDocument/didOpen', ({ textDocument: { uri, version, text } }: DidOpenTextDocumentParams) => {
            this.texts.set(uri, text);
            this.hear(`open ${uri} ${version}`);
        });
        connection.onNotification('textDocument/didChange', ({ textDocument: { uri, version }, contentChanges }: DidChangeTextDocumentParams) => {
            this.texts.set(uri, contentChanges.reduce(apply, this.texts.get(uri)!));
            this.hear(`change ${uri} ${version}`);
        });
        connection.onNotification('textDocument/didClose', ({ textDocument: { uri } }: DidCloseTextDocumentParams) => this.hear(`close ${uri}`));
        connection.onRequest('textDocument/hover', (_params, token) => new Promise(resolve => {
            this.hear('hover');
            token.onCancellationRequested(() => {
                this.hear('cancel');
                resolve(null);
            });
        }));
        connection.onRequest('shutdown', () => this.hear('shutdown'));
        connection.onNotification('exit', () => this.hear('exit'));
        connection.listen();
        this.connections.push(connection);
    }

    protected hear(what: string): void {
        this.heard.push(what);
        this.waiting = this.waiting.filter(waiting => {
            if (waiting.what === what) {
                waiting.heard.resolve();
            }
            return waiting.what !== what;
        });
    }
}

function apply(text: string, change: TextDocumentContentChangeEvent): string {
    if (!('range' in change)) {
        return change.text;
    }
    const lines = text.split('\n');
    const offset = ({ line, character }: { line: number, character: number }): number =>
        lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, 0) + character;
    return text.slice(0, offset(change.range.start)) + change.text + text.slice(offset(change.range.end));
}

/** A document that is edited by appending. */
class TestDocument implements OpenDocument {

    readonly languageId = 'python';
    version = 1;

    constructor(readonly uri: string, protected text: string) { }

    getText(): string {
        return this.text;
    }

    append(server: LanguageServer, text: string): void {
        const lines = this.text.split('\n');
        const end = { line: lines.length - 1, character: lines[lines.length - 1].length };
        this.text += text;
        this.version++;
        server.didChange(this, [{ range: { start: end, end }, text }]);
    }
}

const A = 'file:///workspace/a.py';
const B = 'file:///workspace/b.py';

describe('LanguageServer', { timeout: 20_000 }, () => {

    let plain: PlainServer;
    let client: LanguageServer;
    let refusal: Error | undefined;
    let prepared: number;
    let sessions: LanguageSession[];
    /** Sessions whose offers were taken back. */
    let ended: number;
    const log: string[] = [];

    const host: LanguageServerHost = {
        prepare: async () => {
            prepared++;
            if (refusal) {
                throw refusal;
            }
        },
        openSocket: () => new WebSocket(plain.url) as LanguageSocket,
        initializeParams: () => ({ processId: null, rootUri: null, capabilities: {} }),
        serve: () => undefined,
        use: session => {
            sessions.push(session);
            session.toDispose.push({ dispose: () => { ended++; } });
        },
        log: (_language, text) => { log.push(text); },
        timing: { firstRetry: 5, lastRetry: 50, idle: 20, answer: 100, shutdown: 1_000 }
    };

    beforeEach(async () => {
        refusal = undefined;
        prepared = 0;
        sessions = [];
        ended = 0;
        await use(new PlainServer());
    });

    afterEach(() => {
        client.dispose();
        plain.stop();
    });

    async function use(server: PlainServer): Promise<void> {
        plain?.stop();
        client?.dispose();
        plain = server;
        await plain.start();
        client = new LanguageServer('python', host);
    }

    async function reach(state: LanguageServerState): Promise<void> {
        if (client.state !== state) {
            await new Promise<void>(resolve => {
                const listening = client.onDidChangeState(() => {
                    if (client.state === state) {
                        listening.dispose();
                        resolve();
                    }
                });
            });
        }
    }

    async function open(...documents: TestDocument[]): Promise<void> {
        documents.forEach(document => client.didOpen(document));
        await reach('ready');
    }

    it('keeps the documents of the server equal to the editor\'s', async () => {
        const document = new TestDocument(A, 'x = 1\n');
        await open(document);
        document.append(client, 'y = 2');
        document.append(client, '\nz = 3');
        await plain.hears(`change ${A} 3`);
        assert.equal(plain.texts.get(A), 'x = 1\ny = 2\nz = 3');
        client.didClose(document);
        await plain.hears(`close ${A}`);
        assert.deepEqual(plain.heard.slice(0, 4), [`open ${A} 1`, `change ${A} 2`, `change ${A} 3`, `close ${A}`]);
    });

    it('sends whole texts to a server that wants them', async () => {
        await use(new PlainServer(TextDocumentSyncKind.Full));
        const document = new TestDocument(A, 'x');
        await open(document);
        document.append(client, 'y');
        await plain.hears(`change ${A} 2`);
        assert.equal(plain.texts.get(A), 'xy');
    });

    it('comes back after its connection was lost, with all documents as they are by then', async () => {
        const [a, b] = [new TestDocument(A, 'a'), new TestDocument(B, 'b')];
        await open(a, b);
        await plain.hears(`open ${B} 1`);
        plain.sockets[0].close(1012);
        await reach('restarting');
        assert.equal(ended, 1);
        a.append(client, '!');
        await reach('ready');
        await plain.hears(`open ${B} 1`);
        assert.deepEqual([...plain.texts], [[A, 'a!'], [B, 'b']]);
        assert.equal(sessions.length, 2);
    });

    it('does not start again by itself what was stopped', async () => {
        const [a, b] = [new TestDocument(A, 'a'), new TestDocument(B, 'b')];
        await open(a);
        plain.sockets[0].close(1001, 'The workspace is stopped.');
        await reach('refused');
        assert.equal(client.reason, 'The workspace is stopped.');
        await open(b);
        await plain.hears(`open ${B} 1`);
        assert.deepEqual([...plain.texts.keys()], [A, B]);
    });

    it('gives up a line over which nothing comes any more', async () => {
        await open(new TestDocument(A, 'a'));
        plain.sockets[0].pause();
        const lost = reach('restarting');
        client.probe();
        await lost;
        await reach('ready');
        assert.equal(plain.sockets.length, 2);
    });

    it('keeps a line that is only slow to be asked', async () => {
        await open(new TestDocument(A, 'a'));
        await client.probe();
        assert.equal(client.state, 'ready');
        assert.equal(plain.sockets.length, 1);
    });

    it('says why it is refused, and asks again only when told that it may help', async () => {
        refusal = new BridgeError('No sandbox can be had here.', 'NoSandbox');
        const document = new TestDocument(A, 'a');
        client.didOpen(document);
        await reach('refused');
        assert.equal(client.reason, 'No sandbox can be had here.');
        assert.deepEqual([prepared, plain.sockets.length], [1, 0]);
        refusal = undefined;
        client.wake();
        await reach('ready');
        assert.equal(client.reason, undefined);
    });

    it('fails visibly while its workspace does not start, and tries on', async () => {
        refusal = new BridgeError('The workspace did not start.', 'Unavailable');
        client.didOpen(new TestDocument(A, 'a'));
        await reach('failed');
        assert.equal(client.reason, 'The workspace did not start.');
        refusal = undefined;
        await reach('ready');
    });

    it('tells the server what is no longer wanted', async () => {
        await open(new TestDocument(A, 'a'));
        const source = new CancellationTokenSource();
        const answer = sessions[0].ask(HoverRequest.type, { textDocument: { uri: A }, position: { line: 0, character: 0 } }, source.token);
        await plain.hears('hover');
        source.cancel();
        await plain.hears('cancel');
        assert.equal(await answer ?? undefined, undefined);
    });

    it('answers with nothing what was asked of a server that is lost', async () => {
        await open(new TestDocument(A, 'a'));
        const answer = sessions[0].ask(HoverRequest.type, { textDocument: { uri: A }, position: { line: 0, character: 0 } });
        await plain.hears('hover');
        plain.sockets[0].terminate();
        assert.equal(await answer, undefined);
    });

    it('ends the server in order some time after the last document was closed', async () => {
        const document = new TestDocument(A, 'a');
        await open(document);
        client.didClose(document);
        await plain.hears('exit');
        assert.deepEqual(plain.heard.slice(-2), ['shutdown', 'exit']);
        assert.equal(client.state, 'stopped');
        await open(document);
        assert.equal(plain.sockets.length, 2);
    });

    it('takes frames of garbage for what they are', async () => {
        const document = new TestDocument(A, 'a');
        await open(document);
        plain.sockets[0].send('{"jsonrpc": ');
        plain.sockets[0].send('[]');
        plain.sockets[0].send(Buffer.of(1, 2, 3));
        document.append(client, '!');
        await plain.hears(`change ${A} 2`);
        await client.probe();
        assert.equal(client.state, 'ready');
    });
});
