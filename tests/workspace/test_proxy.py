"""Browsers' sockets to a runtime: who is let in, for how long, and what goes through."""

from __future__ import annotations

import asyncio
import contextlib
import time
from http import HTTPStatus

import aiohttp
import jwt
import pytest

from tests.process import Server
from tests.workspace.conftest import Start
from tests.workspace.inside import ended
from tests.workspace.terminals import Person
from tests.workspace.test_runtimes import children, rest
from theia_bridge.leases import UNAUTHORIZED
from theia_bridge.methods.protocol import Renewed, RenewParams
from theia_bridge.workspace.proxy import SOCKETS

WITHIN = 1.0
"""Seconds in which a socket closes whose sign-in has ended."""


async def refused(server: Server, path: str, **headers: str) -> HTTPStatus:
    """The status with which an upgrade is refused."""
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(f"{server.url}{path}", headers=headers)
        return HTTPStatus(caught.value.status)


async def closed(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> int | None:
    """The code with which a socket closes within some seconds."""
    async with asyncio.timeout(seconds):
        while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            pass
    return socket.close_code


def expiry(token: str) -> int:
    """When a token ends, in seconds since 1970."""
    return int(jwt.decode(token, options={"verify_signature": False})["exp"])


async def test_who_is_let_in(server: Server) -> None:
    async with (
        Person.register(server, "ada@example.com") as ada,
        Person.register(server, "bob@example.com") as bob,
    ):
        id = (await ada.create("cat")).id
        for path in (f"/ws/terminal/{id}", "/ws/lsp/python"):
            assert await refused(server, path) is HTTPStatus.UNAUTHORIZED
            for token in ("", "x.y.z", ada.token[:-2] + "xx"):
                assert await refused(server, f"{path}?token={token}") is HTTPStatus.UNAUTHORIZED
            foreign = await refused(server, f"{path}?token={ada.token}", Origin="https://evil.example")
            assert foreign is HTTPStatus.FORBIDDEN
        assert await refused(server, f"/ws/terminal/{id}?token={bob.token}") is HTTPStatus.NOT_FOUND
        await bob.create("cat")
        for unknown in (id, "..", "%2e%2e%2frpc", "x" * 5000):
            assert await refused(server, f"/ws/terminal/{unknown}?token={bob.token}") is HTTPStatus.NOT_FOUND
        assert await refused(server, f"/ws/lsp/klingon?token={bob.token}") is HTTPStatus.NOT_FOUND
        async with ada.attach(id) as attached:
            await attached.type("hello\n")
            await attached.until("hello\r\nhello\r\n")


async def test_a_viewer_is_not_let_in_and_who_becomes_one_has_to_leave(server: Server) -> None:
    async with Person.register(server, "ada@example.com") as ada:
        headers = {"Authorization": f"Bearer {ada.token}"}
        invited = {"email": "bob@example.com", "role": "member"}
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.post(f"{server.url}/api/v5/tenants/me/invitations", json=invited) as answer:
                code = (await answer.json())["code"]
            body = {
                "email": "bob@example.com",
                "password": "correct horse battery",
                "name": "Bob",
                "invitation": code,
            }
            async with http.post(f"{server.url}/api/v5/auth/register", json=body) as answer:
                member = await answer.json()
        token, user = member["access_token"], member["user"]["id"]
        async with server.connect(token) as client:
            bob = Person(server, token, client)
            terminal = await bob.create("cat")
            (process,) = children(server.pid)
            async with bob.attach(terminal.id) as attached:
                await rest(server, "PUT", f"/tenants/me/members/{user}", ada.token, role="viewer")
                assert await closed(attached.socket, WITHIN) == UNAUTHORIZED
            async with asyncio.timeout(20):
                await ended(process)
        for path in (f"/ws/terminal/{terminal.id}", "/ws/lsp/python"):
            assert await refused(server, f"{path}?token={token}") is HTTPStatus.FORBIDDEN


async def test_a_socket_closes_with_its_sign_in(server: Server) -> None:
    signed_in = await server.register("ada@example.com")
    async with server.connect(signed_in.access_token) as client:
        ada = Person(server, signed_in.access_token, client)
        terminal = await ada.create("cat")
        async with ada.attach(terminal.id) as attached:
            await attached.type("hello\n")
            await attached.until("hello")
            await server.logout(signed_in.refresh_token)
            assert await closed(attached.socket, WITHIN) == UNAUTHORIZED


async def test_a_socket_lasts_as_long_as_the_channel_is_renewed(start: Start) -> None:
    server = await start(ACCESS_TOKEN_SECONDS=6)
    signed_in = await server.register("ada@example.com")
    async with server.connect(signed_in.access_token) as client:
        ada = Person(server, signed_in.access_token, client)
        terminal = await ada.create("cat")
        async with ada.attach(terminal.id) as attached:
            await asyncio.sleep(1)  # so that the newer token ends later
            fresh = await server.post("refresh", {"refresh_token": signed_in.refresh_token})
            await client.call("auth.renew", RenewParams(token=fresh.access_token), Renewed)
            first, second = expiry(signed_in.access_token), expiry(fresh.access_token)
            assert await closed(attached.socket, 20) == UNAUTHORIZED
            assert time.time() > second - 0.5 > first


async def test_a_socket_closes_with_the_runtime_and_tells_that_it_was_stopped(server: Server) -> None:
    async with Person.register(server, "ada@example.com") as ada:
        terminal = await ada.create("cat")
        async with ada.attach(terminal.id) as attached:
            await ada.client.call("workspace.stop", None, dict)
            assert await closed(attached.socket, 10) == aiohttp.WSCloseCode.GOING_AWAY
        assert await refused(server, f"/ws/terminal/{terminal.id}?token={ada.token}") is HTTPStatus.NOT_FOUND


async def test_a_session_has_so_many_sockets_and_each_is_answered(server: Server) -> None:
    async with Person.register(server, "ada@example.com") as ada, contextlib.AsyncExitStack() as stack:
        id = (await ada.create("cat")).id
        for _ in range(SOCKETS):
            last = await stack.enter_async_context(ada.attach(id))
        path = f"/ws/terminal/{id}?token={ada.token}"
        assert await refused(server, path) is HTTPStatus.TOO_MANY_REQUESTS
        await last.type("hello\n")
        await last.until("hello\r\nhello\r\n")
