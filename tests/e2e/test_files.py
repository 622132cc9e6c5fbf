"""Working on files in the IDE; what the user did is checked through the server, not only on the screen."""

from __future__ import annotations

import asyncio
import contextlib
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import expect

from rpc import RpcError
from rpc.client import Client
from tests.e2e.conftest import NewIde
from tests.e2e.ide import Ide
from tests.process import Server
from theia_bridge.methods.protocol import (
    Change,
    CreateDirectoryParams,
    DidChange,
    FileContent,
    ReadFileParams,
    SetAttributesParams,
    Stat,
    Watch,
    WatchParams,
    WriteFileParams,
)


@asynccontextmanager
async def channel(server: Server) -> AsyncIterator[Client]:
    """A channel of the same account."""
    async with server.connect((await server.login("ada@example.com")).access_token) as client:
        yield client


async def content(client: Client, path: str) -> bytes | None:
    """What the server has under a path."""
    try:
        return (await client.call("fs.readFile", ReadFileParams(path=path), FileContent)).content
    except RpcError as error:
        if error.kind != "FileNotFound":
            raise
        return None


async def put(client: Client, path: str, data: bytes = b"") -> None:
    await client.call("fs.writeFile", WriteFileParams(path=path, content=data), Stat)


async def folder(client: Client, path: str) -> None:
    await client.call("fs.createDirectory", CreateDirectoryParams(path=path), Stat)


async def test_create_edit_save_rename_copy_delete(ide: Ide, server: Server) -> None:
    # Who pastes before the name is there has the browser asked for what else it has; people allow that.
    await ide.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ide.register()
    async with channel(server) as client:
        await ide.context(None, "New File...")
        await ide.answer("hello.py")
        await expect(ide.node("hello.py")).to_be_visible()
        await expect(ide.tab("hello.py")).to_be_visible()
        await ide.type("def greet(name: str) -> str:\n    return f'Hello {name}'  # greeting\n")
        await ide.save("hello.py")
        saved = await content(client, "/workspace/hello.py")
        assert saved is not None
        assert saved.startswith(b"def greet(name: str)")
        # Highlighted: a keyword, a string and a comment have colours of their own.
        colours = (
            await ide.editor()
            .locator("span span[class^=mtk]")
            .evaluate_all("spans => [...new Set(spans.map(span => getComputedStyle(span).color))]")
        )
        assert len(colours) >= 4
        await ide.shot("python")

        await ide.context("hello.py", "Rename")
        await ide.answer("main.py")
        await expect(ide.node("main.py")).to_be_visible()
        await expect(ide.node("hello.py")).to_have_count(0)
        assert await content(client, "/workspace/main.py") == saved
        assert await content(client, "/workspace/hello.py") is None

        await ide.context(None, "New Folder...")
        await ide.answer("src")
        await expect(ide.node("src")).to_be_visible()
        await ide.drag("main.py", "src")
        async with asyncio.timeout(10):
            await until(client, "/workspace", "/workspace/src/main.py")
        assert await content(client, "/workspace/src/main.py") == saved

        # The browser has the copied name a moment after it was copied; pasted before, nothing is.
        while await content(client, "/workspace/src/README.md") is None:
            await ide.context("README.md", "Copy")
            await ide.context("src", "Paste")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await until(client, "/workspace", "/workspace/src/README.md")

        await ide.context("src", "Delete")
        await ide.confirm()
        await expect(ide.node("src")).to_have_count(0)
        assert await content(client, "/workspace/src/main.py") is None
    assert ide.errors == []


async def until(client: Client, root: str, path: str) -> None:
    """Returns once `path` is there, told by a watch."""
    stream = client.notifications({"fs.didChange": DidChange})
    await client.call("fs.watch", WatchParams(path=root), Watch)
    while await content(client, path) is None:
        _, told = await anext(stream)
        assert isinstance(told, DidChange)
        assert all(isinstance(change, Change) for change in told.changes)


async def test_changes_made_elsewhere_show_at_once(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        await put(client, "/workspace/notes.md", b"first\n")
        await expect(ide.node("notes.md")).to_be_visible()
        await ide.open("notes.md")
        await put(client, "/workspace/notes.md", b"second\n")
        await expect(ide.editor()).to_contain_text("second")


TEXTS = {
    "a.ts": "export const answer: number = 42; // answer\n",
    "a.json": '{"key": "value", "n": 1, "t": true}\n',
    "a.html": "<!doctype html><p class='x'>text</p><!-- note -->\n",
    "a.yaml": "key: value # note\nlist: [1, 'two']\n",
    "Dockerfile": "FROM debian # note\nRUN echo 'hello'\n",
    "a.rs": 'fn main() { println!("hi"); } // note\n',
}


async def test_common_languages_are_highlighted(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        for name, text in TEXTS.items():
            await put(client, f"/workspace/{name}", text.encode())
    for name in TEXTS:  # until all are there, they move
        await expect(ide.node(name)).to_be_visible()
    for name, text in TEXTS.items():
        await ide.open(name)
        await expect(ide.editor()).to_contain_text(text.split()[0])
        await expect(ide.editor().locator("span span[class^=mtk]").nth(2)).to_be_visible()
        await expect(
            ide.editor().locator("span span.mtk1 ~ span:not(.mtk1), span span:not(.mtk1)").first
        ).to_be_visible()
    assert ide.errors == []


async def test_upload_by_dragging_and_download(ide: Ide, server: Server, tmp_path: Path) -> None:
    await ide.register()
    project = tmp_path / "project"
    (project / "deep/er").mkdir(parents=True)
    (project / "a.bin").write_bytes(bytes(range(256)) * 100)
    (project / "deep/er/b.txt").write_text("b")
    await ide.drop(project)
    await expect(ide.node("project")).to_be_visible()
    async with channel(server) as client:
        async with asyncio.timeout(15):
            await until(client, "/workspace", "/workspace/project/deep/er/b.txt")
            await until(client, "/workspace", "/workspace/project/a.bin")
        assert await content(client, "/workspace/project/a.bin") == bytes(range(256)) * 100
    async with ide.page.expect_download() as download:
        await ide.context("README.md", "Download")
    assert b"Welcome" in (await (await download.value).path()).read_bytes()
    async with ide.page.expect_download() as download:
        await ide.context("project", "Download")
    archive = zipfile.ZipFile(await (await download.value).path())
    assert archive.read("deep/er/b.txt") == b"b"
    assert ide.errors == []


async def test_settings_and_keys_follow_the_user(ide: Ide, new_ide: NewIde, server: Server) -> None:
    await ide.register()
    await ide.command("Preferences: Open Settings (UI)")
    search = ide.page.locator(
        ".settings-search-input, #settings-search-input, .preferences-container input"
    ).first
    await search.fill("editor.fontSize")
    field = ide.page.locator(".single-pref:visible", has_text="Font Size").locator("input[type=number]").first
    await field.fill("23")
    await field.press("Enter")
    async with channel(server) as client:
        async with asyncio.timeout(10):
            await until(client, "/home", "/home/.theia/settings.json")
    await ide.shot("settings")
    other = await new_ide()
    await other.sign_in()
    await other.open("README.md")
    size = await other.editor().evaluate("lines => getComputedStyle(lines).fontSize")
    assert size == "23px"


async def test_a_read_only_file_is_locked(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        locked = SetAttributesParams(path="/workspace/README.md", readonly=True)
        await client.call("fs.setAttributes", locked, Stat)
        await ide.open("README.md")
        lock = ide.page.locator("#theia-main-content-panel .lm-TabBar-tab.theia-mod-locked")
        await expect(lock).to_be_visible()
        await ide.type("not to be\n")
        await expect(ide.dirty("README.md")).to_have_count(0)
        await expect(ide.editor()).to_contain_text("Welcome")
        await ide.shot("read-only")

        # The editor follows.
        unlocked = SetAttributesParams(path="/workspace/README.md", readonly=False)
        await client.call("fs.setAttributes", unlocked, Stat)
        await expect(lock).to_have_count(0)
        await ide.type("to be\n")
        await ide.save("README.md")
        assert await content(client, "/workspace/README.md") == b"to be\n"
    assert ide.errors == []


async def test_a_large_folder_is_shown_to_its_end(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        await folder(client, "/workspace/many")
        # The last name of all, and in the explorer the first one, as it is a folder.
        await folder(client, "/workspace/many/zzz")
        await asyncio.gather(*(put(client, f"/workspace/many/file-{number:04}") for number in range(2500)))
        await expect(ide.node("many")).to_be_visible()
        await ide.node("many").click()
        await expect(ide.node("file-0000")).to_be_visible()
        await expect(ide.node("zzz")).to_be_visible()
        await put(client, "/workspace/many/a-new")
        await expect(ide.node("a-new")).to_be_visible()
    assert ide.errors == []
