import {
    DocumentSymbol, DocumentSymbolRequest, SymbolInformation, SymbolTag
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

/** For the outline, the breadcrumbs and going to a symbol of the file. */
export const documentSymbols: Feature = (session, { convert }) => session.capabilities.documentSymbolProvider
    ? monaco.languages.registerDocumentSymbolProvider(session.language, {
        provideDocumentSymbols: async (model, token) => {
            const found: (DocumentSymbol | SymbolInformation)[] | null | undefined =
                await session.ask(DocumentSymbolRequest.type, { textDocument: convert.document(model) }, token);
            return found?.map(symbol => 'location' in symbol ? fromInformation(convert, symbol) : fromSymbol(convert, symbol));
        }
    })
    : undefined;

function fromSymbol(convert: ProtocolConversions, symbol: DocumentSymbol): monaco.languages.DocumentSymbol {
    return {
        name: symbol.name,
        detail: symbol.detail ?? '',
        kind: convert.symbolKind(symbol.kind),
        tags: convertTags(symbol),
        range: convert.range(symbol.range),
        selectionRange: convert.range(symbol.selectionRange),
        children: symbol.children?.map(child => fromSymbol(convert, child)) ?? []
    };
}

function fromInformation(convert: ProtocolConversions, symbol: SymbolInformation): monaco.languages.DocumentSymbol {
    const range = convert.range(symbol.location.range);
    return {
        name: symbol.name,
        detail: '',
        kind: convert.symbolKind(symbol.kind),
        tags: convertTags(symbol),
        containerName: symbol.containerName,
        range,
        selectionRange: range
    };
}

function convertTags({ tags, deprecated }: DocumentSymbol | SymbolInformation): monaco.languages.SymbolTag[] {
    return deprecated || tags?.includes(SymbolTag.Deprecated) ? [monaco.languages.SymbolTag.Deprecated] : [];
}
