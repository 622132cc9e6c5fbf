"""The page of the REST API: it shows the document, and its requests are made by whoever has signed in."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import SHOTS
from tests.process import PASSWORD, Server


async def signed_in(browser: Browser, server: Server) -> Page:
    """A page of a browser in which Ada has signed in."""
    await server.register("ada@example.com")
    context = await browser.new_context(viewport={"width": 1280, "height": 1000})
    page = await context.new_page()
    await page.goto(f"{server.url}/login?next=%2Fapi%2Fv5%2Fdocs")
    await page.get_by_label("E-mail address").locator("visible=true").fill("ada@example.com")
    await page.get_by_label("Password", exact=True).locator("visible=true").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/api/v5/docs")
    return page


async def test_the_api_is_shown_and_tried_out(browser: Browser, server: Server) -> None:
    anonymous = await browser.new_page()
    errors: list[str] = []
    anonymous.on("pageerror", lambda error: errors.append(str(error)))
    await anonymous.goto(f"{server.url}/api/v5/docs")
    await expect(anonymous.get_by_role("link", name="Sign in")).to_be_visible()
    await expect(anonymous.get_by_text("/api/v5/auth/login", exact=True)).to_be_visible()

    page = await signed_in(browser, server)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.reload()
    await expect(page.get_by_role("status")).to_contain_text("Signed in as Ada (ada@example.com, owner)")
    await page.screenshot(path=SHOTS / "api.png")
    path = page.get_by_text("/api/v5/users/me", exact=True)
    operation = page.locator(".opblock-put").filter(has=path)
    await operation.locator(".opblock-summary-control").click()
    await operation.locator("textarea.body-param__text").fill(
        '{"email": "ada@example.com", "name": "Augusta Ada"}'
    )
    await operation.get_by_role("button", name="Execute").click()
    await expect(operation.locator(".live-responses-table")).to_contain_text("Augusta Ada")
    await operation.scroll_into_view_if_needed()
    await page.screenshot(path=SHOTS / "api-tried.png")
    assert errors == []
    assert asked
    assert all(url.startswith((f"{server.url}/", "data:")) for url in asked)
