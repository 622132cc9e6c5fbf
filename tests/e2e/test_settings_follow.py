"""What a user has set and left open is there in another browser, while the first is open too."""

from __future__ import annotations

import asyncio
import json

from playwright.async_api import Locator, Page, expect

from rpc.client import Client
from tests.e2e.conftest import NewIde
from tests.e2e.ide import READY
from tests.e2e.test_files import channel, content, put
from tests.e2e.test_search import found, look_for
from tests.process import Server
from theia_bridge.methods.protocol import DidChange, Watch, WatchParams, WorkspaceInfo

KEYMAP = [{"command": "theia-bridge.trash.show", "keybinding": "ctrl+alt+t"}]


def palette(page: Page) -> Locator:
    return page.locator(".quick-input-widget:visible")


async def pick(page: Page, text: str) -> None:
    await palette(page).locator(".monaco-list-row", has_text=text).first.click()


async def stored(client: Client, what: str, text: bytes) -> None:
    """Returns when that is part of what the IDE remembers of the session."""
    session = (await client.call("workspace.info", None, WorkspaceInfo)).session
    path = f"/home/.theia/storage/{session}/{what}.json"
    told = client.notifications({"fs.didChange": DidChange})
    await client.call("fs.watch", WatchParams(path=path), Watch)
    async with asyncio.timeout(READY / 1000):
        while text not in (await content(client, path) or b""):
            await anext(told)


async def test_settings_layout_and_histories_are_there_in_another_browser(
    new_ide: NewIde, server: Server
) -> None:
    first = await new_ide()
    await first.register()
    async with channel(server) as client:
        for name in ("notes.txt", "needle.txt"):
            await put(client, f"/workspace/{name}", b"a needle in the hay\n")
        await put(client, "/home/.theia/keymaps.json", json.dumps(KEYMAP).encode())
    page = first.page
    await page.keyboard.press("Control+Shift+f")
    await found(first, "hay")
    field = page.locator("#search-input-field")
    async with asyncio.timeout(READY / 1000):
        while await field.input_value():  # it goes behind what is remembered, once "hay" is
            await field.press("ArrowDown")
    await look_for(first, "needle")
    await expect(page.locator("#search-in-workspace .match", has_text="needle")).to_have_count(2)
    await first.command("Preferences: Color Theme")
    await pick(page, "Dark (Theia)")
    await expect(page.locator("body.theia-dark")).to_be_visible()
    for name in ("notes.txt", "needle.txt"):
        await page.keyboard.press("Control+p")
        await palette(page).locator("input").first.fill(name)
        await pick(page, name)
        await expect(first.tab(name)).to_be_visible()
    await page.locator("#status-bar-problem-marker-status").click()
    await expect(page.locator("#problems")).to_be_visible()
    async with page.expect_event("close"):
        await page.close(run_before_unload=True)

    second = await new_ide()
    await second.sign_in(files=False)
    page = second.page
    await expect(page.locator("body.theia-dark")).to_be_visible()
    for name in ("notes.txt", "needle.txt"):
        await expect(second.tab(name)).to_be_visible()
    await expect(page.locator("#problems")).to_be_visible()
    # What was searched for, and before.
    field = page.locator("#search-input-field")
    await expect(field).to_have_value("needle")
    async with asyncio.timeout(READY / 1000):
        while await field.input_value():  # behind what is remembered, once the field has it back
            await field.press("End")
            await field.press("ArrowDown")
        while await field.input_value() != "hay":  # "needle" is between, if it was remembered in time
            await field.press("Home")
            await field.press("ArrowUp")
    # The commands and files used last come first.
    await page.keyboard.press("F1")
    await expect(palette(page).locator(".monaco-list-row").first).to_contain_text("Color Theme")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+p")
    await expect(palette(page).locator(".monaco-list-row").first).to_contain_text("needle.txt")
    await page.keyboard.press("Escape")
    # A key of the user's own.
    await page.keyboard.press("Control+Alt+t")
    await expect(page.locator("#theia-bridge-trash")).to_be_visible()

    # While that one is open, a third goes on with what is open in it now.
    await second.open("README.md")
    async with channel(server) as client:
        await stored(client, "layout", b"README.md")
        await put(client, "/workspace/later.txt", b"")
    third = await new_ide()
    await third.sign_in(files=False)
    await expect(third.tab("README.md")).to_be_visible()

    # The window that was left for it still knows which editor was closed last.
    page = second.page
    await page.evaluate("window.dispatchEvent(new Event('blur'))")
    await second.open("later.txt")
    await second.tab("later.txt").locator(".lm-TabBar-tabCloseIcon").click()
    await expect(second.tab("later.txt")).to_have_count(0)
    await second.command("Reopen Closed Editor")
    await expect(second.tab("later.txt")).to_be_visible()
