import {
    ClientCapabilities, CodeActionKind, CompletionItemKind, CompletionItemTag, DiagnosticTag, FailureHandlingKind, FoldingRangeKind, InitializeParams,
    InsertTextMode, MarkupKind, PrepareSupportDefaultBehavior, ResourceOperationKind, SemanticTokenModifiers, SemanticTokenTypes, SymbolKind, SymbolTag,
    TokenFormat
} from '@theia/core/shared/vscode-languageserver-protocol';
import { WORKSPACE_URI } from '../../common/roots';

const MARKUP = [MarkupKind.Markdown, MarkupKind.PlainText];

/** All numbers of a kind that the protocol counts from 1. */
function upTo(last: number): number[] {
    return Array.from({ length: last }, (_, index) => index + 1);
}

const symbolKind = { valueSet: upTo(SymbolKind.TypeParameter) as SymbolKind[] };
const tagSupport = { valueSet: [SymbolTag.Deprecated] as SymbolTag[] };
const location = { linkSupport: true };

/** What the editor understands. Features are offered at the beginning; only what is to be watched may be told later. */
const CAPABILITIES: ClientCapabilities = {
    general: {
        positionEncodings: ['utf-16'],
        markdown: { parser: 'marked' },
        staleRequestSupport: { cancel: true, retryOnContentModified: [] }
    },
    window: {
        workDoneProgress: true,
        showMessage: { messageActionItem: { additionalPropertiesSupport: true } },
        showDocument: { support: true }
    },
    workspace: {
        applyEdit: true,
        workspaceEdit: {
            documentChanges: true,
            resourceOperations: [ResourceOperationKind.Create, ResourceOperationKind.Rename, ResourceOperationKind.Delete],
            failureHandling: FailureHandlingKind.Abort
        },
        configuration: true,
        didChangeConfiguration: { dynamicRegistration: true },
        didChangeWatchedFiles: { dynamicRegistration: true, relativePatternSupport: true },
        workspaceFolders: true,
        executeCommand: {},
        symbol: { symbolKind, tagSupport, resolveSupport: { properties: ['location.range'] } },
        codeLens: { refreshSupport: true },
        inlayHint: { refreshSupport: true },
        semanticTokens: { refreshSupport: true }
    },
    textDocument: {
        synchronization: { didSave: true, willSave: true, willSaveWaitUntil: true },
        publishDiagnostics: {
            relatedInformation: true,
            versionSupport: true,
            codeDescriptionSupport: true,
            dataSupport: true,
            tagSupport: { valueSet: [DiagnosticTag.Unnecessary, DiagnosticTag.Deprecated] }
        },
        completion: {
            contextSupport: true,
            insertTextMode: InsertTextMode.adjustIndentation,
            completionItem: {
                snippetSupport: true,
                commitCharactersSupport: true,
                documentationFormat: MARKUP,
                deprecatedSupport: true,
                preselectSupport: true,
                tagSupport: { valueSet: [CompletionItemTag.Deprecated] },
                insertReplaceSupport: true,
                resolveSupport: { properties: ['documentation', 'detail', 'additionalTextEdits', 'command'] },
                insertTextModeSupport: { valueSet: [InsertTextMode.asIs, InsertTextMode.adjustIndentation] },
                labelDetailsSupport: true
            },
            completionItemKind: { valueSet: upTo(CompletionItemKind.TypeParameter) as CompletionItemKind[] },
            completionList: { itemDefaults: ['commitCharacters', 'editRange', 'insertTextFormat', 'insertTextMode', 'data'] }
        },
        hover: { contentFormat: MARKUP },
        signatureHelp: {
            contextSupport: true,
            signatureInformation: { documentationFormat: MARKUP, parameterInformation: { labelOffsetSupport: true }, activeParameterSupport: true }
        },
        declaration: location,
        definition: location,
        typeDefinition: location,
        implementation: location,
        references: {},
        documentHighlight: {},
        documentSymbol: { symbolKind, hierarchicalDocumentSymbolSupport: true, tagSupport },
        codeAction: {
            codeActionLiteralSupport: {
                codeActionKind: {
                    valueSet: [
                        CodeActionKind.Empty, CodeActionKind.QuickFix, CodeActionKind.Refactor, CodeActionKind.RefactorExtract, CodeActionKind.RefactorInline,
                        CodeActionKind.RefactorRewrite, CodeActionKind.Source, CodeActionKind.SourceOrganizeImports, CodeActionKind.SourceFixAll
                    ]
                }
            },
            isPreferredSupport: true,
            disabledSupport: true,
            dataSupport: true,
            resolveSupport: { properties: ['edit', 'command'] }
        },
        codeLens: {},
        documentLink: { tooltipSupport: true },
        formatting: {},
        rangeFormatting: {},
        onTypeFormatting: {},
        rename: { prepareSupport: true, prepareSupportDefaultBehavior: PrepareSupportDefaultBehavior.Identifier },
        foldingRange: {
            lineFoldingOnly: true,
            foldingRangeKind: { valueSet: [FoldingRangeKind.Comment, FoldingRangeKind.Imports, FoldingRangeKind.Region] }
        },
        selectionRange: {},
        inlayHint: { resolveSupport: { properties: ['tooltip', 'textEdits', 'label.tooltip', 'label.location', 'label.command'] } },
        semanticTokens: {
            requests: { range: true, full: { delta: true } },
            tokenTypes: Object.values(SemanticTokenTypes),
            tokenModifiers: Object.values(SemanticTokenModifiers),
            formats: [TokenFormat.Relative],
            overlappingTokenSupport: false,
            multilineTokenSupport: false,
            augmentsSyntaxTokens: true
        }
    }
};

export const WORKSPACE_FOLDERS = [{ uri: WORKSPACE_URI, name: 'workspace' }];

export function initializeParams(): InitializeParams {
    return {
        processId: null,
        clientInfo: { name: 'Theia Bridge' },
        rootUri: WORKSPACE_URI,
        workspaceFolders: WORKSPACE_FOLDERS,
        capabilities: CAPABILITIES
    };
}
