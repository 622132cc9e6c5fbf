"""A browser and a running server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.e2e.ide import Ide
from tests.process import Server

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"

# A busy machine is slow, not wrong.
expect.set_options(timeout=20_000)

NewIde = Callable[[], Awaitable[Ide]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium with a fresh profile."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server process on an empty embedded store."""
    running = Server(tmp_path, f"embedded:{tmp_path / 'store'}")
    await running.start()
    yield running
    await running.kill()


@pytest.fixture
def new_ide(browser: Browser, server: Server) -> NewIde:
    """Opens a page in a browser profile of its own."""

    async def make() -> Ide:
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
        return Ide(await context.new_page(), server.url, SHOTS)

    return make


@pytest.fixture
async def ide(new_ide: NewIde) -> Ide:
    """A page that is not signed in yet."""
    return await new_ide()
