"""Sessions in the IDE: made, found, forked and deleted, and each window in its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.e2e.conftest import CHROMIUM, FLAGS, SHOTS
from tests.e2e.ide import READY, Ide
from tests.e2e.test_terminal import run
from tests.process import Server

_numbers = itertools.count()

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("sessions")
    running = Server(folder, f"embedded:{folder / 'store'}")
    await running.start()
    yield running
    await running.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def ide(shared_browser: Browser, shared_server: Server) -> AsyncIterator[Ide]:
    """A page of somebody new, in a browser profile of its own."""
    context = await shared_browser.new_context(viewport={"width": 1280, "height": 800})
    made = Ide(await context.new_page(), shared_server.url, SHOTS)
    await made.register(f"ada{next(_numbers)}@example.com")
    yield made
    await context.close()


def view(ide: Ide) -> Locator:
    return ide.page.locator("#theia-bridge-sessions")


def rows(ide: Ide) -> Locator:
    return view(ide).get_by_role("grid", name="Sessions", exact=True).get_by_role("row")


def row(ide: Ide, name: str) -> Locator:
    exact = re.compile(f"^{re.escape(name)}$")
    return rows(ide).filter(has=ide.page.locator(".theia-bridge-session-label", has_text=exact))


def session_of(page: Page) -> str:
    match = re.search(r"[?&]session=([0-9a-f]+)", page.url)
    assert match, page.url
    return match[1]


async def show(ide: Ide) -> None:
    await ide.command("Sessions: Show Sessions")
    await expect(rows(ide).first).to_be_visible()


async def fill(ide: Ide, *, action: str, **fields: str) -> None:
    """Fills in the dialog in front and confirms it."""
    dialog = ide.page.get_by_role("dialog")
    for label, text in fields.items():
        await dialog.get_by_label(re.compile(label, re.IGNORECASE)).fill(text)
    await dialog.get_by_role("button", name=action, exact=True).click()
    await expect(dialog).to_have_count(0)


async def create(ide: Ide, name: str, **fields: str) -> None:
    await ide.command("Sessions: New...")
    await fill(ide, action="Create", name=name, **fields)
    await expect(row(ide, name)).to_be_visible()


async def another(ide: Ide, session: str) -> Ide:
    """Another window of the same browser."""
    window = Ide(await ide.page.context.new_page(), ide.url, SHOTS)
    await window.page.goto(f"{ide.url}/theia/?session={session}")
    return window


async def test_made_found_and_changed(ide: Ide) -> None:
    await show(ide)
    await expect(row(ide, "My workspace")).to_have_attribute("aria-current", "true")
    await expect(ide.status()).to_contain_text("My workspace")
    await expect(ide.page).to_have_title(re.compile("My workspace"))

    # What is wrong is said in the dialog, which stays.
    await ide.command("Sessions: New...")
    dialog = ide.page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("x" * 201)
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("at most 200 characters")
    await fill(ide, action="Create", name="Compiler", tags="lang, rust", description="A small language")
    await create(ide, "Grammar notes", tags="lang")
    await create(ide, "Taxes")
    await ide.page.mouse.move(900, 500)
    await ide.shot("sessions-light")

    # By the keyboard.
    await row(ide, "Taxes").click()
    await ide.page.keyboard.press("F2")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await fill(ide, action="Save", name="Taxes 2026", tags="money")
    await expect(row(ide, "Taxes 2026")).to_contain_text("money")
    search = view(ide).get_by_role("searchbox")
    await search.fill("LANG small")
    await expect(rows(ide)).to_have_count(1)
    await expect(row(ide, "Compiler")).to_be_visible()
    await search.fill("nothing like it")
    await expect(view(ide)).to_contain_text("No session has this")
    await search.fill("")
    await row(ide, "Compiler").get_by_text("lang", exact=True).click()
    await expect(rows(ide)).to_have_count(2)
    await view(ide).get_by_role("button", name="lang: Show all tags").click()
    await expect(rows(ide)).to_have_count(4)

    # Renamed in another window, and here at once.
    window = await another(ide, session_of(ide.page))
    await window.started()
    await show(window)
    await row(window, "My workspace").click()
    await window.page.keyboard.press("F2")
    await fill(window, action="Save", name="Home base")
    await expect(ide.status()).to_contain_text("Home base")
    await expect(ide.page).to_have_title(re.compile("Home base"))
    await expect(row(ide, "Home base")).to_have_attribute("aria-current", "true")

    # Recent workspaces are recent sessions.
    await ide.command("Open Recent Workspace...")
    await expect(ide.page.locator(".quick-input-widget:visible .monaco-list-row")).to_have_count(3)
    await ide.page.keyboard.press("Escape")
    assert ide.errors == window.errors == []


async def test_a_fork_goes_its_own_way(ide: Ide) -> None:
    await ide.open("README.md")
    await ide.type("the same\n")
    await ide.save("README.md")
    parent = session_of(ide.page)
    await show(ide)
    await ide.command("Sessions: Fork This Session...")
    await fill(ide, action="Fork", name="Second try")
    forked = ide.notification("Second try")
    await expect(forked).to_be_visible()

    # In this window: the layout is kept for the one that is left.
    await forked.get_by_role("button", name="Open", exact=True).click()
    await expect(ide.page).to_have_title(re.compile("Second try"), timeout=READY)
    await ide.ready()
    fork = session_of(ide.page)
    assert fork != parent
    await ide.open("README.md")
    await expect(ide.editor()).to_contain_text("the same")

    # The other beside it, by its address; both have the file open and are edited in turns.
    window = await another(ide, parent)
    await window.started()
    await expect(window.tab("README.md")).to_be_visible()
    await expect(window.page).to_have_title(re.compile("README.md.*My workspace"))
    await ide.page.bring_to_front()
    await ide.type("in the fork\n")
    await ide.save("README.md")
    await window.page.bring_to_front()
    await expect(window.editor()).to_contain_text("the same")
    await window.type("in the parent\n")
    await window.save("README.md")
    for one, session, text in ((ide, fork, "in the fork"), (window, parent, "in the parent")):
        await one.page.bring_to_front()
        await one.page.reload()
        await one.started()
        assert session_of(one.page) == session
        await expect(one.editor()).to_contain_text(text, timeout=READY)

    # What is related says why.
    await ide.page.bring_to_front()
    await show(ide)
    await row(ide, "Second try").click(button="right")
    await ide.page.locator(".lm-Menu-itemLabel:visible", has_text="Show Related").click()
    related = ide.page.locator(".quick-input-widget:visible .monaco-list-row")
    await expect(related).to_contain_text("forked")
    await ide.shot("sessions-related")
    await ide.page.keyboard.press("Escape")
    assert ide.errors == window.errors == []


async def test_each_window_keeps_its_session_across_sign_in(ide: Ide) -> None:
    first = session_of(ide.page)
    me = await (await ide.page.context.request.get(f"{ide.url}/api/v5/users/me")).json()
    await show(ide)
    await create(ide, "Other")
    async with ide.page.context.expect_page() as opening:
        await row(ide, "Other").click()
        await ide.page.keyboard.press("Control+Enter")
    window = Ide(await opening.value, ide.url, SHOTS)
    await expect(window.page).to_have_title(re.compile("Other"), timeout=READY)
    second = session_of(window.page)
    assert second != first
    # So are its terminals.
    await window.started()
    await window.command("Terminal: Create New Terminal")
    await run(window, "echo there > made-in-a-terminal")
    await expect(window.node("made-in-a-terminal")).to_be_visible(timeout=READY)
    files = f"{ide.url}/api/v5/files/workspace/made-in-a-terminal?session="
    assert (await window.page.context.request.get(files + second)).ok
    assert (await window.page.context.request.get(files + first)).status == 404
    # One signs out; both are brought to the login page, and come back to what they were.
    await window.page.context.request.post(f"{ide.url}/api/v5/auth/logout", headers={"Origin": ide.url})
    for one in (ide, window):
        await expect(one.page.get_by_label("E-mail address")).to_be_visible(timeout=READY)
    await ide.page.get_by_label("E-mail address").fill(me["email"])
    await ide.page.get_by_label("Password", exact=True).fill("correct horse battery")
    await ide.page.keyboard.press("Enter")
    await ide.started()
    assert session_of(ide.page) == first
    await expect(window.page).to_have_url(re.compile(rf"next=.*session%3D{second}"))
    await window.page.goto(f"{ide.url}/theia/?session={second}")
    await expect(window.page).to_have_title(re.compile("Other"), timeout=READY)
    assert session_of(window.page) == second


async def test_deleted_and_restored(ide: Ide) -> None:
    saving = await ide.page.context.request.put(
        f"{ide.url}/api/v5/files/home/.theia/settings.json",
        data=b'{"files.autoSave": "off"}',
        headers={"Content-Type": "application/octet-stream"},
    )
    assert saving.ok
    await ide.page.reload()
    await ide.ready()
    await ide.open("README.md")
    await show(ide)
    await create(ide, "Doomed")
    await row(ide, "Doomed").click()
    await ide.page.keyboard.press("Delete")
    await ide.confirm()
    await expect(row(ide, "Doomed")).to_have_count(0)
    await view(ide).get_by_role("button", name="Deleted sessions").click()
    deleted = view(ide).get_by_role("grid", name="Deleted sessions").get_by_role("row", name="Doomed")
    await deleted.click()
    await ide.page.keyboard.press("Enter")
    await expect(row(ide, "Doomed")).to_be_visible()

    # The one that is open, with an edit that is not saved: deleted in another window.
    await ide.type("not saved yet\n")
    own = session_of(ide.page)
    async with ide.page.context.expect_page() as opening:
        await row(ide, "Doomed").click()
        await ide.page.keyboard.press("Control+Enter")
    window = Ide(await opening.value, ide.url, SHOTS)
    await expect(window.page).to_have_title(re.compile("Doomed"), timeout=READY)
    await show(window)
    await row(window, "My workspace").click()
    await window.page.keyboard.press("Delete")
    await window.confirm()
    await ide.page.bring_to_front()
    told = ide.notification("Nothing more is saved")
    await expect(told).to_be_visible(timeout=READY)
    await expect(ide.status()).to_contain_text("Session deleted")
    await ide.shot("session-gone")
    await expect(ide.dirty("README.md")).to_be_visible()
    await ide.editor().click()
    await ide.page.keyboard.press("Control+s")
    await told.get_by_role("button", name="Restore").click()
    await expect(ide.dirty("README.md")).to_have_count(0, timeout=READY)
    await expect(ide.status()).not_to_contain_text("Session deleted")
    assert session_of(ide.page) == own

    # An address whose session is gone leads to another, and says so.
    await window.page.bring_to_front()
    await row(window, "My workspace").click()
    await window.page.keyboard.press("Delete")
    await window.confirm()
    lost = await another(window, own)
    await expect(lost.notification("is not there")).to_be_visible(timeout=READY)
    await expect(lost.page).to_have_title(re.compile("Doomed"))
    assert session_of(lost.page) != own
