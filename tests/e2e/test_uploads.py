"""Bringing files of any size and number into the IDE."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from fdb_provider.files.content import PART
from tests.e2e.conftest import NewIde
from tests.e2e.ide import READY, Ide
from tests.e2e.test_files import channel, content, put, until
from tests.process import Server
from theia_bridge.methods.protocol import FileContent, ReadFileParams

MIB = 1024 * 1024


async def throttle(ide: Ide, speed: int) -> None:
    """Limits the page's line to so many bytes a second; -1 lifts the limit."""
    devtools = await ide.page.context.new_cdp_session(ide.page)
    await devtools.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": speed, "uploadThroughput": speed}
    await devtools.send("Network.emulateNetworkConditions", limits)


async def test_a_large_upload_is_cancelled_and_then_done(ide: Ide, server: Server, tmp_path: Path) -> None:
    await ide.register()
    large = tmp_path / "large.bin"
    piece = os.urandom(MIB)
    with large.open("wb") as file:
        for _ in range(48):
            file.write(piece)
    async with channel(server) as client:
        await put(client, "/workspace/large.bin", b"as it was")
        await expect(ide.node("large.bin")).to_be_visible()
        await throttle(ide, 4 * MIB)
        await ide.drop(large)
        await expect(ide.page.locator(".dialogBlock:visible")).to_contain_text("already exists")
        await ide.confirm()
        progress = ide.notification("Uploading large.bin")
        await expect(progress).to_contain_text("of 48.00MB", timeout=READY)
        await ide.shot("upload-progress")
        await progress.get_by_text("Cancel").click()
        await expect(progress).to_have_count(0)
        await throttle(ide, -1)
        assert await content(client, "/workspace/large.bin") == b"as it was"

        await ide.drop(large)
        await ide.confirm()
        await expect(progress).to_be_visible()
        await expect(progress).to_have_count(0, timeout=60_000)
        digest = hashlib.sha256()
        for offset in range(0, 48 * MIB, 8 * PART):
            params = ReadFileParams(path="/workspace/large.bin", offset=offset, length=8 * PART)
            digest.update((await client.call("fs.readFile", params, FileContent)).content)
        assert digest.hexdigest() == hashlib.sha256(piece * 48).hexdigest()
    assert ide.errors == []


async def test_a_folder_by_the_menu(ide: Ide, server: Server, tmp_path: Path) -> None:
    await ide.register()
    odd = ["50% #1?.txt", "über/日本語.md", "back\\slash", " spaces ", "a/b/c/deep.txt"]
    names = [*odd, *(f"many/{number}" for number in range(300))]
    for name in names:
        path = tmp_path / "chosen" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    async with ide.page.expect_file_chooser() as chooser:
        await ide.context(None, "Upload Folder...")
    await (await chooser.value).set_files(tmp_path / "chosen")
    async with channel(server) as client:
        for name in odd:
            async with asyncio.timeout(20):
                await until(client, "/workspace", f"/workspace/chosen/{name}")
        async with asyncio.timeout(20):
            while None in [await content(client, f"/workspace/chosen/{name}") for name in names]:
                pass
        for name in names:
            assert await content(client, f"/workspace/chosen/{name}") == name.encode()
    await ide.node("chosen").click()
    await expect(ide.node("many")).to_be_visible()
    await ide.shot("upload-folder")
    assert ide.errors == []


@pytest.mark.parametrize("size", [3 * MIB, 200 * MIB])
async def test_what_does_not_fit_is_named(new_ide: NewIde, tmp_path: Path, size: int, server: Server) -> None:
    await server.kill()
    server.settings = {"QUOTA_SESSION_BYTES": 2_000_000}
    await server.start()
    ide = await new_ide()
    await ide.register()
    large = tmp_path / "too much.bin"
    with large.open("wb") as file:
        file.truncate(size)
    await ide.drop(large)
    notification = ide.notification("too much.bin")
    await expect(notification).to_contain_text("could not be uploaded", timeout=READY)
    await expect(notification).to_contain_text("empty the trash")
    await ide.shot("upload-quota")
    async with channel(server) as client:
        assert await content(client, "/workspace/too much.bin") is None
