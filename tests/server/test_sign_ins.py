"""What ends a sign-in ends it on every gateway of the store: its sockets in a second, its tokens at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp.test_utils import TestServer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from fdb_provider.engine import Transaction
from fdb_provider.models import WorkspaceSession, new_id
from fdb_provider.repositories import auth_sessions, workspace_sessions
from rpc import RpcError
from rpc.client import Client
from tests.process import PASSWORD, Server
from theia_bridge.app import create_app
from theia_bridge.config import load
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    PathParams,
    Renewed,
    RenewParams,
    Stat,
    WorkspaceInfo,
)
from theia_bridge.state import ACCOUNTS, DATABASE, GATE

WITHIN = 1.0
"""Seconds in which the sockets of a sign-in close."""
Answer = dict[str, Any]


async def api(server: Server, method: str, path: str, token: str = "", **body: object) -> Answer:
    """An answer of the REST API that went well."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as http,
        http.request(
            method,
            f"{server.url}/api/v5{path}",
            json=body if body or method == "POST" else None,
            headers=headers,
        ) as response,
    ):
        assert response.status < 300, await response.text()
        answer: Answer = await response.json() if response.status != 204 else {}
        return answer


async def status(server: Server, token: str) -> int:
    """What a request with an access token is answered."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.url}/api/v5/users/me", headers=headers) as response,
    ):
        return response.status


class Team:
    """An owner, and a member who is signed in twice."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name

    async def gather(self) -> None:
        self.owner = await api(self.server, "POST", "/auth/register", **self._form("owner"))
        form = self._form("member")
        invitation = await api(
            self.server, "POST", "/tenants/me/invitations", self.owner["access_token"], email=form["email"]
        )
        registered = await api(self.server, "POST", "/auth/register", **form, invitation=invitation["code"])
        self.member = registered["user"]["id"]
        self.ended, self.kept = [
            await api(self.server, "POST", "/auth/login", email=form["email"], password=PASSWORD)
            for _ in range(2)
        ]

    def _form(self, who: str) -> dict[str, str]:
        return {"email": f"{who}-{self.name}@example.com", "password": PASSWORD, "name": who}


def family(signed_in: Answer) -> str:
    return str(jwt.decode(signed_in["access_token"], options={"verify_signature": False})["fam"])


async def signing_out(team: Team) -> None:
    await api(team.server, "POST", "/auth/logout", refresh_token=team.ended["refresh_token"])


async def ending_one(team: Team) -> None:
    path = f"/auth/sessions/{family(team.ended)}"
    await api(team.server, "DELETE", path, team.kept["access_token"])


async def ending_all_others(team: Team) -> None:
    await api(team.server, "DELETE", "/auth/sessions", team.kept["access_token"])


async def changing_the_password(team: Team) -> None:
    passwords = {"current_password": PASSWORD, "new_password": "another horse battery"}
    await api(team.server, "PUT", "/users/me/password", team.kept["access_token"], **passwords)


async def using_a_refresh_token_twice(team: Team) -> None:
    token = first = team.ended["refresh_token"]
    for _ in range(2):
        token = (await api(team.server, "POST", "/auth/refresh", refresh_token=token))["refresh_token"]
    with pytest.raises(AssertionError, match="401"):
        await api(team.server, "POST", "/auth/refresh", refresh_token=first)


async def removing_the_member(team: Team) -> None:
    await api(team.server, "DELETE", f"/tenants/me/members/{team.member}", team.owner["access_token"])
    team.kept = team.owner


CAUSES: list[Callable[[Team], Awaitable[None]]] = [
    signing_out,
    ending_one,
    ending_all_others,
    changing_the_password,
    using_a_refresh_token_twice,
    removing_the_member,
]


async def test_whatever_ends_a_sign_in_closes_its_sockets_on_every_gateway(servers: list[Server]) -> None:
    for cause in CAUSES:
        team = Team(servers[0], cause.__name__.replace("_", "-"))
        await team.gather()
        async with AsyncExitStack() as stack:

            async def opened(signed_in: Answer, stack: AsyncExitStack = stack) -> list[ClientConnection]:
                query = f"/ws/rpc?token={signed_in['access_token']}"
                return [
                    await stack.enter_async_context(connect(server.url.replace("http", "ws", 1) + query))
                    for server in servers
                    for _ in range(2)
                ]

            ended, owners = await opened(team.ended), await opened(team.owner)
            kept = await opened(team.kept) if cause is not removing_the_member else []
            closing = [asyncio.create_task(socket.recv()) for socket in ended]
            await cause(team)
            async with asyncio.timeout(WITHIN):
                ends = await asyncio.gather(*closing, return_exceptions=True)
            for end in ends:
                assert isinstance(end, ConnectionClosedError), (cause, end)
                assert end.rcvd is not None
                assert end.rcvd.code == 4401, cause
            for socket in owners + kept:
                await socket.send('{"jsonrpc": "2.0", "id": 1, "method": "rpc.ping"}')
                assert '"id":1' in str(await socket.recv()).replace(" ", ""), cause
        for server in servers:
            assert await status(server, team.ended["access_token"]) == 401, cause
            assert await status(server, team.kept["access_token"]) == 200, cause


async def test_a_new_role_counts_at_once_in_requests_and_open_sockets(servers: list[Server]) -> None:
    team = Team(servers[0], "role")
    await team.gather()
    token = team.ended["access_token"]

    async def may_write(server: Server, name: str) -> bool:
        params = CreateDirectoryParams(path=f"/workspace/{name}")
        try:
            await channels[server].call("fs.createDirectory", params, Stat)
        except RpcError as error:
            if error.kind != "NoPermissions":
                raise
            return False
        return True

    async with AsyncExitStack() as stack:
        channels = {server: await stack.enter_async_context(server.connect(token)) for server in servers}
        for n, server in enumerate(servers):
            assert await may_write(server, f"before-{n}")
        for n, role in enumerate(["viewer", "member"]):
            path = f"/tenants/me/members/{team.member}"
            await api(servers[0], "PUT", path, team.owner["access_token"], role=role)
            async with asyncio.timeout(WITHIN):
                for gateway, server in enumerate(servers):
                    attempt = 0
                    while await may_write(server, f"{n}-{gateway}-{attempt}") is (role == "viewer"):
                        attempt += 1
        for server in servers:
            await channels[server].call("fs.stat", PathParams(path="/workspace"), Stat)


@pytest.fixture
async def gateway(store_url: str, tmp_path: Path) -> AsyncIterator[TestServer]:
    """A whole server in this process, whose store the test reaches too."""
    app = await create_app(load(store=store_url, keys=tmp_path / "keys", cache=tmp_path / "cache"))
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


async def test_a_channel_is_for_one_session_and_closes_with_it(gateway: TestServer) -> None:
    app, url = gateway.app, f"ws://{gateway.host}:{gateway.port}/ws/rpc"
    done = await app[ACCOUNTS].register("ada@example.com", PASSWORD, "Ada")
    other = WorkspaceSession(id=new_id(), user=done.user.id, name="Other", created_at=1, used_at=1)
    await app[DATABASE].run(lambda tr: workspace_sessions.create(tr, done.tenant, other))
    caller = await app[GATE].authenticate(done.access_token)
    opened = await app[ACCOUNTS].open(caller, other.id)
    eve = await app[ACCOUNTS].register("eve@example.com", PASSWORD, "Eve")
    again = await app[ACCOUNTS].login("ada@example.com", PASSWORD)
    async with (
        Client.connect(url, token=done.access_token) as kept,
        connect(f"{url}?token={opened.access_token}") as closing,
    ):
        for token in (eve.access_token, again.access_token, done.refresh_token):
            with pytest.raises(RpcError) as caught:
                await kept.call("auth.renew", RenewParams(token=token), Renewed)
            assert caught.value.kind == "Unauthorized"
        # What the sign-in has now may be for another session: the channel stays in its own.
        for token in (opened.access_token, done.access_token):
            await kept.call("auth.renew", RenewParams(token=token), Renewed)
            info = await kept.call("workspace.info", None, WorkspaceInfo)
            assert info.session == done.session.id

        async def delete(tr: Transaction) -> None:
            await workspace_sessions.SESSIONS.delete(tr, done.tenant, other.id)
            await auth_sessions.review(tr, done.tenant, done.user.id)

        await app[DATABASE].run(delete)
        with pytest.raises(ConnectionClosedError) as closed:
            async with asyncio.timeout(WITHIN):
                await closing.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        await kept.call("fs.stat", PathParams(path="/workspace"), Stat)
