"""The door of a workspace's runtime: who is served there, and what."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web

from fdb_provider.scope import Scope
from tests.auth.conftest import Identity
from theia_bridge.middleware.authentication import setup_authentication
from theia_bridge.middleware.errors import problems
from theia_bridge.workspace.doors import Doors


@pytest.fixture
def socket() -> Iterator[str]:
    """Where to listen; a socket's path is to be short."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"{folder}/gateway.sock"


async def answer_nothing(_: web.Request) -> web.Response:
    return web.Response()


async def test_the_door_of_a_runtime_leads_to_files_only(parts: Identity, socket: str) -> None:
    doors = Doors(parts.gate)
    app = web.Application(middlewares=[problems])
    app.router.add_get("/api/v5/files/workspace", answer_nothing)
    setup_authentication(app, parts.gate, doors=doors)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    doors.serve_with(runner.server)
    ada = await parts.accounts.register("ada@example.com", "correct horse", "Ada")
    bob = await parts.accounts.register("bob@example.com", "correct horse", "Bob")
    await doors.open(socket, Scope(ada.tenant, ada.user.id, ada.session.id))
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as http:
        for path in ("/login", "/api/v5/users/me", "/ws/terminal/x", "/metrics", "/api/v5/auth/login"):
            async with http.get(f"http://gateway{path}") as answer:
                assert answer.status == 404, path
        for given, status in ((bob.access_token, 401), ("", 401), ("x.y.z", 401), (ada.access_token, 200)):
            headers = {"Authorization": f"Bearer {given}"}
            async with http.get("http://gateway/api/v5/files/workspace", headers=headers) as answer:
                assert answer.status == status
    doors.keep_to(socket, os.getppid())
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as http:
        with pytest.raises(aiohttp.ClientError):
            await http.get("http://gateway/api/v5/files/workspace")
    doors.close(socket)
    await runner.cleanup()
