"""A server whose workspaces run for real: in bubblewrap, with the runtime as its process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from rpc.client import Client
from tests.process import Server

Start = Callable[..., Awaitable[Server]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a server process on an empty embedded store, with settings; it is stopped after the test."""
    started: list[Server] = []

    async def with_settings(**settings: object) -> Server:
        store = f"embedded:{tmp_path / 'store'}"
        server = Server(tmp_path, store, WORKSPACE_FOLDER=tmp_path / "workspaces", **settings)
        started.append(server)
        await server.start()
        return server

    yield with_settings
    for server in started:
        print(await server.stop())  # shown with a failure


@pytest.fixture
async def server(start: Start) -> Server:
    """A server of the usual settings."""
    return await start()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server of the usual settings for all tests of a module."""
    folder = tmp_path_factory.mktemp("server")
    running = Server(folder, f"embedded:{folder / 'store'}", WORKSPACE_FOLDER=folder / "workspaces")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """A channel of a new account, on its first session."""
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as connected:
        yield connected
