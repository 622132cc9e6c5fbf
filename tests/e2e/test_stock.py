"""The extension in a Theia with a Node backend: its gate, and the files under `bridge:`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Response, async_playwright, expect

from auth.keys import KeyRing
from auth.tokens import TOKEN_TYPE
from rpc.client import Client
from tests.e2e.conftest import CHROMIUM, FLAGS, SHOTS
from tests.e2e.ide import Ide
from tests.e2e.stock import StockTheia
from tests.e2e.test_files import content, put, until
from tests.e2e.test_search import look_for, quick_open, results
from tests.process import PASSWORD, Server
from theia_bridge.methods.protocol import TrashList, TrashListParams

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMAIL = "ada@example.com"
COOKIE = "theia_bridge_node_access"
SOCKET = "/socket.io/?EIO=4&transport=websocket"
DOORS = [
    *("/", "/index.html", "/bundle.js", "/no/such/file", "/socket.io/?EIO=4&transport=polling"),
    *("/files/?uri=/etc/passwd", "/bridge/access", "/bridge/api/v5/files/workspace/README.md"),
]


class Portal:
    """A site that shows a Theia in a frame, and has a newer token when it is asked for one."""

    def __init__(self) -> None:
        self.link = ""
        self.token = ""
        app = web.Application()
        app.add_routes([web.get("/", self._page), web.get("/token", self._renew)])
        self._runner = web.AppRunner(app)
        self.url = ""

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://127.0.0.1:{1}".format(*self._runner.addresses[0])

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        page = f"""<!doctype html><title>Portal</title><h1>Portal</h1>
            <iframe src="{self.link}" style="width: 1200px; height: 680px"></iframe>
            <script>
            addEventListener("message", async ({{ data, origin, source }}) => {{
                if (origin === new URL("{self.link}").origin && data.type === "theia-bridge:token-needed") {{
                    const token = await (await fetch("token")).text();
                    source.postMessage({{ type: "theia-bridge:token", token }}, origin);
                }}
            }});
            </script>"""
        return web.Response(text=page, content_type="text/html")

    async def _renew(self, request: web.Request) -> web.Response:
        return web.Response(text=self.token)


class Stock(NamedTuple):
    """A Theia Bridge server, Ada's Theia with a Node backend, and a portal that may show it."""

    server: Server
    theia: StockTheia
    portal: Portal

    async def token(self, email: str = EMAIL) -> str:
        return (await self.server.login(email)).access_token

    def forge(self, token: str, **changes: object) -> str:
        """A token with other claims, signed as the server signs."""
        key = KeyRing.open(self.server.folder / "keys", token_seconds=900).signing
        claims = jwt.decode(token, options={"verify_signature": False}) | changes
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, key.signer, algorithm=key.algorithm, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stock(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stock]:
    folder = tmp_path_factory.mktemp("stock")
    server = Server(folder, f"embedded:{folder / 'store'}")
    await server.start()
    token = (await server.register(EMAIL)).access_token
    await server.register("eve@example.com")
    owner = jwt.decode(token, options={"verify_signature": False})["sub"]
    portal = Portal()
    await portal.start()
    theia = StockTheia(folder / "home", URL=server.url, OWNER=owner, EMBEDDERS=f'["{portal.url}"]')
    await theia.start()
    yield Stock(server, theia, portal)
    await theia.kill()
    await portal.stop()
    await server.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def ide(stock: Stock, chromium: Browser) -> AsyncIterator[Ide]:
    """A page of a browser nobody has signed in with."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 800})
    yield Ide(await context.new_page(), stock.theia.url, SHOTS)
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def client(stock: Stock) -> AsyncIterator[Client]:
    """A channel of Ada's, from elsewhere."""
    async with stock.server.connect(await stock.token()) as channel:
        yield channel


@pytest_asyncio.fixture(loop_scope="module")
async def http(stock: Stock) -> AsyncIterator[aiohttp.ClientSession]:
    """A program that keeps cookies."""
    jar = aiohttp.CookieJar(unsafe=True)  # those of addresses, too
    async with aiohttp.ClientSession(stock.theia.url, cookie_jar=jar) as session:
        yield session


async def statuses(http: aiohttp.ClientSession, token: str | None) -> set[int]:
    """What all doors answer to a token, however it is brought."""
    seen = set()
    bearers: list[tuple[dict[str, str], str]] = [({}, "")]
    if token is not None:
        bearers = [
            ({"Authorization": f"Bearer {token}"}, ""),
            ({"Cookie": f"{COOKIE}={token}"}, ""),
            ({}, f"token={token}"),
        ]
    for headers, query in bearers:
        for door in DOORS:
            url = door + (("&" if "?" in door else "?") + query if query else "")
            async with http.get(url, headers=headers) as response:
                seen.add(response.status)
                assert token is None or token not in await response.text()
        for door in (SOCKET, "/bridge/ws/rpc?x", "/services?x"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{door}&{query}", headers=headers)
            seen.add(refused.value.status)
    return seen


async def test_without_a_valid_token_of_its_owner_everything_is_closed(
    stock: Stock, http: aiohttp.ClientSession
) -> None:
    token = await stock.token()
    assert await statuses(http, None) == {401}
    assert await statuses(http, "garbage") == {401}
    assert await statuses(http, token[:-8] + "AAAAAAAA") == {401}
    assert await statuses(http, stock.forge(token, exp=int(time.time()) - 60)) == {401}
    assert await statuses(http, await stock.token("eve@example.com")) == {403}
    async with http.get("/bundle.js", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 200
    assert token not in stock.theia.log


async def test_a_theia_of_nobody_does_not_start(stock: Stock, tmp_path: Path) -> None:
    theia = StockTheia(tmp_path / "home", URL=stock.server.url)
    with pytest.raises(AssertionError, match="THEIA_BRIDGE_OWNER is missing"):
        await theia.start()
    assert await theia.wait() == 1


async def test_sockets_end_with_the_access_unless_it_is_renewed(
    stock: Stock, http: aiohttp.ClientSession
) -> None:
    token = await stock.token()
    ending = stock.forge(token, exp=int(time.time()) + 2)
    kept = stock.forge(ending, fam="another")
    async with http.get("/", params={"token": ending}) as response:  # brings Theia's own cookie, too
        assert response.status == 200

    def socket(bearer: str) -> aiohttp.client._WSRequestContextManager:
        return http.ws_connect(SOCKET, headers={"Authorization": f"Bearer {bearer}"})

    async with socket(ending) as first, socket(kept) as second:
        renewed = stock.forge(kept, exp=int(time.time()) + 600)
        bearer = {"Authorization": f"Bearer {kept}"}
        async with http.post("/bridge/access", json={"token": renewed}, headers=bearer) as response:
            assert response.status == 200
            assert (await response.json())["expires_in"] > 500
            assert renewed not in await response.text()
        async for _ in first:
            pass  # until it is closed
        assert time.time() > jwt.decode(ending, options={"verify_signature": False})["exp"] - 1
        assert str((await second.receive()).data).startswith("0")
        await second.send_str("40")
        assert str((await second.receive()).data).startswith("40")


async def test_pages_of_other_sites_get_nothing_by_the_cookie(
    stock: Stock, http: aiohttp.ClientSession
) -> None:
    headers = {"Cookie": f"{COOKIE}={await stock.token()}", "Origin": "https://evil.example"}
    async with http.put("/bridge/api/v5/files/workspace/evil", data=b"x", headers=headers) as response:
        assert response.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect("/bridge/ws/rpc", headers=headers)
    assert refused.value.status == 403


async def test_files_of_theia_bridge_in_a_theia_with_a_node_backend(
    stock: Stock, ide: Ide, client: Client
) -> None:
    page = ide.page
    token = await stock.token()
    await page.goto(f"{ide.url}/?token={token}")
    cookie = next(cookie for cookie in await page.context.cookies() if cookie["name"] == COOKIE)
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    await ide.ready()
    assert page.url == f"{ide.url}/#bridge:/workspace"
    await expect(ide.status()).to_contain_text("Ada")

    await ide.open("README.md")
    await expect(ide.editor()).to_contain_text("Welcome")
    await ide.type("written in a stock Theia\n")
    await ide.save("README.md")
    assert await content(client, "/workspace/README.md") == b"written in a stock Theia\n"
    await ide.shot("stock")

    await put(client, "/workspace/README.md", b"changed elsewhere\n")
    await expect(ide.editor()).to_contain_text("changed elsewhere")
    async with page.expect_download() as download:
        await ide.context("README.md", "Download")
    assert (await (await download.value).path()).read_bytes() == b"changed elsewhere\n"
    await put(client, "/workspace/made elsewhere.txt")
    await expect(ide.node("made elsewhere.txt")).to_be_visible()

    await ide.context(None, "New File...")
    await ide.answer("new.txt")
    await until(client, "/workspace", "/workspace/new.txt")
    # It is opened and chosen in the explorer then, and what is renamed is what is chosen.
    await expect(ide.tab("new.txt")).to_be_visible()
    await expect(ide.node("new.txt")).to_contain_class("theia-mod-selected")
    await ide.context("made elsewhere.txt", "Rename")
    await ide.answer("renamed.txt")
    await until(client, "/workspace", "/workspace/renamed.txt")
    assert await content(client, "/workspace/made elsewhere.txt") is None

    await ide.context("renamed.txt", "Delete")
    await ide.confirm()
    await expect(ide.notification("moved to the trash")).to_be_visible()
    trash = (await client.call("trash.list", TrashListParams(), TrashList)).items
    assert [item.path for item in trash] == ["/workspace/renamed.txt"]

    await expect(await quick_open(ide, "readme")).to_contain_text(["README.md"])
    await page.keyboard.press("Escape")
    await page.locator("#shell-tab-search-view-container").click()
    await look_for(ide, "elsewhere")
    await expect(results(ide)).to_have_count(1)
    assert [error for error in ide.errors if "favicon" not in error] == []
    assert token not in stock.theia.log


async def test_the_form_lets_its_owner_in_and_nobody_else(stock: Stock, http: aiohttp.ClientSession) -> None:
    page = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}

    async def sign_in(email: str, password: str) -> tuple[int, str]:
        form = {"email": email, "password": password, "next": "//evil.example/"}
        async with http.post("/bridge/login", data=form, headers=page, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()

    def access() -> str | None:
        return next((cookie.value for cookie in http.cookie_jar if cookie.key == COOKIE), None)

    status, text = await sign_in(EMAIL, "a wrong password")
    assert status == 401
    assert "Wrong" in text
    status, text = await sign_in("eve@example.com", PASSWORD)
    assert status == 403
    assert "belongs to somebody else" in text
    assert access() is None
    assert await sign_in(EMAIL, PASSWORD) == (303, "../")
    first = access()

    async with http.post("/bridge/api/v5/auth/refresh") as response:
        assert response.status == 200
        renewed = access()
        assert renewed not in (None, first)
        assert str(renewed) not in await response.text()
    # As after a night: the access has ended, the sign-in has not.
    http.cookie_jar.clear(lambda cookie: cookie.key == COOKIE)
    async with http.get("/?a=1", headers=page, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "./?a=1")
    async with http.get("/", headers=page) as response:
        assert response.status == 200
    async with http.post("/bridge/api/v5/auth/logout") as response:
        assert response.status == 204
    async with http.get("/", headers=page) as response:
        assert response.status == 401


async def test_signing_in_and_out_in_a_browser(ide: Ide) -> None:
    page = ide.page
    answer = await page.goto(ide.url)
    assert answer is not None
    assert answer.status == 401
    await ide.shot("stock-sign-in")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await ide.ready()
    await ide.command("Sign Out")
    await ide.confirm()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await page.goto(ide.url)
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_page_around_it_renews_the_access(stock: Stock, ide: Ide) -> None:
    token = await stock.token()
    now = int(time.time())
    stock.portal.link = f"{ide.url}/?token={stock.forge(token, iat=now - 850, exp=now + 50)}"
    stock.portal.token = stock.forge(token, exp=now + 600)

    def renews(response: Response) -> bool:
        return response.request.method == "POST" and response.url == f"{ide.url}/bridge/access"

    async with ide.page.expect_response(renews) as renewal:
        await ide.page.goto(stock.portal.url)
    assert (await renewal.value).status == 200
    cookies = await ide.page.context.cookies()
    assert [cookie["value"] for cookie in cookies if cookie["name"] == COOKIE] == [stock.portal.token]
    status = ide.page.frame_locator("iframe").locator("#theia-statusBar")
    await expect(status).to_contain_text("Ada")
    await expect(status).not_to_contain_text("Offline")
    await ide.shot("stock-portal")


async def test_behind_https_the_cookie_is_for_https_only(stock: Stock, http: aiohttp.ClientSession) -> None:
    query, headers = {"token": await stock.token()}, {"X-Forwarded-Proto": "https"}
    async with http.get("/", params=query, headers=headers) as response:
        assert response.cookies[COOKIE]["secure"]
        assert response.cookies[COOKIE]["httponly"]


async def test_other_sites_may_not_show_it(stock: Stock, http: aiohttp.ClientSession) -> None:
    async with http.get("/", params={"token": await stock.token()}) as response:
        assert response.headers["Content-Security-Policy"] == f"frame-ancestors 'self' {stock.portal.url}"
