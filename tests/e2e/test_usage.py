"""What the status bar tells of limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.ide import Ide
from tests.e2e.test_files import channel, put
from tests.process import Server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """One whose sessions may keep a megabyte."""
    running = Server(tmp_path, f"embedded:{tmp_path / 'store'}", QUOTA_SESSION_BYTES=1_000_000)
    await running.start()
    yield running
    await running.kill()


async def test_it_warns_near_a_limit(ide: Ide, server: Server) -> None:
    await ide.register()
    await expect(ide.status()).to_contain_text("0%")
    async with channel(server) as client:
        await put(client, "/workspace/large", bytes(950_000))
        await expect(ide.status()).to_contain_text("95%")
        await ide.page.locator("#theia-statusBar", has_text="95%").get_by_text("95%").hover()
        await expect(ide.page.locator(".theia-hover")).to_contain_text("This session")
        await ide.shot("usage")
    assert ide.errors == []
