"""The RPC console in the browser."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.e2e.conftest import CHROMIUM, FLAGS, SHOTS, NewIde
from tests.e2e.ide import Ide
from tests.process import PASSWORD, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Console:
    """One page on the console."""

    def __init__(self, page: Page, url: str, email: str) -> None:
        self.page = page
        self.url = url
        self.email = email
        self.errors: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.on("request", lambda request: self.asked.append(request.url))

    async def open(self, fragment: str = "") -> None:
        """Goes there; whoever has not signed in does so on the way."""
        await self.page.goto(f"{self.url}/console{fragment}")
        if "/login" in self.page.url:
            await self.page.get_by_label("E-mail address").fill(self.email)
            await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
            await self.page.keyboard.press("Enter")
        await expect(self.page).to_have_url(re.compile(r"/console/(#.*)?$"))
        await expect(self.line()).to_be_visible()

    def line(self) -> Locator:
        """The call as a line."""
        return self.page.get_by_label("Call", exact=True).and_(self.page.locator("textarea"))

    def run(self) -> Locator:
        return self.page.get_by_role("button", name="Run", exact=True)

    def outcome(self) -> Locator:
        """How the last call went."""
        return self.page.locator(".outcome")

    def answer(self) -> Locator:
        return self.page.get_by_role("group", name="Answer")

    def frame(self, title: str, method: str, direction: str) -> Locator:
        """Rows of a log."""
        rows = self.page.get_by_role("table", name=title).get_by_role("row")
        return rows.filter(has_text=method).filter(has_text=direction)

    async def tab(self, name: str) -> Locator:
        """A panel, brought to the front."""
        await self.page.get_by_role("tab", name=name).click()
        return self.page.get_by_role("tabpanel", name=name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One for all tests, each of which has accounts of its own."""
    folder = tmp_path_factory.mktemp("server")
    running = Server(folder, f"embedded:{folder / 'store'}")
    await running.start()
    yield running
    await running.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests, each of which has profiles of its own."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


async def new_console(browser: Browser, server: Server, email: str) -> Console:
    """A page of a profile of its own; there is an account of that address."""
    await server.register(email)
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    return Console(await context.new_page(), server.url, email)


async def test_nobody_gets_in_without_a_token(server: Server) -> None:
    signed_in = await server.register("gate@example.com")
    async with aiohttp.ClientSession() as http:
        for path in ("/console", "/console/", "/console/index.html", "/console/nothing.js"):
            async with http.get(f"{server.url}{path}") as response:
                assert response.status == 401, path
        headers = {"Authorization": f"Bearer {signed_in.access_token}"}
        async with http.get(f"{server.url}/console/", headers=headers) as response:
            assert response.status == 200
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy


async def test_calls_by_form_and_by_line(browser: Browser, server: Server, tmp_path: Path) -> None:
    console = await new_console(browser, server, "forms@example.com")
    page = console.page
    await console.open()
    header = page.get_by_role("banner")
    await expect(header).to_contain_text("My workspace")
    await expect(header).to_contain_text("Ada · owner")
    await expect(header).to_contain_text("Connected")

    await page.keyboard.press("Escape")
    await page.get_by_role("searchbox", name="Filter methods").fill("write")
    await page.get_by_role("navigation", name="Methods").get_by_role("button", name="fs.writeFile").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("fs.writeFile")
    await page.get_by_role("button", name="fs.writeFile path=/workspace/notes.md").click()
    await expect(console.line()).to_have_value('fs.writeFile path=/workspace/notes.md content="Hello!\\n"')
    await page.get_by_role("group", name="Parameters").get_by_label("path", exact=True).fill("")
    await console.run().click()
    await expect(page.get_by_text("path is required.")).to_be_visible()
    form = page.get_by_role("group", name="Parameters of fs.writeFile")
    await form.get_by_label("path", exact=True).fill("/workspace/a b.py")
    await form.get_by_label("content", exact=True).fill("print(1)\n")
    await form.get_by_text("Optional").click()
    await form.get_by_label("overwrite").select_option("false")
    written = 'fs.writeFile path="/workspace/a b.py" content="print(1)\\n" overwrite=false'
    await expect(console.line()).to_have_value(written)
    await page.keyboard.press("Control+Enter")
    await expect(console.outcome()).to_contain_text("OK fs.writeFile")
    await expect(console.outcome()).to_contain_text("MessagePack")

    # The other way round, and in the other encoding.
    await page.get_by_text("JSON", exact=True).click()
    await console.line().fill('fs.readFile {"path": "/workspace/a b.py", "length": 5}')
    form = page.get_by_role("group", name="Parameters of fs.readFile")
    await expect(form.get_by_label("path", exact=True)).to_have_value("/workspace/a b.py")
    await expect(form.get_by_label("length", exact=True)).to_have_value("5")
    await page.keyboard.press("Enter")
    await expect(console.outcome()).to_contain_text("OK fs.readFile")
    await expect(console.outcome()).to_contain_text("JSON")
    await expect(console.answer()).to_contain_text(base64.b64encode(b"print").decode())

    await console.line().fill("fs.stat path=/workspace/missing")
    await page.keyboard.press("Enter")
    await expect(console.outcome()).to_contain_text("FileNotFound fs.stat")
    await expect(console.answer()).to_contain_text("-32002")
    await expect(console.answer()).to_contain_text(
        "Nothing is at that path, or its parent folder is missing."
    )

    await console.line().fill('fs.stat path="/workspace')
    await expect(page.get_by_text("close the quote")).to_be_visible()
    (tmp_path / "picture.bin").write_bytes(bytes(range(256)))
    await console.line().fill("fs.writeFile path=/workspace/picture.bin")
    form = page.get_by_role("group", name="Parameters of fs.writeFile")
    await form.get_by_label("How content is given").select_option("file")
    await form.get_by_label("File for content").set_input_files(tmp_path / "picture.bin")
    written = "fs.writeFile path=/workspace/picture.bin content=@picture.bin"
    await expect(console.line()).to_have_value(written)
    await page.get_by_text("MessagePack", exact=True).click()
    await console.run().click()
    await expect(console.outcome()).to_contain_text("OK fs.writeFile")
    await expect(console.answer()).to_contain_text("size: 256")
    await console.line().fill("fs.readFile path=/workspace/picture.bin")
    await page.keyboard.press("Enter")
    await expect(console.outcome()).to_contain_text("OK fs.readFile")
    await expect(console.answer()).to_contain_text("00 01 02")

    hold = '[{"role":"user","content":"echo: hold"}]'
    await console.line().fill(f"chat.complete completionId=one messages={hold}")
    await page.keyboard.press("Enter")
    await expect(console.frame("Frames of this page", "chat.didDelta", "received").first).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await expect(console.outcome()).to_contain_text("Cancelled chat.complete")

    await console.line().fill("fs.watch path=/workspace")
    await page.keyboard.press("Enter")
    await expect(console.outcome()).to_contain_text("OK fs.watch")
    await console.line().fill("fs.createDirectory path=/workspace/folder")
    await page.keyboard.press("Enter")
    changed = console.frame("Frames of this page", "fs.didChange", "notification received")
    await expect(changed).to_be_visible()
    seen = console.frame("Frames of this page", "fs.readFile", "request sent").first
    await seen.get_by_role("button").click()
    await page.get_by_role("button", name="Edit as a call").click()
    again = 'fs.readFile path="/workspace/a b.py" length=5'
    await expect(console.line()).to_have_value(again)
    await page.screenshot(path=SHOTS / "console.png")
    assert console.errors == []
    assert all(re.match(rf"{console.url}/|data:|blob:", url) for url in console.asked)


async def test_the_log_shows_frames_and_no_token(browser: Browser, server: Server) -> None:
    console = await new_console(browser, server, "log@example.com")
    page = console.page
    await console.open()
    token = (await server.login(console.email)).access_token
    await console.line().fill(f"auth.renew token={token}")
    await page.keyboard.press("Enter")
    await expect(console.outcome()).to_contain_text("auth.renew")
    log = await console.tab("Log")
    sent = console.frame("Frames of this page", "auth.renew", "request sent")
    await sent.get_by_role("button").click()
    await expect(log).to_contain_text('token: "***"')
    history = await console.tab("History")
    await expect(history).to_contain_text("auth.renew token=***")
    await history.get_by_role("button", name="Add all to script").click()
    script = page.get_by_role("textbox", name="Script")
    await expect(script).to_have_value("auth.renew token=***\n")
    body = await page.locator("main").inner_text()
    assert token.rpartition(".")[2] not in body

    log = await console.tab("Log")
    await log.get_by_role("button", name="Pause").click()
    await console.line().fill("fs.stat path=/workspace")
    await page.keyboard.press("Enter")
    await expect(console.outcome()).to_contain_text("OK fs.stat")
    stat = console.frame("Frames of this page", "fs.stat", "sent")
    await expect(stat).to_have_count(0)
    await log.get_by_role("button", name="Go on").click()
    await expect(stat).to_have_count(1)
    await log.get_by_role("searchbox").fill("fs.stat")
    await expect(sent).to_have_count(0)
    await expect(console.frame("Frames of this page", "fs.stat", "received")).to_have_count(1)
    await log.get_by_role("button", name="Clear").click()
    await expect(stat).to_have_count(0)
    assert console.errors == []


async def test_a_script_is_given_by_link_and_is_not_run_by_itself(browser: Browser, server: Server) -> None:
    console = await new_console(browser, server, "script@example.com")
    page = console.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await console.open()
    panel = await console.tab("Script")
    script = panel.get_by_role("textbox", name="Script")
    await script.fill(
        "# makes a folder\n"
        "-fs.stat path=/workspace/made\n"
        "fs.createDirectory path=/workspace/made\n"
        "source other.rpc\n"
        "repeat 3 rpc.ping\n"
        "fs.stat path=/workspace/nowhere\n"
        "fs.createDirectory path=/workspace/never\n"
    )
    async with page.expect_download() as saved:
        await panel.get_by_role("button", name="Save").click()
    kept = await asyncio.to_thread((await (await saved.value).path()).read_text)
    assert kept == await script.input_value()
    await panel.get_by_role("button", name="Copy link").click()
    await expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    link = str(await page.evaluate("navigator.clipboard.readText()"))

    # To somebody who has yet to sign in.
    other = await new_console(browser, server, "other@example.com")
    await other.open(link.partition("/console/")[2])
    panel = other.page.get_by_role("tabpanel", name="Script")
    await expect(panel.get_by_text("This script came with the link.")).to_be_visible()
    await expect(panel.get_by_role("textbox", name="Script")).to_have_value(
        re.compile("createDirectory path=/workspace/made")
    )
    await other.line().fill("fs.stat path=/workspace/made")
    await other.page.keyboard.press("Enter")
    await expect(other.outcome()).to_contain_text("FileNotFound fs.stat")

    await panel.get_by_role("button", name="Run script").click()
    lines = panel.get_by_role("listitem")
    await expect(lines.nth(0)).to_contain_text("FileNotFound")
    await expect(lines.nth(1)).to_contain_text("OK")
    await expect(lines.nth(2)).to_contain_text("skipped")
    await expect(lines.nth(3)).to_contain_text("3 times")
    await expect(lines.nth(4)).to_contain_text("line 6 · FileNotFound")
    await expect(panel.get_by_role("button", name="Run script")).to_be_visible()
    await expect(lines).to_have_count(5)
    await other.page.screenshot(path=SHOTS / "console-script.png")
    await other.tab("Log")
    last = other.frame("Frames of this page", "fs.stat", "error received").last
    await expect(last).to_be_in_viewport()
    assert console.errors + other.errors == []


async def test_the_ides_frames_are_followed_when_its_user_wants_it(new_ide: NewIde, server: Server) -> None:
    ide: Ide = await new_ide()
    await ide.register("ide@example.com")
    await ide.open("README.md")
    async with ide.page.context.expect_page() as opened:
        await ide.command("Open RPC Console")
    console = Console(await opened.value, server.url, "")
    panel = await console.tab("IDE")
    await expect(panel).to_contain_text("No window of the IDE shares its frames.")

    await ide.page.bring_to_front()
    await ide.type("not followed")
    await ide.save("README.md")
    await ide.command("Share RPC Frames with the Console")
    await expect(ide.status()).to_contain_text("RPC frames shared")
    await expect(panel).to_contain_text("Following one window of the IDE.")
    await ide.type("a secret of the file")
    await ide.save("README.md")

    await console.page.bring_to_front()
    written = console.frame("Frames of the IDE", "fs.writeFile", "request sent")
    # The IDE keeps its layout and the commands used as well.
    row = 0
    while "/workspace/README.md" not in await panel.inner_text():
        await written.nth(row).get_by_role("button").click()
        row += 1
    await expect(panel).to_contain_text("<20 bytes>")
    await expect(panel).not_to_contain_text("a secret of the file")
    await expect(console.frame("Frames of the IDE", "fs.writeFile", "answer received")).not_to_have_count(0)
    await console.page.screenshot(path=SHOTS / "console-ide.png")

    await ide.page.bring_to_front()
    await ide.shot("console-shared")
    await ide.page.close()
    await expect(panel).to_contain_text("No window of the IDE shares its frames.")
    assert ide.errors + console.errors == []
