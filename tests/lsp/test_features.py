"""What the built-in server does for an editor; the client takes nothing that is not as specified."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from theia_bridge.lsp.lenses import COMMAND, TRACER

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP = '''\
import os
import json


def price(amount: int, each: float = 1.0) -> float:
    """What it costs."""
    return amount * each


class Basket:
    size = 3

    def fill(self, more: int) -> None:
        self.size += more


total = price(3)
wrong: int = "three"
basket = Basket()
basket.fill(2)
print( total,undefined )
'''
MAIN = """\
from shop import price

result = price(2)

if __name__ == "__main__":
    print(result)
"""
TESTS = '''\
"""
def test_in_a_string(): ...
"""


def test_price():
    assert True


class TestBasket:
    def test_fill(self):
        assert True


def helper():
    pass
'''
PATIENCE = 20.0


class Project:
    """A folder with a server that has its files open."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.capabilities: types.ServerCapabilities

    def uri(self, name: str = "shop.py") -> str:
        return (self.root / name).as_uri()

    def document(self, name: str = "shop.py") -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(uri=self.uri(name))

    def at(self, text: str, name: str = "shop.py", *, after: int = 0) -> types.Position:
        """Where a text first is in a file, or some characters after that."""
        content = (self.root / name).read_text()
        before = content[: content.index(text) + after]
        return types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)

    def all_of(self, name: str = "shop.py") -> types.Range:
        lines = (self.root / name).read_text().count("\n")
        return types.Range(types.Position(0, 0), types.Position(lines, 0))

    async def diagnostics(self, code: str, name: str = "shop.py") -> list[types.Diagnostic]:
        """Those of a file, once one of them has a code."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = list(self.client.diagnostics.get(self.uri(name), []))
                if any(item.code == code for item in found):
                    return found
                await self.client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def project(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Project]:
    root = tmp_path_factory.mktemp("project")
    files = {"shop.py": SHOP, "main.py": MAIN, "test_shop.py": TESTS}
    for name, text in files.items():
        (root / name).write_text(text)
    config = ClientServerConfig(server_command=[sys.executable, "-m", "theia_bridge.lsp"])
    client = await config.start()
    assert isinstance(client, LanguageClient)
    project = Project(client, root)
    result = await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("visual-studio-code"),
            root_uri=root.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name="project")],
        )
    )
    project.capabilities = result.capabilities
    for name, text in files.items():
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(project.uri(name), "python", 1, text))
        )
    yield project
    await client.shutdown_session()
    await client.stop()  # type: ignore[no-untyped-call]


async def test_it_tells_what_all_can_do_together(project: Project) -> None:
    told = project.capabilities
    assert told.position_encoding == "utf-16"
    assert told.completion_provider
    assert told.document_formatting_provider
    assert told.code_lens_provider
    assert told.semantic_tokens_provider
    assert told.diagnostic_provider is None
    assert isinstance(told.code_action_provider, types.CodeActionOptions)
    kinds = told.code_action_provider.code_action_kinds or []
    assert {"quickfix", "source.organizeImports.ruff", "refactor.extract"} <= set(kinds)


async def test_completion(project: Project) -> None:
    result = await project.client.text_document_completion_async(
        types.CompletionParams(project.document(), project.at("basket.fill", after=len("basket.")))
    )
    assert isinstance(result, types.CompletionList)
    items = {item.label: item for item in result.items}
    assert {"fill", "size"} <= set(items)
    resolved = await project.client.completion_item_resolve_async(items["fill"])
    assert resolved.label == "fill"


async def test_hover(project: Project) -> None:
    result = await project.client.text_document_hover_async(
        types.HoverParams(project.document(), project.at("price(3)"))
    )
    assert result is not None
    assert isinstance(result.contents, types.MarkupContent)
    assert "amount: int" in result.contents.value
    assert "What it costs." in result.contents.value


async def test_signature(project: Project) -> None:
    result = await project.client.text_document_signature_help_async(
        types.SignatureHelpParams(project.document(), project.at("price(3)", after=len("price(")))
    )
    assert result is not None
    assert "each: float" in result.signatures[0].label


async def test_definition_of_what_another_file_has(project: Project) -> None:
    result = await project.client.text_document_definition_async(
        types.DefinitionParams(project.document("main.py"), project.at("price(2)", "main.py"))
    )
    (found,) = result if isinstance(result, Sequence) else [result]
    assert isinstance(found, types.Location)
    assert found.uri == project.uri()


async def test_what_the_standard_library_defines_can_be_read(project: Project) -> None:
    result = await project.client.text_document_definition_async(
        types.DefinitionParams(project.document(), project.at("print( total"))
    )
    (found,) = result if isinstance(result, Sequence) else [result]
    assert isinstance(found, types.Location)
    assert found.uri.endswith("builtins.pyi")
    read = await project.client.workspace_text_document_content_async(
        types.TextDocumentContentParams(found.uri)
    )
    assert "def print(" in read.text.splitlines()[found.range.start.line]
    with pytest.raises(JsonRpcInvalidParams):
        await project.client.workspace_text_document_content_async(
            types.TextDocumentContentParams(project.root.as_uri())
        )


async def test_references_in_all_files(project: Project) -> None:
    result = await project.client.text_document_references_async(
        types.ReferenceParams(
            types.ReferenceContext(include_declaration=True), project.document(), project.at("price(amount")
        )
    )
    assert result is not None
    assert {location.uri for location in result} == {project.uri(), project.uri("main.py")}


async def test_rename(project: Project) -> None:
    at = project.at("price(amount")
    assert await project.client.text_document_prepare_rename_async(
        types.PrepareRenameParams(project.document(), at)
    )
    edit = await project.client.text_document_rename_async(types.RenameParams(project.document(), at, "cost"))
    assert edit is not None
    changed = set(edit.changes or {}) | {
        change.text_document.uri
        for change in edit.document_changes or []
        if isinstance(change, types.TextDocumentEdit)
    }
    assert changed == {project.uri(), project.uri("main.py")}


async def test_symbols(project: Project) -> None:
    result = await project.client.text_document_document_symbol_async(
        types.DocumentSymbolParams(project.document())
    )
    assert result is not None
    assert {"price", "Basket", "total"} <= {symbol.name for symbol in result}
    found = await project.client.workspace_symbol_async(types.WorkspaceSymbolParams(query="Basket"))
    assert any(symbol.name == "Basket" for symbol in found or [])


async def test_tokens_hints_highlights_and_folds(project: Project) -> None:
    tokens = await project.client.text_document_semantic_tokens_full_async(
        types.SemanticTokensParams(project.document())
    )
    assert tokens is not None
    assert len(tokens.data) >= 5 * 10
    hints = await project.client.text_document_inlay_hint_async(
        types.InlayHintParams(project.document(), project.all_of())
    )
    assert any("float" in str(hint.label) for hint in hints or [])
    highlights = await project.client.text_document_document_highlight_async(
        types.DocumentHighlightParams(project.document(), project.at("basket ="))
    )
    assert len(highlights or []) == 2
    folds = await project.client.text_document_folding_range_async(
        types.FoldingRangeParams(project.document())
    )
    assert folds


async def test_diagnostics_of_both_engines_in_one_list(project: Project) -> None:
    found = await project.diagnostics("bad-assignment")
    by_code = {item.code: item for item in found}
    assert {"bad-assignment", "unknown-name", "F401"} <= set(by_code)
    assert by_code["bad-assignment"].source == "Pyrefly"
    assert by_code["F401"].source == "Ruff"
    # What both say is said once, by the one who says it better.
    assert not {"unused-import", "F821"} & set(by_code)
    assert sum(item.code == "F401" for item in found) == 2


async def test_format(project: Project) -> None:
    options = types.FormattingOptions(tab_size=4, insert_spaces=True)
    edits = await project.client.text_document_formatting_async(
        types.DocumentFormattingParams(project.document(), options)
    )
    assert any("print(total, undefined)" in edit.new_text for edit in edits or [])
    last = types.Range(project.at("print( total"), project.at("undefined )", after=len("undefined )")))
    edits = await project.client.text_document_range_formatting_async(
        types.DocumentRangeFormattingParams(project.document(), last, options)
    )
    assert edits


async def test_quick_fix_and_organise_imports(project: Project) -> None:
    diagnostics = await project.diagnostics("bad-assignment")
    unused = [item for item in diagnostics if item.code == "F401"]
    actions = await project.client.text_document_code_action_async(
        types.CodeActionParams(
            project.document(), unused[0].range, types.CodeActionContext(diagnostics=unused)
        )
    )
    there = [action for action in actions or [] if isinstance(action, types.CodeAction)]
    assert any(action.kind == "quickfix" and "Ruff" in action.title for action in there)
    for kind, text in (
        ("source.organizeImports.ruff", "import json\nimport os\n"),
        ("source.fixAll.ruff", ""),
    ):
        (action,) = [action for action in there if action.kind == kind]
        resolved = await project.client.code_action_resolve_async(action)
        assert resolved.data == action.data
        assert resolved.edit is not None
        (change,) = resolved.edit.document_changes or []
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.uri == project.uri()
        assert [edit.new_text.rstrip("\n") for edit in change.edits if isinstance(edit, types.TextEdit)] == [
            text.rstrip("\n")
        ]


async def test_a_command_goes_to_the_engine_that_has_it(project: Project) -> None:
    edits: asyncio.Queue[types.ApplyWorkspaceEditParams] = asyncio.Queue()

    @project.client.feature(types.WORKSPACE_APPLY_EDIT)  # type: ignore[untyped-decorator]
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        edits.put_nowait(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    await project.client.workspace_execute_command_async(
        types.ExecuteCommandParams("ruff.applyFormat", [{"uri": project.uri(), "version": 1}])
    )
    async with asyncio.timeout(PATIENCE):
        edit = (await edits.get()).edit
    assert project.uri() in str(edit)


async def lenses(project: Project, name: str) -> list[tuple[int, str, list[str]]]:
    """Lines, titles and arguments of the lenses of a file."""
    result = await project.client.text_document_code_lens_async(types.CodeLensParams(project.document(name)))
    found = []
    for lens in result or []:
        assert lens.command is not None
        assert lens.command.command == COMMAND
        (run,) = cast(list[dict[str, Any]], lens.command.arguments)
        assert run["cwd"] == str(project.root)
        assert run["command"].endswith("python3")
        found.append((lens.range.start.line, lens.command.title, run["args"]))
    return found


async def test_lenses_run_files(project: Project) -> None:
    assert await lenses(project, "main.py") == [
        (0, "Run file", ["main.py"]),
        (0, "Debug-print", [str(TRACER), "main.py"]),
        (4, "Run file", ["main.py"]),
        (4, "Debug-print", [str(TRACER), "main.py"]),
    ]


async def test_lenses_run_tests(project: Project) -> None:
    pytest_ = ["-m", "pytest"]
    debug = [str(TRACER), "test_shop.py", *pytest_, "-s"]
    assert await lenses(project, "test_shop.py") == [
        (0, "Run tests", [*pytest_, "test_shop.py"]),
        (5, "Run test", [*pytest_, "test_shop.py::test_price"]),
        (5, "Debug-print", [*debug, "test_shop.py::test_price"]),
        (9, "Run tests", [*pytest_, "test_shop.py::TestBasket"]),
        (10, "Run test", [*pytest_, "test_shop.py::TestBasket::test_fill"]),
        (10, "Debug-print", [*debug, "test_shop.py::TestBasket::test_fill"]),
    ]
