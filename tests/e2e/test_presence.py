"""One account has a session open in two windows, each on a gateway of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, TimeoutError, expect

from tests import fdbserver
from tests.e2e.conftest import SHOTS
from tests.e2e.ide import READY, Ide
from tests.e2e.test_files import channel, put
from tests.process import Server


@pytest.fixture
async def gateways(fdb_cluster: Path, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """Two of one store."""
    fdbserver.empty(fdb_cluster)
    servers = [Server(tmp_path, f"fdb:{fdb_cluster}") for _ in range(2)]
    for server in servers:
        await server.start()
    yield servers
    for server in servers:
        await server.kill()


def sign(ide: Ide) -> Locator:
    """What tells how many windows there are."""
    return ide.status().get_by_role("button", name="This session is open in")


async def hovered(ide: Ide, text: str) -> None:
    """Returns when the sign tells that; what it has told once it does not change while it is looked at."""
    tip = ide.page.locator(".theia-hover:visible", has_text=re.compile(text))
    async with asyncio.timeout(READY / 1000):
        while not await tip.count():
            await ide.page.mouse.move(640, 400)
            await sign(ide).hover()
            with contextlib.suppress(TimeoutError):
                await tip.wait_for(timeout=2000)


@pytest.mark.fdb
async def test_two_windows_see_each_other_and_each_others_saves(
    browser: Browser, gateways: list[Server]
) -> None:
    here, there = [
        Ide(
            await (await browser.new_context(viewport={"width": 1280, "height": 800})).new_page(),
            one.url,
            SHOTS,
        )
        for one in gateways
    ]
    await here.register()
    await expect(sign(here)).to_have_count(0)
    await there.sign_in()
    await expect(sign(here)).to_have_text("2")
    await expect(sign(there)).to_have_text("2")

    # What one saves shows in the other: in an editor without edits, and in the explorer.
    await here.open("README.md")
    await there.open("README.md")
    await here.type("first version\n")
    await here.save("README.md")
    await expect(there.editor()).to_contain_text("first version", timeout=READY)
    async with channel(gateways[0]) as client:
        await put(client, "/workspace/made.txt", b"made\n")
    for ide in (here, there):
        await expect(ide.node("made.txt")).to_be_visible(timeout=READY)

    # An editor with edits keeps them, and asks before it saves over the other's.
    await there.type("their version\n")
    await here.type("other version\n")
    await here.save("README.md")
    await there.page.keyboard.press("Control+s")
    dialog = there.page.locator(".dialogBlock:visible")
    await expect(dialog).to_contain_text("has been changed", timeout=READY)
    await expect(there.editor()).to_contain_text("their version")
    await dialog.locator("button.secondary").click()

    # Who is there, with what, and what is looked at; from there it is opened.
    await there.open("made.txt")
    await hovered(here, r"Ada Lovelace \(you\) · Chrome on Linux · since .* · /workspace/made.txt")
    await here.shot("presence-hover")
    await sign(here).click()
    rows = here.page.locator(".quick-input-widget:visible .monaco-list-row")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("(this window)")
    await here.shot("presence")
    await rows.nth(0).click()
    await expect(here.editor()).to_contain_text("made")

    await there.page.context.close()
    await expect(sign(here)).to_have_count(0)
