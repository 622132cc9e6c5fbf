import {
    CompletionItem, CompletionItemKind, CompletionItemTag, CompletionList, CompletionRequest, CompletionResolveRequest, InsertReplaceEdit,
    InsertTextFormat, InsertTextMode
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { LanguageSession } from '../language-server';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

const Kind = monaco.languages.CompletionItemKind;

const KINDS: Readonly<Record<CompletionItemKind, monaco.languages.CompletionItemKind>> = {
    [CompletionItemKind.Text]: Kind.Text,
    [CompletionItemKind.Method]: Kind.Method,
    [CompletionItemKind.Function]: Kind.Function,
    [CompletionItemKind.Constructor]: Kind.Constructor,
    [CompletionItemKind.Field]: Kind.Field,
    [CompletionItemKind.Variable]: Kind.Variable,
    [CompletionItemKind.Class]: Kind.Class,
    [CompletionItemKind.Interface]: Kind.Interface,
    [CompletionItemKind.Module]: Kind.Module,
    [CompletionItemKind.Property]: Kind.Property,
    [CompletionItemKind.Unit]: Kind.Unit,
    [CompletionItemKind.Value]: Kind.Value,
    [CompletionItemKind.Enum]: Kind.Enum,
    [CompletionItemKind.Keyword]: Kind.Keyword,
    [CompletionItemKind.Snippet]: Kind.Snippet,
    [CompletionItemKind.Color]: Kind.Color,
    [CompletionItemKind.File]: Kind.File,
    [CompletionItemKind.Reference]: Kind.Reference,
    [CompletionItemKind.Folder]: Kind.Folder,
    [CompletionItemKind.EnumMember]: Kind.EnumMember,
    [CompletionItemKind.Constant]: Kind.Constant,
    [CompletionItemKind.Struct]: Kind.Struct,
    [CompletionItemKind.Event]: Kind.Event,
    [CompletionItemKind.Operator]: Kind.Operator,
    [CompletionItemKind.TypeParameter]: Kind.TypeParameter
};

/** An item of the editor that knows the server's. */
interface ServedItem extends monaco.languages.CompletionItem {
    readonly served: CompletionItem;
}

export const completion: Feature = (session, { convert }) => {
    const offered = session.capabilities.completionProvider;
    return offered && monaco.languages.registerCompletionItemProvider(session.language, {
        triggerCharacters: offered.triggerCharacters,
        provideCompletionItems: async (model, position, { triggerKind, triggerCharacter }, token) => {
            const found = await session.ask(CompletionRequest.type, {
                ...convert.at(model, position),
                // The editor counts from 0.
                context: { triggerKind: triggerKind + 1 as 1 | 2 | 3, triggerCharacter }
            }, token);
            if (!found) {
                return undefined;
            }
            const { items, isIncomplete, itemDefaults }: CompletionList = Array.isArray(found) ? { items: found, isIncomplete: false } : found;
            const { word, startColumn, endColumn } = model.getWordAtPosition(position) ?? { word: '', startColumn: position.column, endColumn: position.column };
            const { lineNumber, column } = position;
            const insert = new monaco.Range(lineNumber, startColumn, lineNumber, column);
            const replace = word ? new monaco.Range(lineNumber, startColumn, lineNumber, endColumn) : insert;
            return {
                incomplete: isIncomplete,
                suggestions: items.map(item => convertItem(session, convert, item, itemDefaults, { insert, replace }))
            };
        },
        ...offered.resolveProvider && {
            resolveCompletionItem: async (item, token) => {
                const { served } = item as ServedItem;
                const resolved = await session.ask(CompletionResolveRequest.type, served, token);
                // Only what the client said that it can add later: the text and the order are used already.
                return resolved ? { ...item, ...lateParts(session, convert, resolved) } : item;
            }
        }
    });
};

function convertItem(
    session: LanguageSession, convert: ProtocolConversions, item: CompletionItem, defaults: CompletionList['itemDefaults'],
    word: monaco.languages.CompletionItemRanges
): ServedItem {
    const served = defaults?.data !== undefined && item.data === undefined ? { ...item, data: defaults.data } : item;
    const format = item.insertTextFormat ?? defaults?.insertTextFormat;
    const mode = item.insertTextMode ?? defaults?.insertTextMode;
    const range = item.textEdit
        ? InsertReplaceEdit.is(item.textEdit) ? item.textEdit : item.textEdit.range
        : defaults?.editRange;
    return {
        label: item.labelDetails ? { label: item.label, ...item.labelDetails } : item.label,
        kind: item.kind ? KINDS[item.kind] : Kind.Text,
        sortText: item.sortText,
        filterText: item.filterText,
        preselect: item.preselect,
        insertText: item.textEdit?.newText ?? (defaults?.editRange && item.textEditText) ?? item.insertText ?? item.label,
        insertTextRules: (format === InsertTextFormat.Snippet ? monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet : 0)
            | (mode === InsertTextMode.asIs ? monaco.languages.CompletionItemInsertTextRule.KeepWhitespace : 0),
        range: !range ? word
            : 'insert' in range ? { insert: convert.range(range.insert), replace: convert.range(range.replace) }
                : convert.range(range),
        commitCharacters: item.commitCharacters ?? defaults?.commitCharacters,
        ...(item.deprecated || item.tags?.includes(CompletionItemTag.Deprecated)) && { tags: [monaco.languages.CompletionItemTag.Deprecated] },
        ...lateParts(session, convert, item),
        served
    };
}

function lateParts(session: LanguageSession, convert: ProtocolConversions, item: CompletionItem): Partial<monaco.languages.CompletionItem> {
    return {
        detail: item.detail,
        documentation: convert.documentation(item.documentation),
        additionalTextEdits: item.additionalTextEdits && convert.p2m.asTextEdits(item.additionalTextEdits),
        command: item.command && convert.command(session.language, item.command)
    };
}
