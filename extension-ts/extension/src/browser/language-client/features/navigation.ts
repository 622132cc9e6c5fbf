import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import {
    DeclarationRequest, Definition, DefinitionLink, DefinitionRequest, DocumentHighlightKind, DocumentHighlightRequest, ImplementationRequest,
    ReferencesRequest, RequestType, SelectionRange, SelectionRangeRequest, TextDocumentPositionParams, TypeDefinitionRequest
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { Feature } from './feature';

type LocationRequest = RequestType<TextDocumentPositionParams, Definition | DefinitionLink[] | null, unknown>;
type Provide = (model: monaco.editor.ITextModel, position: monaco.Position, token: monaco.CancellationToken) => Promise<monaco.languages.LocationLink[]>;

/** Definitions and their kin, which differ in their names only. */
export const definitions: Feature = (session, { convert }) => {
    const { language, capabilities } = session;
    const ask = (request: LocationRequest): Provide =>
        async (model, position, token) => convert.locations(language, await session.ask(request, convert.at(model, position), token));
    const registered = new DisposableCollection();
    const register = (offered: unknown, make: () => Disposable): void => {
        if (offered) {
            registered.push(make());
        }
    };
    register(capabilities.definitionProvider, () =>
        monaco.languages.registerDefinitionProvider(language, { provideDefinition: ask(DefinitionRequest.type) }));
    register(capabilities.declarationProvider, () =>
        monaco.languages.registerDeclarationProvider(language, { provideDeclaration: ask(DeclarationRequest.type) }));
    register(capabilities.typeDefinitionProvider, () =>
        monaco.languages.registerTypeDefinitionProvider(language, { provideTypeDefinition: ask(TypeDefinitionRequest.type) }));
    register(capabilities.implementationProvider, () =>
        monaco.languages.registerImplementationProvider(language, { provideImplementation: ask(ImplementationRequest.type) }));
    return registered;
};

export const references: Feature = (session, { convert }) => session.capabilities.referencesProvider
    ? monaco.languages.registerReferenceProvider(session.language, {
        provideReferences: async (model, position, context, token) => {
            const found = await session.ask(ReferencesRequest.type, { ...convert.at(model, position), context }, token);
            return found?.map(location => convert.location(session.language, location));
        }
    })
    : undefined;

export const highlights: Feature = (session, { convert }) => session.capabilities.documentHighlightProvider
    ? monaco.languages.registerDocumentHighlightProvider(session.language, {
        provideDocumentHighlights: async (model, position, token) => {
            const found = await session.ask(DocumentHighlightRequest.type, convert.at(model, position), token);
            // The editor counts from 0.
            return found?.map(({ range, kind }) => ({ range: convert.range(range), kind: (kind ?? DocumentHighlightKind.Text) - 1 }));
        }
    })
    : undefined;

export const selectionRanges: Feature = (session, { convert }) => session.capabilities.selectionRangeProvider
    ? monaco.languages.registerSelectionRangeProvider(session.language, {
        provideSelectionRanges: async (model, positions, token) => {
            const found = await session.ask(SelectionRangeRequest.type, {
                textDocument: convert.document(model),
                positions: positions.map(({ lineNumber, column }) => convert.m2p.asPosition(lineNumber, column))
            }, token);
            return found?.map(innermost => {
                const ranges: monaco.languages.SelectionRange[] = [];
                for (let current: SelectionRange | undefined = innermost; current; current = current.parent) {
                    ranges.push({ range: convert.range(current.range) });
                }
                return ranges;
            });
        }
    })
    : undefined;
