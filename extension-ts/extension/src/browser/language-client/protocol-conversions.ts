import { inject, injectable } from '@theia/core/shared/inversify';
import {
    Command, CreateFile, DeleteFile, Definition, DefinitionLink, DocumentUri, Location, LocationLink, MarkedString, MarkupContent, MarkupKind, Range,
    RenameFile, SymbolKind, TextDocumentEdit, TextDocumentIdentifier, TextDocumentPositionParams, WorkspaceEdit
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { MonacoToProtocolConverter } from '@theia/monaco/lib/browser/monaco-to-protocol-converter';
import { ProtocolToMonacoConverter } from '@theia/monaco/lib/browser/protocol-to-monaco-converter';
import { LanguageServerCommands } from './language-server-commands';
import { toEditorUri, toServerUri } from './library-uris';

type DocumentChange = Required<WorkspaceEdit>['documentChanges'][number];
type ResourceEdit = monaco.languages.WorkspaceEdit['edits'][number];

/** Between the protocol and the editor: what more than one feature needs, beyond Theia's own converters. */
@injectable()
export class ProtocolConversions {

    @inject(MonacoToProtocolConverter)
    readonly m2p: MonacoToProtocolConverter;

    @inject(ProtocolToMonacoConverter)
    readonly p2m: ProtocolToMonacoConverter;

    document(model: monaco.editor.ITextModel): TextDocumentIdentifier {
        return { uri: toServerUri(model.uri.toString()) };
    }

    at(model: monaco.editor.ITextModel, { lineNumber, column }: monaco.IPosition): TextDocumentPositionParams {
        return { textDocument: this.document(model), position: this.m2p.asPosition(lineNumber, column) };
    }

    markdown(content: MarkupContent | MarkedString): monaco.IMarkdownString {
        if (typeof content === 'string') {
            return { value: content };
        }
        if ('language' in content) {
            return { value: `\`\`\`${content.language}\n${content.value}\n\`\`\`` };
        }
        return { value: content.kind === MarkupKind.PlainText ? this.verbatim(content.value) : content.value };
    }

    /** Documentation is plain text unless it says that it is Markdown. */
    documentation(content: string | MarkupContent | undefined): string | monaco.IMarkdownString | undefined {
        return content === undefined || typeof content === 'string' ? content
            : content.kind === MarkupKind.PlainText ? content.value : { value: content.value };
    }

    command(language: string, { title, command, arguments: args = [] }: Command): monaco.languages.Command {
        return { id: LanguageServerCommands.RUN.id, title, arguments: [language, command, ...args] };
    }

    locations(language: string, found: Definition | DefinitionLink[] | null | undefined): monaco.languages.LocationLink[] {
        const all: (Location | LocationLink)[] = !found ? [] : Array.isArray(found) ? found : [found];
        return all.map(target => LocationLink.is(target) ? {
            uri: this.target(language, target.targetUri),
            range: this.p2m.asRange(target.targetRange),
            targetSelectionRange: this.p2m.asRange(target.targetSelectionRange),
            ...target.originSelectionRange && { originSelectionRange: this.p2m.asRange(target.originSelectionRange) }
        } : this.location(language, target));
    }

    location(language: string, { uri, range }: Location): monaco.languages.Location {
        return { uri: this.target(language, uri), range: this.p2m.asRange(range) };
    }

    /** Where something leads: it may be a file that only the server sees. */
    target(language: string, uri: DocumentUri): monaco.Uri {
        return this.uri(toEditorUri(uri, language));
    }

    uri(uri: DocumentUri): monaco.Uri {
        return monaco.Uri.parse(uri);
    }

    symbolKind(kind: SymbolKind): monaco.languages.SymbolKind {
        // The same ones in the same order; the protocol counts from 1.
        return kind - 1;
    }

    range(range: Range): monaco.Range {
        return this.p2m.asRange(range);
    }

    workspaceEdit(edit: WorkspaceEdit): monaco.languages.WorkspaceEdit {
        const edits = edit.documentChanges
            ? edit.documentChanges.flatMap(change => this.documentChange(change))
            : Object.entries(edit.changes ?? {}).flatMap(([uri, changes]) => this.documentChange({ textDocument: { uri, version: null }, edits: changes }));
        return { edits };
    }

    protected documentChange(change: DocumentChange): ResourceEdit[] {
        if (TextDocumentEdit.is(change)) {
            const { uri, version } = change.textDocument;
            const resource = this.uri(uri);
            return change.edits.map(edit => ({ resource, versionId: version ?? undefined, textEdit: this.p2m.asTextEdit(edit) }));
        }
        if (CreateFile.is(change)) {
            return [{ newResource: this.uri(change.uri), options: change.options }];
        }
        if (RenameFile.is(change)) {
            return [{ oldResource: this.uri(change.oldUri), newResource: this.uri(change.newUri), options: change.options }];
        }
        if (DeleteFile.is(change)) {
            return [{ oldResource: this.uri(change.uri), options: change.options }];
        }
        return [];
    }

    /** Plain text as Markdown that shows it so. */
    protected verbatim(text: string): string {
        return text.replace(/[\\`*_{}[\]()#+\-.!<>~|&]/g, '\\$&').replace(/\n/g, '  \n');
    }
}
