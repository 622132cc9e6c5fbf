"""A small site of this package's parts, on a real port, for each storage engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from auth.gate import Gate
from auth.keys import KeyRing
from auth.passwords import Passwords
from auth.service import Accounts
from auth.throttle import Limits, Throttle
from auth.tokens import Tokens
from fdb_provider.engine import Database
from theia_bridge.middleware.authentication import USER, setup_authentication
from theia_bridge.middleware.errors import problems
from theia_bridge.middleware.headers import setup_headers
from theia_bridge.middleware.request_log import AccessLogger, setup_request_log
from theia_bridge.rest import auth, jwks, sign_ins
from theia_bridge.state import ACCOUNTS, DATABASE, KEYS

ISSUER = AUDIENCE = "theia-bridge"


class Clock:
    """Seconds since 1970, set forward by hand."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class CountingPasswords(Passwords):
    """The real thing with cheap parameters, counting its work."""

    def __init__(self, iterations: int = 1) -> None:
        super().__init__(memory_kib=64, iterations=iterations)
        self.verified = 0

    async def verify(self, stored: str | None, password: str) -> bool:
        self.verified += 1
        return await super().verify(stored, password)


@dataclass
class Identity:
    """One gateway's identity parts."""

    database: Database
    ring: KeyRing
    tokens: Tokens
    gate: Gate
    passwords: CountingPasswords
    accounts: Accounts
    clock: Clock


def identity(database: Database, keys: Path, *, limits: Limits | None = None) -> Identity:
    ring = KeyRing.open(keys, token_seconds=900)
    tokens = Tokens(ring, issuer=ISSUER, audience=AUDIENCE)
    passwords = CountingPasswords()
    clock = Clock()
    accounts = Accounts(database, passwords, tokens, Throttle(database, limits or Limits(), clock))
    return Identity(database, ring, tokens, Gate(database, tokens), passwords, accounts, clock)


@pytest.fixture
def parts(database: Database, tmp_path: Path) -> Iterator[Identity]:
    made = identity(database, tmp_path / "keys")
    yield made
    made.passwords.close()


async def _me(request: web.Request) -> web.StreamResponse:
    return web.json_response({"user": request[USER].scope.user})


async def _socket(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(request[USER].scope.user)
    await socket.close()
    return socket


async def _broken(request: web.Request) -> web.StreamResponse:
    raise RuntimeError("private detail")


def application(parts: Identity) -> web.Application:
    app = web.Application()
    setup_request_log(app)
    app.middlewares.append(problems)
    setup_authentication(app, parts.gate, ["https://friend.example"])
    app[ACCOUNTS] = parts.accounts
    app[DATABASE] = parts.database
    app[KEYS] = parts.ring
    auth.api.add_to(app)
    sign_ins.api.add_to(app)
    jwks.api.add_to(app)
    setup_headers(app)
    app.router.add_route("*", "/api/v5/me", _me)
    app.router.add_put("/api/v5/broken", _broken)
    app.router.add_get("/theia/", _me)
    app.router.add_get("/theia/main.js", _me)
    app.router.add_get("/console/", _me)
    app.router.add_get("/ws/rpc", _socket)
    return app


@pytest.fixture
async def site(parts: Identity) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A client of the site that keeps no cookies; tests send those they mean."""
    server = TestServer(application(parts))
    await server.start_server(access_log_class=AccessLogger)
    async with TestClient(server, cookie_jar=DummyCookieJar()) as client:
        yield client
