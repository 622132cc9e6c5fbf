"""Signing up, in and out in a browser."""

from __future__ import annotations

import re

import aiohttp
from playwright.async_api import expect

from tests.e2e.ide import Ide
from tests.process import Server


async def test_from_the_address_to_the_files(ide: Ide) -> None:
    await ide.page.goto(ide.url)
    await expect(ide.page).to_have_url(re.compile("/login"))
    await ide.shot("login")
    await ide.register()
    await expect(ide.page).to_have_url(re.compile("/theia/"))
    await expect(ide.node("README.md")).to_be_visible()
    await expect(ide.status()).to_contain_text("Ada Lovelace")
    await ide.open("README.md")
    await expect(ide.editor()).to_contain_text("Welcome")
    await ide.shot("first-visit")
    assert ide.errors == []


async def test_the_login_form_tells_what_is_wrong(ide: Ide, server: Server) -> None:
    await server.register("ada@example.com")
    await ide.page.goto(f"{ide.url}/login")
    await ide.page.get_by_label("E-mail address").locator("visible=true").fill("ada@example.com")
    await ide.page.get_by_label("Password", exact=True).locator("visible=true").fill("wrong password")
    await ide.page.keyboard.press("Enter")
    await expect(ide.page.get_by_role("alert").locator("visible=true").first).to_contain_text("Wrong")
    await ide.shot("login-error")
    await ide.sign_in()


async def test_dark_login(ide: Ide) -> None:
    await ide.page.emulate_media(color_scheme="dark")
    await ide.page.goto(f"{ide.url}/login")
    background = await ide.page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", background)[:3])
    assert red + green + blue < 3 * 80
    await ide.shot("login-dark")


async def test_no_asset_without_a_token(ide: Ide) -> None:
    await ide.register()
    assets = await ide.page.evaluate(
        "performance.getEntriesByType('resource').map(e => e.name).filter(n => n.includes('/theia/'))"
    )
    assert len(assets) > 2
    async with aiohttp.ClientSession() as http:
        for asset in [f"{ide.url}/theia/", f"{ide.url}/theia/index.html", *assets]:
            async with http.get(asset) as response:
                assert response.status == 401, asset


async def test_signing_out_leads_to_the_login_page(ide: Ide) -> None:
    await ide.register()
    await ide.command("Sign Out")
    await ide.confirm()
    await expect(ide.page).to_have_url(re.compile("/login"))
    await ide.page.goto(f"{ide.url}/theia/")
    await expect(ide.page).to_have_url(re.compile("/login"))
