"""Language servers in the IDE: what is typed is understood, by the real server in its sandbox."""

from __future__ import annotations

import asyncio
import contextlib

from playwright.async_api import Locator, expect

from rpc.client import Client
from tests.e2e.ide import Ide
from tests.e2e.test_files import channel, folder, put
from tests.process import Server
from theia_bridge.workspace.terminal.protocol import CreateTerminalParams, Terminal

SETTINGS = b'{"files.autoSave": "off", "editor.formatOnSave": true}'
SHAPES = b'''"""Shapes."""


class Square:
    """A square."""

    def __init__(self, side: float) -> None:
        self.side = side

    def area(self) -> float:
        """How large it is."""
        return self.side**2
'''
MAIN = b"""from shapes import Square

square = Square(3)
print(square.area())
"""


def state(ide: Ide, icon: str) -> Locator:
    """The language server's item in the status bar, while it shows that icon."""
    return ide.status().locator(f"#status-bar-theia-bridge-language-servers .codicon-{icon}")


async def prepare(ide: Ide, server: Server) -> None:
    """Opens two files, and waits for the language server."""
    async with server.connect((await server.register("ada@example.com")).access_token) as client:
        await folder(client, "/home/.theia")
        await put(client, "/home/.theia/settings.json", SETTINGS)
        await put(client, "/workspace/shapes.py", SHAPES)
        await put(client, "/workspace/main.py", MAIN)
    await ide.sign_in()
    await ide.open("shapes.py")
    await ide.open("main.py")
    await expect(state(ide, "check")).to_be_visible()


async def go_to_definition(ide: Ide, name: str, text: str) -> None:
    """Goes from a word to where the editor has a text. Lines move when lenses come, and a click may miss."""
    async with asyncio.timeout(60):
        while True:
            await word(ide, name).click()
            await ide.page.keyboard.press("F12")
            with contextlib.suppress(AssertionError):
                await expect(ide.editor()).to_contain_text(text, timeout=5_000)
                return


async def choose(ide: Ide, text: str) -> None:
    """Takes a completion of those that are offered."""
    await ide.page.locator(f'.suggest-widget.visible .monaco-list-row[aria-label^="{text}"]').click()


def word(ide: Ide, text: str) -> Locator:
    """A word of the editor in front, where it is for the last time."""
    return ide.editor().locator(".view-line span:not(:has(span))", has_text=text).last


async def test_a_name_is_changed_everywhere_and_imports_are_put_in_order(ide: Ide, server: Server) -> None:
    await prepare(ide, server)
    page = ide.page

    await go_to_definition(ide, "area", "class Square")
    await expect(ide.status()).to_contain_text("Ln 10, Col 9")
    await page.keyboard.press("F2")
    box = page.locator(".rename-box input")
    await expect(box).to_have_value("area")
    await box.fill("surface")
    await page.keyboard.press("Enter")
    await expect(ide.editor()).to_contain_text("def surface(self)")

    await page.locator("#shell-tab-outline-view").click()
    await expect(page.locator("#outline-view .theia-TreeNode", has_text="surface")).to_be_visible()
    await ide.shot("language-outline")

    await ide.tab("main.py").click()
    await expect(ide.editor()).to_contain_text("print(square.surface())")
    await ide.type("import os\nnumber  =  1\n")
    await page.locator("#status-bar-problem-marker-status").click()
    await expect(page.locator("#problems .theia-TreeNode", has_text="imported but unused")).to_be_visible()
    await ide.editor().click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.press("Control+.")
    fix = page.locator(".action-widget:visible .monaco-list-row.focused")
    await expect(fix).to_have_text("Ruff (I001): Organize imports")
    await ide.shot("language-fix")
    await page.keyboard.press("Enter")
    await expect(page.locator("#theia-main-content-panel .view-line")).to_have_text(
        ["import os", "", "number  =  1", ""]
    )
    await ide.save("main.py")
    await expect(ide.editor()).to_contain_text("number = 1")

    # What is not of the session is read where the language server sees it.
    await go_to_definition(ide, "os", "OS routines")
    await expect(ide.tab("os.py")).to_be_visible()
    await ide.shot("language-library")
    assert ide.errors == []


async def kill_language_server(client: Client) -> None:
    """Ends it from within the sandbox, without warning."""
    await client.call(
        "terminal.create",
        CreateTerminalParams(command="/usr/bin/pkill", args=["-KILL", "-f", "theia_bridge.lsp"]),
        Terminal,
    )


async def test_the_editor_goes_on_when_a_language_server_has_died(ide: Ide, server: Server) -> None:
    await prepare(ide, server)
    await ide.type('number: int = "one"\n')
    error = ide.page.locator(".monaco-editor .squiggly-error")
    await expect(error).to_be_visible()
    async with channel(server) as client:
        await kill_language_server(client)
    await expect(error).to_have_count(0)
    await ide.page.keyboard.type("# still here\n")
    await expect(ide.editor()).to_contain_text("still here")
    await expect(state(ide, "check")).to_be_visible()
    await expect(error).to_be_visible()

    await state(ide, "check").click()
    await ide.page.locator(".quick-input-widget:visible .monaco-list-row", has_text="Show Output").click()
    await expect(ide.page.locator("#outputView .view-lines")).to_contain_text("has ended")
    await ide.shot("language-output")
    await ide.command("Restart Language Server")
    await expect(state(ide, "check")).to_have_count(0)
    await expect(state(ide, "check")).to_be_visible()
    assert ide.errors == []
