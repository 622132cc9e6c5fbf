"""A site that shows the IDE in its own page, signed in as the account that belongs to its user.

    THEIA_BRIDGE_EMBEDDERS='["http://localhost:8500"]' theia-bridge serve
    EMAIL=you@example.com PASSWORD=... python docs/embedding/server.py http://127.0.0.1:8400 --port 8500

The password and the refresh token stay in this server; the page gets access tokens, which live for minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from html import escape
from pathlib import Path
from typing import TypedDict

from aiohttp import ClientSession, web

HERE = Path(__file__).parent
SECURITY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src {bridge}"


class SignIn(TypedDict):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


class Account:
    """A sign-in to Theia Bridge, kept for one user of this site.

    Args:
        bridge: origin of the server, as `https://host:port`.
    """

    def __init__(self, http: ClientSession, bridge: str, email: str, password: str) -> None:
        self._http = http
        self._api = f"{bridge}/api/v5/auth"
        self._credentials = {"email": email, "password": password}
        self._refresh_token = ""
        self._access_token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def access_token(self) -> str:
        """A token that is good for at least half of its life. Raises `aiohttp.ClientError`."""
        async with self._lock:  # a refresh token is good for one use
            if time.monotonic() >= self._renew_at:
                await self._renew()
            return self._access_token

    async def _renew(self) -> None:
        asked = time.monotonic()
        refresh = {"refresh_token": self._refresh_token}
        answer = await self._post("refresh", refresh) if self._refresh_token else None
        if answer is None:  # the first time, or the sign-in has ended
            answer = await self._post("login", self._credentials)
        if answer is None:
            raise web.HTTPBadGateway(text="Theia Bridge does not accept the e-mail address and password.")
        self._access_token, self._refresh_token = answer["access_token"], answer["refresh_token"]
        self._renew_at = asked + answer["expires_in"] / 2

    async def _post(self, action: str, body: dict[str, str]) -> SignIn | None:
        """The answer; None when it is refused."""
        async with self._http.post(f"{self._api}/{action}", json=body) as response:
            if response.status == 401:
                return None
            response.raise_for_status()
            answer: SignIn = await response.json()
            return answer


ACCOUNT: web.AppKey[Account] = web.AppKey("account", Account)
BRIDGE: web.AppKey[str] = web.AppKey("bridge", str)
routes = web.RouteTableDef()


def account_of(request: web.Request) -> Account:
    """The account of whoever makes a request.

    This site has one user. Yours knows its users by its own sign-in: look theirs up here, and answer 401 to
    those who have not signed in.
    """
    return request.app[ACCOUNT]


@routes.get("/")
async def page(request: web.Request) -> web.Response:
    bridge = request.app[BRIDGE]
    text = (HERE / "index.html").read_text().replace("{bridge}", escape(bridge))
    headers = {"Content-Security-Policy": SECURITY.format(bridge=bridge)}
    return web.Response(text=text, content_type="text/html", headers=headers)


@routes.get("/{name:embed\\.js|embed\\.css}")
async def part(request: web.Request) -> web.FileResponse:
    return web.FileResponse(HERE / request.match_info["name"])


@routes.post("/token")
async def token(request: web.Request) -> web.Response:
    """Gives an access token to this site's own page; others cannot read it, and are not to ask."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise web.HTTPForbidden(text="Only pages of this site get tokens.")
    answer = {"token": await account_of(request).access_token()}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def create_app(bridge: str, email: str, password: str) -> web.Application:
    """The site."""
    app = web.Application()
    http = ClientSession()
    app[BRIDGE] = bridge
    app[ACCOUNT] = Account(http, bridge, email, password)

    async def close(_: web.Application) -> None:
        await http.close()

    app.on_cleanup.append(close)
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Shows Theia Bridge in a page of another site.")
    parser.add_argument("bridge", help="address of Theia Bridge, as https://host:port")
    parser.add_argument("--port", type=int, default=8500)
    options = parser.parse_args()
    site = create_app(options.bridge.rstrip("/"), os.environ["EMAIL"], os.environ["PASSWORD"])
    web.run_app(site, host="127.0.0.1", port=options.port)
