"""A server whose workspaces run for real: in bubblewrap, with the runtime as its process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpc.client import Client
from tests.process import Server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server process on an empty embedded store; the runtimes' files are in `tmp_path`."""
    running = Server(tmp_path, f"embedded:{tmp_path / 'store'}", WORKSPACE_FOLDER=tmp_path / "workspaces")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """A channel of a new account, on its first session."""
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as connected:
        yield connected
