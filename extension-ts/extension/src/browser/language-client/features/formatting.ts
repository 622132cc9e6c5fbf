import { DisposableCollection } from '@theia/core/lib/common/disposable';
import {
    DocumentFormattingRequest, DocumentOnTypeFormattingRequest, DocumentRangeFormattingRequest
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { ExtensionIdentifier } from '@theia/monaco-editor-core/esm/vs/platform/extensions/common/extensions';
import { Feature } from './feature';

export const formatting: Feature = (session, { convert }) => {
    const { language, capabilities } = session;
    // By it the editor knows that both formatters are the same one, and does not ask which to take.
    const identity = { extensionId: new ExtensionIdentifier(`theia-bridge.${language}`), displayName: `Language server (${language})` };
    const registered = new DisposableCollection();
    if (capabilities.documentFormattingProvider) {
        const formatter: monaco.languages.DocumentFormattingEditProvider = {
            ...identity,
            provideDocumentFormattingEdits: async (model, options, token) => {
                const edits = await session.ask(DocumentFormattingRequest.type, { textDocument: convert.document(model), options: { ...options } }, token);
                return edits?.map(edit => convert.p2m.asTextEdit(edit));
            }
        };
        registered.push(monaco.languages.registerDocumentFormattingEditProvider(language, formatter));
    }
    if (capabilities.documentRangeFormattingProvider) {
        const formatter: monaco.languages.DocumentRangeFormattingEditProvider = {
            ...identity,
            provideDocumentRangeFormattingEdits: async (model, range, options, token) => {
                const edits = await session.ask(DocumentRangeFormattingRequest.type, {
                    textDocument: convert.document(model), range: convert.m2p.asRange(range), options: { ...options }
                }, token);
                return edits?.map(edit => convert.p2m.asTextEdit(edit));
            }
        };
        registered.push(monaco.languages.registerDocumentRangeFormattingEditProvider(language, formatter));
    }
    const onType = capabilities.documentOnTypeFormattingProvider;
    if (onType) {
        registered.push(monaco.languages.registerOnTypeFormattingEditProvider(language, {
            autoFormatTriggerCharacters: [onType.firstTriggerCharacter, ...onType.moreTriggerCharacter ?? []],
            provideOnTypeFormattingEdits: async (model, position, ch, options, token) => {
                const edits = await session.ask(DocumentOnTypeFormattingRequest.type, { ...convert.at(model, position), ch, options: { ...options } }, token);
                return edits?.map(edit => convert.p2m.asTextEdit(edit));
            }
        }));
    }
    return registered;
};
