"""The server dies while the IDE is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.ide import READY, Ide
from tests.e2e.test_files import channel, content
from tests.process import Server


@pytest.fixture
async def server(store_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """On each storage engine."""
    running = Server(tmp_path, store_url)
    await running.start()
    yield running
    await running.kill()


async def test_edits_outlive_a_killed_server(ide: Ide, server: Server) -> None:
    await ide.register()
    await ide.open("README.md")
    await ide.type("saved before\n")
    await ide.save("README.md")
    await server.kill()
    await expect(ide.status()).to_contain_text("Offline", ignore_case=True, timeout=READY)
    await ide.type("typed while offline\n")
    await ide.page.keyboard.press("Control+s")
    await ide.shot("offline")
    await expect(ide.dirty("README.md")).to_be_visible()
    await expect(ide.editor()).to_contain_text("typed while offline")
    await server.start()
    await expect(ide.status()).not_to_contain_text("Offline", ignore_case=True, timeout=READY)
    await expect(ide.dirty("README.md")).to_have_count(0, timeout=READY)
    async with channel(server) as client:
        assert await content(client, "/workspace/README.md") == b"typed while offline\n"
    await ide.page.reload()
    await ide.ready()
    await expect(ide.editor()).to_contain_text("typed while offline", timeout=READY)
    await ide.shot("reconnected")
