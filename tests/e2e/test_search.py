"""Finding files with Ctrl+P and text in the Search view, and replacing it."""

from __future__ import annotations

import asyncio
import contextlib

from playwright.async_api import Locator, TimeoutError, expect

from rpc.client import Client
from tests.e2e.ide import READY, Ide
from tests.e2e.test_files import channel, content, folder, put
from tests.process import Server
from theia_bridge.methods.protocol import DidChange, Watch, WatchParams


async def quick_open(ide: Ide, pattern: str) -> Locator:
    """The rows that Ctrl+P shows for a pattern."""
    await ide.page.keyboard.press("Control+p")
    palette = ide.page.locator(".quick-input-widget:visible")
    await palette.locator("input").first.fill(pattern)
    return palette.locator(".monaco-list-row")


def results(ide: Ide) -> Locator:
    """The lines found, in the Search view."""
    return ide.page.locator("#search-in-workspace .resultLine")


async def look_for(ide: Ide, text: str) -> None:
    """Types into the Search view."""
    field = ide.page.locator("#search-input-field")
    await field.fill(text)
    await field.press("End")  # it is a key let go that Theia searches upon


async def found(ide: Ide, text: str) -> None:
    """Looks for what there is; again, where the view was still being made when the key was let go."""
    async with asyncio.timeout(READY / 1000):
        while True:
            await look_for(ide, text)
            with contextlib.suppress(TimeoutError):
                return await results(ide).first.wait_for(timeout=5000)


async def replaced(client: Client, path: str, text: bytes) -> None:
    """Returns once a file has that content, told by a watch."""
    stream = client.notifications({"fs.didChange": DidChange})
    await client.call("fs.watch", WatchParams(path=path), Watch)
    while await content(client, path) != text:
        await anext(stream)


async def test_files_by_name(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        for name in ("src", "src/deep", "out"):
            await folder(client, f"/workspace/{name}")
        for name in ("src/server.py", "src/deep/my_server_test.py", "out/server.py", "src/50% a#b.txt"):
            await put(client, f"/workspace/{name}", b"text\n")
        await put(client, "/workspace/.gitignore", b"out/\n")
    rows = await quick_open(ide, "server.py")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("server.py")
    await ide.shot("quick-open")
    await ide.page.keyboard.press("Enter")
    await expect(ide.tab("server.py")).to_be_visible()
    await quick_open(ide, "50%")
    await expect(rows).to_contain_text(["50% a#b.txt"])
    await ide.page.keyboard.press("Enter")
    await expect(ide.tab("50% a#b.txt")).to_be_visible()
    await expect(ide.editor()).to_contain_text("text")
    assert ide.errors == []


async def test_text_is_found_and_replaced(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        await folder(client, "/workspace/src")
        await put(client, "/workspace/src/a.py", b"# \xf0\x9f\x90\x8d\tcolour = 1\nprint(colour)\n")
        await put(client, "/workspace/src/b.md", b"The Colour\n")
        await put(client, "/workspace/open.txt", b"colour\n")
        await put(client, "/workspace/ignored.txt", b"colour\n")
        await put(client, "/workspace/.gitignore", b"ignored.*\n")
        await ide.open("open.txt")
        await ide.page.keyboard.press("Control+Shift+f")
        view = ide.page.locator("#search-in-workspace")
        await found(ide, "colour")
        await expect(results(ide)).to_have_count(4)
        await expect(results(ide).filter(has_text="The Colour")).to_be_visible()

        await view.locator(".option.codicon-case-sensitive").click()
        await expect(results(ide)).to_have_count(3)
        await view.locator(".option.codicon-regex").click()
        await look_for(ide, "colour\\)$")
        await expect(results(ide)).to_have_count(1)
        await look_for(ide, "colour(")
        await expect(results(ide)).to_have_count(0)
        await view.locator(".option.codicon-regex").click()
        await look_for(ide, "colour")
        await expect(results(ide)).to_have_count(3)

        await view.locator(".replace-toggle").click()
        await view.locator("#replace-input-field").fill("color")
        await view.locator("#replace-input-field").press("End")
        await expect(results(ide).first.locator(".replace-term")).to_be_visible()
        await ide.shot("search")
        await view.locator(".replace-all-button-container .action-label, .codicon-replace-all").first.click()
        await ide.confirm()
        for path, text in [
            ("/workspace/src/a.py", b"# \xf0\x9f\x90\x8d\tcolor = 1\nprint(color)\n"),
            ("/workspace/open.txt", b"color\n"),
        ]:
            async with asyncio.timeout(15):
                await replaced(client, path, text)
        assert await content(client, "/workspace/ignored.txt") == b"colour\n"
        assert await content(client, "/workspace/src/b.md") == b"The Colour\n"
    assert ide.errors == []
