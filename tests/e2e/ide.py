"""The IDE as a user's hands and eyes meet it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

from playwright.async_api import ConsoleMessage, Locator, Page, TimeoutError, expect

from tests.process import PASSWORD

READY = 30_000
"""Milliseconds the IDE may take to show its files on a busy machine."""


class Ide:
    """One browser page on the IDE."""

    def __init__(self, page: Page, url: str, shots: Path) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self._shots = shots
        self._started = asyncio.Event()
        page.on("console", self._hear)
        page.on("domcontentloaded", lambda _: self._started.clear())
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        # Theia's own word that every contribution has started: before it, keys and drops may go nowhere.
        if message.text.endswith("to 'ready'."):
            self._started.set()
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    async def register(self, email: str = "ada@example.com", name: str = "Ada Lovelace") -> None:
        """Fills in the registration form and waits for the files."""
        await self.page.goto(f"{self.url}/login")
        await (
            self.page.get_by_role("button", name="Create an account")
            .or_(self.page.get_by_role("link", name="Create an account"))
            .click()
        )
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_label("E-mail address").locator("visible=true").fill(email)
        await self.page.get_by_label("Password", exact=True).locator("visible=true").fill(PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.ready()

    async def sign_in(self, email: str = "ada@example.com", *, files: bool = True) -> None:
        """Fills in the login form and waits for the files, or only until the IDE has started."""
        await self.page.goto(f"{self.url}/login")
        await self.page.get_by_label("E-mail address").locator("visible=true").fill(email)
        await self.page.get_by_label("Password", exact=True).locator("visible=true").fill(PASSWORD)
        await self.page.keyboard.press("Enter")
        await (self.ready() if files else self.started())

    async def started(self) -> None:
        """Waits until the IDE has started, whatever view it shows."""
        async with asyncio.timeout(READY / 1000):
            await self._started.wait()
        await expect(self.page.locator(".theia-preload")).to_have_count(0, timeout=READY)

    async def ready(self) -> None:
        """Waits until the IDE has started and the explorer shows files."""
        await self.started()
        await expect(self.nodes().first).to_be_visible(timeout=READY)

    def nodes(self) -> Locator:
        """What the explorer shows."""
        return self.page.locator("#explorer-view-container .theia-TreeNode:visible")

    def node(self, name: str) -> Locator:
        """The explorer's row of a file or folder."""
        exact = re.compile(f"^{re.escape(name)}$")
        segment = self.page.locator(".theia-TreeNodeSegmentGrow", has_text=exact)
        return self.page.locator("#explorer-view-container .theia-TreeNode").filter(has=segment)

    def editor(self) -> Locator:
        """The text of the editor in front."""
        return self.page.locator("#theia-main-content-panel .monaco-editor .view-lines:visible")

    def status(self) -> Locator:
        """The status bar."""
        return self.page.locator("#theia-statusBar")

    async def command(self, label: str) -> None:
        """Runs a command from the palette."""
        palette = self.page.locator(".quick-input-widget:visible")
        # The files are shown before the keys are bound: a key pressed too early does nothing.
        async with asyncio.timeout(READY / 1000):
            while not await palette.count():
                await self.page.keyboard.press("F1")
                with contextlib.suppress(TimeoutError):
                    await palette.wait_for(timeout=2000)
        await palette.locator("input").first.fill(f">{label}")
        await palette.locator(".monaco-list-row", has_text=label).first.click()

    async def context(self, name: str | None, item: str) -> None:
        """Chooses an item of the context menu of an explorer row, or (None) of the empty space below."""
        exact = re.compile(f"^{re.escape(item)}$")
        label = self.page.locator(".lm-Menu-itemLabel:visible", has_text=exact)
        # While the workbench settles, a click may close the menu it has just opened: then again.
        async with asyncio.timeout(READY / 1000):
            while True:
                if name is None:
                    await self._click_below_the_rows()
                else:
                    await self.node(name).click(button="right")
                try:
                    return await label.click(timeout=2000)
                except TimeoutError:
                    await self.page.keyboard.press("Escape")

    async def _click_below_the_rows(self) -> None:
        tree = self.page.locator("#explorer-view-container .theia-TreeContainer").last
        box = await tree.bounding_box()
        assert box is not None
        await self.page.mouse.click(
            box["x"] + box["width"] / 2, box["y"] + box["height"] - 30, button="right"
        )

    async def drag(self, name: str, target: str) -> None:
        """Drags a row of the explorer onto another."""
        mouse = self.page.mouse
        await self.node(name).hover()
        await mouse.down()
        # Chromium begins a drag only after the pointer has moved a few steps.
        box = await self.node(target).bounding_box()
        assert box is not None
        await mouse.move(box["x"] + 40, box["y"] + box["height"] / 2, steps=8)
        await self.node(target).hover()
        await mouse.up()

    async def drop(self, *paths: Path) -> None:
        """Drops files or folders of the disk into the explorer."""
        box = await self.page.locator("#explorer-view-container .theia-TreeContainer").bounding_box()
        assert box is not None
        devtools = await self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 19}
        at = {"x": box["x"] + 60, "y": box["y"] + box["height"] - 60}
        for kind in ("dragEnter", "dragOver", "drop"):
            await devtools.send("Input.dispatchDragEvent", {"type": kind, "data": data, **at})
        await devtools.detach()

    def notification(self, text: str | re.Pattern[str]) -> Locator:
        """A message that is shown."""
        return self.page.locator(".theia-notification-toasts .theia-notification-list-item", has_text=text)

    async def answer(self, text: str) -> None:
        """Fills in the dialog in front and confirms it."""
        dialog = self.page.locator(".dialogBlock:visible")
        await dialog.locator("input").fill(text)
        await dialog.locator("button.main").click()
        await expect(dialog).to_have_count(0)

    async def confirm(self) -> None:
        """Says yes to the dialog in front."""
        dialog = self.page.locator(".dialogBlock:visible")
        await dialog.locator("button.main").click()
        await expect(dialog).to_have_count(0)

    async def open(self, name: str) -> None:
        """Opens a file from the explorer."""
        await self.node(name).dblclick()
        await expect(self.tab(name)).to_be_visible()
        await expect(self.editor()).to_be_visible()

    def tab(self, name: str) -> Locator:
        """The editor's tab."""
        return self.page.locator("#theia-main-content-panel .lm-TabBar-tab", has_text=name)

    def dirty(self, name: str) -> Locator:
        """The tab of an editor with unsaved edits."""
        return self.page.locator("#theia-main-content-panel .lm-TabBar-tab.theia-mod-dirty", has_text=name)

    async def type(self, text: str) -> None:
        """Replaces the whole text of the editor in front."""
        await self.editor().click()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)

    async def save(self, name: str) -> None:
        """Saves the editor in front and waits until it is saved."""
        await self.page.keyboard.press("Control+s")
        await expect(self.dirty(name)).to_have_count(0)

    async def shot(self, name: str) -> None:
        """Keeps a screenshot as build output."""
        self._shots.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=self._shots / f"{name}.png")
