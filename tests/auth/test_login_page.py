"""The login page in Chromium, against the whole server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, async_playwright, expect

from auth.service import RegistrationMode
from theia_bridge import users
from theia_bridge.app import create_app
from theia_bridge.config import Settings

pytestmark = pytest.mark.e2e

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a server with a one-line IDE; a test's parameter says who may register.

    Ada has an account already where that is not everybody.
    """
    (tmp_path / "ide").mkdir()
    (tmp_path / "ide" / "index.html").write_text(
        "<!doctype html><title>IDE</title><link rel=icon href=data:,>"
    )
    mode: RegistrationMode = getattr(request, "param", "open")
    settings = Settings(
        store=f"embedded:{tmp_path / 'store'}",
        keys=tmp_path / "keys",
        ide=tmp_path / "ide",
        registration=mode,
    )
    if mode != "open":
        await users.add(settings, "ada@example.com", "Ada Lovelace", "correct horse")
    async with TestServer(await create_app(settings)) as running:
        yield str(running.make_url("")).rstrip("/")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        # A Chromium of the system where there is one, else the one Playwright installed.
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = await browser.new_page()
        page.set_default_timeout(15_000)
        yield page
        await browser.close()


async def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        await page.fill(f"#{name}", value)


async def test_registering_and_signing_in_lead_where_one_wanted_to_go(server: str, page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(f"{server}/theia/?folder=a")
    await page.get_by_role("link", name="Create an account").click()
    await expect(page.get_by_label("Your name")).to_be_focused()
    for text in ("Ada Lovelace", "ada@example.com", "correct horse"):  # by keyboard alone
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.get_by_label("Password", exact=True).press("Enter")
    await page.wait_for_url(f"{server}/theia/?folder=a")

    # The short-lived cookie is gone after a while: the sign-in goes on by itself.
    await page.context.clear_cookies(name="theia_bridge_access")
    await page.goto(f"{server}/theia/?folder=b")
    await page.wait_for_url(f"{server}/theia/?folder=b")

    await page.context.clear_cookies()
    await page.evaluate("localStorage.clear()")
    await page.goto(f"{server}/theia/?folder=c")
    await fill(page, email="ada@example.com", password="correct horse")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{server}/theia/?folder=c")
    assert problems == []


async def test_errors_appear_in_place_and_move_nothing(server: str, page: Page) -> None:
    await page.goto(f"{server}/login")
    button = page.get_by_role("button", name="Sign in")
    before = await button.bounding_box()
    await button.click()
    await expect(page.get_by_label("E-mail address")).to_be_focused()
    await expect(page.get_by_label("E-mail address")).to_have_accessible_description(
        "Enter your e-mail address."
    )
    await fill(page, email="nobody@example.com", password="wrong horse")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Wrong e-mail address or password.")
    await expect(page.get_by_label("Password", exact=True)).to_be_focused()
    await expect(page.get_by_label("E-mail address")).to_have_accessible_description("")
    assert await button.bounding_box() == before


async def test_what_the_server_refuses_is_shown_at_its_field(server: str, page: Page) -> None:
    form = {"name": "Ada", "email": "ada@example.com", "password": "correct horse"}
    assert (await page.request.post(f"{server}/api/v5/auth/register", data=form)).status == 201
    await page.goto(f"{server}/login?register")
    await fill(page, **form)
    await page.keyboard.press("Enter")
    email = page.get_by_label("E-mail address")
    await expect(email).to_have_accessible_description("This e-mail address has an account already.")
    await expect(email).to_be_focused()


async def test_the_password_can_be_shown_and_is_hidden_when_sent(server: str, page: Page) -> None:
    await page.goto(f"{server}/login")
    password = page.get_by_label("Password", exact=True)
    await password.fill("correct horse")
    await page.get_by_role("button", name="Show password").click()
    await expect(password).to_have_attribute("type", "text")
    await page.get_by_role("button", name="Sign in").click()
    await expect(password).to_have_attribute("type", "password")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/%09/evil.example/",
        "/x/..//evil.example/",
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_sent_to_another_site(server: str, page: Page, target: str) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    await page.goto(f"{server}/login?register&next={target}")
    await fill(page, name="Ada", email="ada@example.com", password="correct horse")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert all(url.startswith((f"{server}/", "data:")) for url in requested)
    assert page.url.startswith(f"{server}/")


async def test_the_page_allows_no_foreign_or_inline_script(server: str, page: Page) -> None:
    response = await page.goto(f"{server}/login")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("server", "told"),
    [("invitation", "Ask somebody who has an account to invite you."), ("closed", "made by the operator")],
    indirect=["server"],
)
async def test_the_form_tells_who_cannot_register(server: str, page: Page, told: str) -> None:
    await page.goto(f"{server}/login?register")
    await expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    await expect(page.get_by_label("Your name")).to_be_hidden()
    await expect(page.get_by_role("link")).to_have_count(0)
    await expect(page.get_by_text(told)).to_be_visible()
    await page.goto(f"{server}/login?invitation=nonsense")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("E-mail address")).to_be_focused()
    await fill(page, email="ada@example.com", password="correct horse")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{server}/theia/")


@pytest.mark.parametrize("server", ["invitation"], indirect=True)
async def test_an_invitation_leads_into_the_tenant_by_keyboard_alone(server: str, page: Page) -> None:
    form = {"email": "ada@example.com", "password": "correct horse"}
    signed_in = await (await page.request.post(f"{server}/api/v5/auth/login", data=form)).json()
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    made = await page.request.post(
        f"{server}/api/v5/tenants/me/invitations", data={"email": "Bob@example.com"}, headers=headers
    )
    link = server + (await made.json())["link"]
    await page.context.clear_cookies()

    await page.goto(link)
    await expect(page.get_by_role("heading", name="Join Ada Lovelace")).to_be_visible()
    await expect(page.get_by_text("You are invited as a member.")).to_be_visible()
    await expect(page.get_by_label("E-mail address")).to_have_value("Bob@example.com")
    await expect(page.get_by_label("E-mail address")).not_to_be_editable()
    await page.get_by_role("link", name="Sign in").click()
    await expect(page.get_by_label("E-mail address")).to_be_editable()
    await page.get_by_role("link", name="Accept your invitation").press("Enter")
    await expect(page.get_by_label("Your name")).to_be_focused()
    await page.keyboard.type("Bob")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.type("battery staple")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{server}/theia/")
    members = await page.request.get(f"{server}/api/v5/tenants/me/members", headers=headers)
    assert {(one["name"], one["role"]) for one in (await members.json())["items"]} == {
        ("Ada Lovelace", "owner"),
        ("Bob", "member"),
    }

    await page.goto(link)
    await expect(page.get_by_role("alert")).to_have_text(
        "This invitation is not valid any more. Ask for a new one."
    )
    await expect(page.get_by_role("link")).to_have_count(0)
