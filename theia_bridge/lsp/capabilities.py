"""What engines offer: who has a method, and what the editor is told that all offer together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Tree = Mapping[str, object]

OFFERED_BY = {
    "callHierarchy/incomingCalls": "callHierarchyProvider",
    "callHierarchy/outgoingCalls": "callHierarchyProvider",
    "codeAction/resolve": "codeActionProvider.resolveProvider",
    "codeLens/resolve": "codeLensProvider.resolveProvider",
    "completionItem/resolve": "completionProvider.resolveProvider",
    "documentLink/resolve": "documentLinkProvider.resolveProvider",
    "inlayHint/resolve": "inlayHintProvider.resolveProvider",
    "textDocument/codeAction": "codeActionProvider",
    "textDocument/codeLens": "codeLensProvider",
    "textDocument/colorPresentation": "colorProvider",
    "textDocument/completion": "completionProvider",
    "textDocument/declaration": "declarationProvider",
    "textDocument/definition": "definitionProvider",
    "textDocument/documentColor": "colorProvider",
    "textDocument/documentHighlight": "documentHighlightProvider",
    "textDocument/documentLink": "documentLinkProvider",
    "textDocument/documentSymbol": "documentSymbolProvider",
    "textDocument/foldingRange": "foldingRangeProvider",
    "textDocument/formatting": "documentFormattingProvider",
    "textDocument/hover": "hoverProvider",
    "textDocument/implementation": "implementationProvider",
    "textDocument/inlayHint": "inlayHintProvider",
    "textDocument/inlineValue": "inlineValueProvider",
    "textDocument/linkedEditingRange": "linkedEditingRangeProvider",
    "textDocument/moniker": "monikerProvider",
    "textDocument/onTypeFormatting": "documentOnTypeFormattingProvider",
    "textDocument/prepareCallHierarchy": "callHierarchyProvider",
    "textDocument/prepareRename": "renameProvider.prepareProvider",
    "textDocument/prepareTypeHierarchy": "typeHierarchyProvider",
    "textDocument/rangeFormatting": "documentRangeFormattingProvider",
    "textDocument/references": "referencesProvider",
    "textDocument/rename": "renameProvider",
    "textDocument/selectionRange": "selectionRangeProvider",
    "textDocument/semanticTokens/full": "semanticTokensProvider.full",
    "textDocument/semanticTokens/full/delta": "semanticTokensProvider.full.delta",
    "textDocument/semanticTokens/range": "semanticTokensProvider.range",
    "textDocument/signatureHelp": "signatureHelpProvider",
    "textDocument/typeDefinition": "typeDefinitionProvider",
    "textDocument/willSaveWaitUntil": "textDocumentSync.willSaveWaitUntil",
    "typeHierarchy/subtypes": "typeHierarchyProvider",
    "typeHierarchy/supertypes": "typeHierarchyProvider",
    "workspace/symbol": "workspaceSymbolProvider",
    "workspace/willCreateFiles": "workspace.fileOperations.willCreate",
    "workspace/willDeleteFiles": "workspace.fileOperations.willDelete",
    "workspace/willRenameFiles": "workspace.fileOperations.willRename",
    "workspaceSymbol/resolve": "workspaceSymbolProvider.resolveProvider",
}
"""By method, where in the capabilities of a server it is said that it has it."""
OF_ONE = ("semanticTokensProvider",)
"""Capabilities that are not mixed, as the numbers in answers have a meaning only with them."""
NOT_TOLD = ("diagnosticProvider", "notebookDocumentSync", "positionEncoding", "textDocumentSync")
"""What the editor is not told of engines: diagnostics are published, and documents are ours."""
OWN: Tree = {"workspace": {"textDocumentContent": {"schemes": ["file"]}}}
"""What we offer and pygls does not tell of."""
NOT_ASKED = ("diagnostic", "diagnostics", "notebookDocument")
"""What engines are not told that the editor can do, so that they publish diagnostics of their own accord."""
REGISTERED = ("didChangeWatchedFiles",)
"""What engines may register after their start; of all else they tell at the start whether they have it."""
ENCODING = "utf-16"
"""How positions are counted, by all alike."""


def offers(capabilities: Tree, method: str) -> bool | None:
    """Whether a server has a method; None if its capabilities cannot tell."""
    path = OFFERED_BY.get(method)
    if path is None:
        return None
    found: object = capabilities
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found is not None and found is not False


def merged(own: Tree, others: Iterable[Tree]) -> dict[str, object]:
    """What is offered together; of what is not mixed, the first one's."""
    result = dict(own)
    for capabilities in others:
        for name, value in capabilities.items():
            if name in NOT_TOLD or (name in OF_ONE and result.get(name)):
                continue
            result[name] = _both(result.get(name), value)
    return result


def _both(one: object, other: object) -> object:
    if one in (None, False) or other in (None, False):
        return one or other
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _both(one.get(name), other.get(name)) for name in one | other}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(item for item in other if item not in one)]
    return other if isinstance(other, dict) else one


def for_engines(params: Tree) -> dict[str, object]:
    """The params of `initialize` for an engine, from the editor's."""
    told = _told(params.get("capabilities"))
    capabilities: dict[str, object] = told if isinstance(told, dict) else {}
    documents = capabilities.get("textDocument")
    if isinstance(documents, dict) and isinstance(tokens := documents.get("semanticTokens"), dict):
        tokens["augmentsSyntaxTokens"] = True  # Pyrefly has them for no others, and all editors do it
    general = {"general": {"positionEncodings": [ENCODING]}}
    return {**params, "capabilities": capabilities | general}


def _told(given: object, name: str = "") -> object:
    """The part `name` of the editor's capabilities, as engines are told of it."""
    if not isinstance(given, dict):
        return given
    names = [each for each in given if each not in NOT_ASKED]
    if name not in REGISTERED:
        names = [each for each in names if each != "dynamicRegistration"]
    return {each: _told(given[each], each) for each in names}
