"""Runtimes of sessions: when they start, and what ends them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import jwt
import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from rpc import RpcError
from rpc.client import Client, Unauthorized
from tests.process import PASSWORD, Server
from tests.workspace.conftest import Start
from tests.workspace.inside import ended
from theia_bridge.methods.protocol import WorkspaceInfo
from theia_bridge.workspace.protocol import WorkspaceRuntime

DID_CHANGE = "workspace.didChangeRuntime"
ENOUGH = 20.0
"""Seconds in which what is waited for has long happened."""


async def call(client: Client, method: str) -> WorkspaceRuntime:
    return await client.call(f"workspace.{method}", None, WorkspaceRuntime)


async def state(client: Client, method: str) -> str:
    """The runtime's state after a call."""
    return (await call(client, method)).state


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


async def started(server: Server, client: Client) -> int:
    """The process of the sandbox in which the session's runtime has started."""
    before = set(children(server.pid))
    assert await state(client, "start") == "running"
    (process,) = set(children(server.pid)) - before
    return process


async def it_ends(process: int) -> None:
    async with asyncio.timeout(ENOUGH):
        await ended(process)


async def rest(server: Server, method: str, path: str, token: str, **body: object) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{server.url}/api/v5{path}"
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, headers=headers, json=body or None) as response,
    ):
        assert response.status < 300, await response.text()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The server's folder for temporary files; its path is short, as those of sockets are to be."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


async def test_a_runtime_is_started_once_and_stopped(server: Server, client: Client) -> None:
    assert await state(client, "runtime") == "stopped"
    answers = await asyncio.gather(*(call(client, "start") for _ in range(8)))
    assert {answer.state for answer in answers} == {"running"}
    assert len({answer.status.started for answer in answers if answer.status is not None}) == 1
    assert len(children(server.pid)) == 1
    assert await state(client, "stop") == "stopped"
    assert await state(client, "runtime") == "stopped"
    assert not children(server.pid)
    assert await state(client, "start") == "running"


async def test_after_a_crash_it_starts_again_and_says_so(server: Server, client: Client) -> None:
    process = await started(server, client)
    told = client.notifications({DID_CHANGE: WorkspaceRuntime})
    (first,) = children(process)
    (runtime,) = children(first)
    for whole in (False, True):
        os.kill(children(server.pid)[0] if whole else runtime, signal.SIGKILL)
        states: list[str] = []
        async with asyncio.timeout(ENOUGH):
            async for _, now in told:
                assert isinstance(now, WorkspaceRuntime)
                if states or now.state != "running":  # that its mirror has become live may be told, too
                    states.append(now.state)
                if states and now.state == "running":
                    break
        assert states == ["failed", "starting", "running"]
    assert await state(client, "runtime") == "running"


async def test_it_ends_with_its_users_other_sign_ins(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        process = await started(server, client)
        await rest(server, "DELETE", "/auth/sessions", token)
        await it_ends(process)
        process = await started(server, client)
        passwords = {"current_password": PASSWORD, "new_password": "an other secret"}
        await rest(server, "PUT", "/users/me/password", token, **passwords)
        await it_ends(process)


async def test_one_that_is_killed_again_and_again_leaves_the_server_well(
    server: Server, client: Client
) -> None:
    for _ in range(3):
        process = await started(server, client)
        told = client.notifications({DID_CHANGE: WorkspaceRuntime})
        os.kill(process, signal.SIGKILL)
        async with asyncio.timeout(ENOUGH):
            async for _, runtime in told:
                assert isinstance(runtime, WorkspaceRuntime)
                if runtime.state == "failed":
                    break
        await client.call("workspace.info", None, WorkspaceInfo)
    with pytest.raises(RpcError) as caught:
        await call(client, "start")
    assert caught.value.kind == "Unavailable"
    assert "started again in" in caught.value.message


async def test_it_is_stopped_when_nobody_has_the_session_open(start: Start) -> None:
    server = await start(WORKSPACE_IDLE_MINUTES=0.005)
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        process = await started(server, client)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):  # five times as long as it may idle
                await ended(process)
    await it_ends(process)
    async with server.connect(token) as client:
        assert await state(client, "start") == "running"


async def test_there_are_as_many_as_allowed_and_idle_ones_make_room(start: Start) -> None:
    server = await start(WORKSPACE_LIMIT=1)
    first = (await server.register("ada@example.com")).access_token
    second = (await server.register("bob@example.com")).access_token
    async with server.connect(second) as bob:
        async with server.connect(first) as ada:
            process = await started(server, ada)
            with pytest.raises(RpcError) as caught:
                await call(bob, "start")
            assert caught.value.kind == "Unavailable"
            assert "as many as it may" in caught.value.message
        assert await state(bob, "start") == "running"
        await it_ends(process)


async def test_none_outlives_the_server(server: Server, client: Client) -> None:
    process = await started(server, client)
    (first,) = children(process)
    (runtime,) = children(first)
    os.kill(server.pid, signal.SIGKILL)
    for pid in (process, first, runtime):
        await it_ends(pid)


async def test_stopping_the_server_stops_them_and_leaves_no_sockets(start: Start, temporary: Path) -> None:
    server = await start()
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        process = await started(server, client)
        assert os.listdir(temporary)
        await server.stop()
        await it_ends(process)
    assert not os.listdir(temporary)


async def test_its_sign_in_is_prolonged_as_long_as_it_runs(start: Start) -> None:
    server = await start(ACCESS_TOKEN_SECONDS=4)
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        process = await started(server, client)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await ended(process)


async def test_without_a_sandbox_the_log_says_so(start: Start) -> None:
    server = await start(WORKSPACE_SANDBOX="none")
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        runtime = await call(client, "start")
        assert (runtime.state, runtime.sandbox) == ("running", "none")
        (process,) = children(server.pid)
    assert "without a sandbox" in await server.stop()
    await it_ends(process)


async def test_where_there_is_no_sandbox_nothing_is_run(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    server = await start()
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        with pytest.raises(RpcError) as caught:
            await call(client, "start")
    assert caught.value.kind == "NoSandbox"
    assert "No permissions to create new namespace" in caught.value.message


async def test_the_sockets_of_a_runtime_are_for_it_and_the_server_alone(
    start: Start, temporary: Path
) -> None:
    server = await start()
    token = (await server.register("ada@example.com")).access_token
    session = jwt.decode(token, options={"verify_signature": False})["sid"]
    async with server.connect(token) as client:
        await started(server, client)
        (name,) = os.listdir(temporary)
        folder = temporary / name
        assert folder.stat().st_mode & 0o077 == 0
        opened = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):  # what cleans folders of temporary files asks so
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(opened)
        with pytest.raises((OSError, InvalidMessage)):  # whoever asks is not the runtime
            async with Client.connect("ws://gateway/ws/rpc", unix=str(folder / session / "gateway.sock")):
                pass
        runtime = str(folder / session / "runtime.sock")
        for given in (token, None):
            with pytest.raises(Unauthorized):
                async with Client.connect("ws://runtime/rpc", unix=runtime, token=given):
                    pass
        with pytest.raises(InvalidStatus):
            await unix_connect(runtime, "ws://runtime/terminal/1")


def fill(folder: Path) -> None:
    """Makes more folders in one another than Python could call itself."""
    opened = os.open(folder, os.O_DIRECTORY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=opened)
        below = os.open("d", os.O_DIRECTORY, dir_fd=opened)
        os.close(opened)
        opened = below
    os.symlink("/", "link", dir_fd=opened)
    os.close(opened)


async def test_folders_of_sessions_that_are_gone_are_removed(start: Start, tmp_path: Path) -> None:
    server = await start()
    token = (await server.register("ada@example.com")).access_token
    claims = jwt.decode(token, options={"verify_signature": False})
    async with server.connect(token) as client:
        await started(server, client)
    await server.stop()
    tenant = tmp_path / "workspaces" / claims["tid"]
    (tenant / "gone" / "workspace").mkdir(parents=True)
    fill(tenant / "gone" / "workspace")
    (tenant / "gone" / "lock").write_text(server.store)
    (tenant / "foreign").mkdir()
    (tenant / "foreign" / "lock").write_text("embedded:of-another-server")
    await server.start()
    async with asyncio.timeout(ENOUGH):
        while (tenant / "gone").exists():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)
    assert sorted(os.listdir(tenant)) == sorted([claims["sid"], "foreign"])
