"""No serious violation in what is ours, in light and in dark."""

from __future__ import annotations

from typing import Literal

from playwright.async_api import Browser, expect

from tests.e2e.accessibility import violations
from tests.e2e.conftest import SHOTS
from tests.e2e.ide import Ide
from tests.process import Server

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
THEIAS_OWN = (
    ".lm-TabBar",
    ".theia-breadcrumb-item",
    "#status-bar-editor-language-status-items",
    "#status-bar-theia-notification-center",
)
"""Tabs without their role, paths of too little contrast in light, and labels on what has no role."""


async def test_what_is_ours_has_no_serious_violation(browser: Browser, server: Server) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    ide = Ide(await context.new_page(), server.url, SHOTS)
    page = ide.page
    for path in ("/login?register", "/login"):
        await page.goto(server.url + path)
        await page.keyboard.press("Enter")  # empty, so that it tells what is wrong
        await expect(page.locator("[aria-invalid]")).not_to_have_count(0)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            assert await violations(page) == [], (path, scheme)

    await ide.register()
    await ide.open("README.md")
    await ide.context("README.md", "Delete")
    await ide.confirm()
    for theme in ("Light (Theia)", "Dark (Theia)"):
        await ide.command("Preferences: Color Theme")
        await page.locator(".quick-input-widget:visible .monaco-list-row", has_text=theme).first.click()
        await expect(page.locator(".quick-input-widget:visible")).to_have_count(0)
        await ide.command("Trash: Show Trash")
        await expect(page.locator("#theia-bridge-trash")).to_contain_text("README.md")
        assert await violations(page, exclude=THEIAS_OWN) == [], theme
        await ide.command("Sessions: Show Sessions")
        await expect(page.locator("#theia-bridge-sessions").get_by_role("row").first).to_be_visible()
        assert await violations(page, exclude=THEIAS_OWN) == [], theme

    await page.goto(f"{server.url}/console/")
    await expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        assert await violations(page) == [], ("/console", scheme)
