"""The terminal in the IDE: a real shell, and the same one after the page was loaded again."""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect

from tests.e2e.ide import Ide


def titled(ide: Ide, title: str) -> Locator:
    """The tab of a terminal. A shell gives it a title by its output, which the page has to understand."""
    return ide.page.locator("#theia-bottom-content-panel .lm-TabBar-tab", has_text=re.compile(f"^{title}$"))


async def run(ide: Ide, command: str) -> None:
    """Types a command into the terminal in front."""
    await expect(ide.page.locator(".quick-input-widget:visible")).to_have_count(0)
    await ide.page.locator(".terminal-container:visible .xterm-screen").click()
    await expect(ide.page.locator(".terminal-container:visible textarea")).to_be_focused()
    await ide.page.keyboard.type(command)
    await ide.page.keyboard.press("Enter")


async def test_a_shell_answers_and_outlives_the_page(ide: Ide) -> None:
    await ide.register()
    await ide.command("Terminal: Create New Terminal")
    await run(ide, "number=7; echo $((6*number)); printf '\\e]0;answer-%s\\a' $((6*number))")
    await expect(titled(ide, "answer-42")).to_be_visible()
    await ide.shot("terminal")
    await ide.page.reload()
    await ide.ready()
    await run(ide, "printf '\\e]0;still-%s\\a' $number")
    await expect(titled(ide, "still-7")).to_be_visible()
    await ide.shot("terminal-reloaded")
    await run(ide, "exit")
    await expect(ide.page.locator(".terminal-container")).to_have_count(0)
    assert ide.errors == []
