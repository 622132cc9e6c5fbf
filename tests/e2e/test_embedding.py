"""The IDE in a frame of another site's page: the example of docs/embedding, in a browser."""

from __future__ import annotations

import importlib.util
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import SHOTS
from tests.e2e.ide import READY
from tests.e2e.test_files import channel, content
from tests.process import PASSWORD, Server

LIFE = 12
"""Seconds of an access token."""
EMAIL = "ada@example.com"


def example() -> ModuleType:
    path = Path(__file__).parents[2] / "docs" / "embedding" / "server.py"
    spec = importlib.util.spec_from_file_location("embedding", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def listening() -> list[socket.socket]:
    """For a site that may show the IDE and one that may not. `localhost` is another site than 127.0.0.1."""
    return [socket.create_server(("localhost", 0)) for _ in range(2)]


def origin(one: socket.socket) -> str:
    return f"http://localhost:{one.getsockname()[1]}"


@pytest.fixture
async def bridge(tmp_path: Path, listening: list[socket.socket]) -> AsyncIterator[Server]:
    running = Server(
        tmp_path,
        f"embedded:{tmp_path / 'store'}",
        EMBEDDERS=f'["{origin(listening[0])}"]',
        ACCESS_TOKEN_SECONDS=LIFE,
    )
    await running.start()
    await running.register(EMAIL)
    yield running
    await running.kill()


@pytest.fixture
async def sites(bridge: Server, listening: list[socket.socket]) -> AsyncIterator[list[str]]:
    """Where the example listens."""
    runners = [web.AppRunner(await example().create_app(bridge.url, EMAIL, PASSWORD)) for _ in listening]
    for runner, one in zip(runners, listening, strict=True):
        await runner.setup()
        await web.SockSite(runner, one).start()
    yield [origin(one) for one in listening]
    for runner in runners:
        await runner.cleanup()


async def test_a_page_of_another_site_shows_the_ide_and_renews_its_token(
    browser: Browser, bridge: Server, sites: list[str]
) -> None:
    page = await (await browser.new_context(viewport={"width": 1280, "height": 800})).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    await page.goto(sites[0])
    ide = page.frame_locator("#workspace")
    readme = ide.locator("#explorer-view-container .theia-TreeNode", has_text="README.md")
    await expect(readme).to_be_visible(timeout=READY)
    # What comes from another page than the one around is not taken.
    stranger = (await bridge.register("bob@example.com")).access_token
    await page.evaluate("document.body.append(document.createElement('iframe'))")
    await page.frames[-1].evaluate(
        "token => parent.frames[0].postMessage({ type: 'theia-bridge:token', token }, '*')", stranger
    )
    # The token is renewed on the socket that there is.
    await page.wait_for_event("request", lambda request: request.url == f"{sites[0]}/token")
    assert len([url for url in asked if "/ws/rpc" in url]) == 1
    assert not any(stranger in url for url in asked)
    await readme.dblclick()
    editor = ide.locator("#theia-main-content-panel .monaco-editor .view-lines:visible")
    await editor.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text("saved in a frame\n")
    await page.keyboard.press("Control+s")
    await expect(ide.locator(".lm-TabBar-tab.theia-mod-dirty")).to_have_count(0)
    async with channel(bridge) as client:
        assert await content(client, "/workspace/README.md") == b"saved in a frame\n"
    await page.screenshot(path=SHOTS / "embedding.png")

    # Without an answer it says so, and goes on with the next one.
    await page.route("**/token", lambda route: route.abort())
    bar = ide.get_by_role("alert").filter(has_text="gives it no access token")
    await expect(bar).to_be_visible(timeout=READY)
    await page.screenshot(path=SHOTS / "embedding-no-token.png")
    await page.unroute("**/token")
    await bar.get_by_role("button").click()
    await expect(bar).to_have_count(0)
    await expect(ide.locator("#theia-statusBar")).not_to_contain_text("Offline")


async def test_no_other_page_can_show_it(browser: Browser, bridge: Server, sites: list[str]) -> None:
    page: Page = await (await browser.new_context()).new_page()
    async with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        await page.goto(sites[1])
    (frame,) = page.main_frame.child_frames
    await frame.wait_for_url(re.compile("^chrome-error:"))
    token = (await bridge.login(EMAIL)).access_token
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.url}/theia/?token={token}") as response:
        policy = response.headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors 'self' {sites[0]}")
