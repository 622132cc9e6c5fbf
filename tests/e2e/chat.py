"""Theia's chat as a user's hands and eyes meet it."""

from __future__ import annotations

from playwright.async_api import Locator, expect

from tests.e2e.ide import READY, Ide


class ChatView:
    """The chat of an IDE."""

    def __init__(self, ide: Ide) -> None:
        self.ide = ide
        self.page = ide.page
        self.view = ide.page.locator(".chat-view-widget")
        self.input = self.view.locator(".chat-input-widget .monaco-editor").last
        self.stop = self.view.locator(".codicon-stop-circle")

    async def open(self) -> None:
        """Opens the view, if it is not open."""
        if not await self.view.is_visible():
            await self.page.locator(
                "#theia-right-content-panel .lm-TabBar-tab, .theia-app-right .lm-TabBar-tab"
            ).first.click()
            # Its tooltip would cover what is below.
            await self.page.mouse.move(400, 400)
        await expect(self.input).to_be_visible(timeout=READY)
        await expect(self.view.get_by_role("heading", name="What would you like to know?")).to_be_visible()

    async def say(self, text: str) -> None:
        """Types a request and sends it."""
        await self.input.click()
        await self.page.keyboard.insert_text(text)
        await self.page.keyboard.press("Enter")

    def requests(self) -> Locator:
        """What was asked, as it is shown."""
        return self.view.locator(".theia-RequestNode")

    def responses(self) -> Locator:
        """What was answered, as it is shown."""
        return self.view.locator(".theia-ResponseNode")

    def listed(self, title: str) -> Locator:
        """A chat in the list of those there are."""
        return self.view.locator(".theia-bridge-chat-open", has_text=title)

    async def resume(self, title: str) -> None:
        """Opens a chat from that list."""
        await self.open()
        await self.listed(title).click()

    async def edit(self, text: str, instead: str) -> None:
        """Asks something else in place of what was asked."""
        request = self.view.locator(".theia-ChatNode", has_text=text).first
        await request.hover()
        await request.get_by_title("Edit").click()
        editor = request.locator(".monaco-editor")
        await editor.click()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(instead)
        await self.page.keyboard.press("Enter")
