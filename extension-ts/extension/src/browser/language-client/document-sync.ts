import {
    DidChangeTextDocumentNotification, DidCloseTextDocumentNotification, DidOpenTextDocumentNotification, DidSaveTextDocumentNotification,
    MessageConnection, ServerCapabilities, TextDocumentContentChangeEvent, TextDocumentSyncKind, TextDocumentSyncOptions
} from '@theia/core/shared/vscode-languageserver-protocol';

/** An open document, as `MonacoEditorModel` is one. */
export interface OpenDocument {
    readonly uri: string;
    readonly languageId: string;
    /** Grows with each change. */
    readonly version: number;
    getText(): string;
}

/** What a server wants to know of documents; the protocol has a short form of it, from before there was more to say. */
export function syncOptions({ textDocumentSync }: ServerCapabilities): TextDocumentSyncOptions {
    return typeof textDocumentSync === 'number'
        ? { openClose: textDocumentSync !== TextDocumentSyncKind.None, change: textDocumentSync, save: { includeText: false } }
        : textDocumentSync ?? {};
}

/** Keeps a server's documents equal to the editor's. */
export class DocumentSync {

    readonly options: TextDocumentSyncOptions;

    constructor(protected readonly connection: MessageConnection, capabilities: ServerCapabilities) {
        this.options = syncOptions(capabilities);
    }

    didOpen(document: OpenDocument): void {
        if (this.options.openClose) {
            const { uri, languageId, version } = document;
            this.connection.sendNotification(DidOpenTextDocumentNotification.type, {
                textDocument: { uri, languageId, version, text: document.getText() }
            });
        }
    }

    /** @param changes each is of the text that those before it left. */
    didChange(document: OpenDocument, changes: TextDocumentContentChangeEvent[]): void {
        const { change } = this.options;
        if (change) {
            this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
                textDocument: { uri: document.uri, version: document.version },
                contentChanges: change === TextDocumentSyncKind.Incremental ? changes : [{ text: document.getText() }]
            });
        }
    }

    didSave(document: OpenDocument): void {
        const { save } = this.options;
        if (save) {
            this.connection.sendNotification(DidSaveTextDocumentNotification.type, {
                textDocument: { uri: document.uri },
                ...typeof save === 'object' && save.includeText ? { text: document.getText() } : {}
            });
        }
    }

    didClose({ uri }: OpenDocument): void {
        if (this.options.openClose) {
            this.connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri } });
        }
    }
}
