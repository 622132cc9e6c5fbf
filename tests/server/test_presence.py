"""`workspace.attend` and `workspace.presence`: who else has the session open, on whichever gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from rpc.client import Client, Notifications
from tests.process import Server
from theia_bridge.methods.presence import AttendParams
from theia_bridge.presence import SessionWindow, WorkspacePresence

CHANGED = {"workspace.didChangePresence": WorkspacePresence}


async def when(told: Notifications, **files: str) -> list[SessionWindow]:
    """The windows, once these are told to be there, and what is looked at in each."""
    async with asyncio.timeout(30):
        async for _, presence in told:
            assert isinstance(presence, WorkspacePresence)
            if {window.window: window.file for window in presence.windows} == files:
                return presence.windows
    raise AssertionError("the channel has ended")


@asynccontextmanager
async def window(
    server: Server, token: str, name: str, age: int
) -> AsyncIterator[tuple[Client, Notifications]]:
    async with server.connect(token) as client:
        told = client.notifications(CHANGED)
        await client.call("workspace.attend", AttendParams(window=name, age=age))
        yield client, told


async def test_windows_see_each_other_come_look_at_files_and_go(servers: list[Server]) -> None:
    here, there = servers[0], servers[-1]
    token = (await here.register("ada@example.com")).access_token
    stranger = (await here.register("bob@example.com")).access_token
    async with (
        window(here, stranger, "theirs", 0) as (theirs, told_to_them),
        window(here, token, "a", 60_000) as (_, told),
        here.connect(token) as reader,
    ):
        assert [one.user_name for one in await when(told, a="")] == ["Ada"]
        async with window(there, token, "b", 0) as (other, _):
            a, b = await when(told, a="", b="")
            assert a.user == b.user
            assert b.since - a.since >= 55_000
            await other.call("workspace.attend", AttendParams(window="b", age=0, file="/workspace/x.py"))
            await when(told, a="", b="/workspace/x.py")
            listed = await reader.call("workspace.presence", None, WorkspacePresence)
            assert [one.window for one in listed.windows] == ["a", "b"]  # who only asks is no window
        await when(told, a="")
        assert [one.window for one in await when(told_to_them, theirs="")] == ["theirs"]
        listed = await theirs.call("workspace.presence", None, WorkspacePresence)
        assert [one.window for one in listed.windows] == ["theirs"]


async def test_a_window_that_is_cut_off_is_gone_and_so_are_those_of_a_gateway_that_stops(
    servers: list[Server],
) -> None:
    here, there = servers[0], servers[-1]
    token = (await here.register("ada@example.com")).access_token
    async with window(here, token, "a", 10) as (_, told):
        await when(told, a="")
        url = f"{there.url.replace('http', 'ws', 1)}/ws/rpc?token={token}"
        async with connect(url, user_agent_header="Firefox on Linux") as socket:
            call = '{"jsonrpc":"2.0","id":1,"method":"workspace.attend","params":{"window":"b","age":0}}'
            await socket.send(call)
            _, b = await when(told, a="", b="")
            assert b.agent == "Firefox on Linux"
            socket.transport.abort()
        await when(told, a="")
        for gateway in servers[1:]:
            async with window(gateway, token, "c", 0):
                await when(told, a="", c="")
                await gateway.stop()
                await when(told, a="")
