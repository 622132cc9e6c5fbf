"""A running server for each storage engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import ENGINES, empty_store
from tests.process import Server


@pytest.fixture
async def server(store_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server process on an empty store."""
    running = Server(tmp_path, store_url)
    await running.start()
    yield running
    await running.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES)
async def shared_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """A server process for all tests of a module, each of which makes accounts of its own."""
    folder = tmp_path_factory.mktemp("server")
    running = Server(folder, empty_store(request, folder))
    await running.start()
    yield running
    await running.kill()


@pytest.fixture
async def servers(server: Server, store_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """The gateways of one store: one where no more can be."""
    if store_url.startswith("embedded:"):
        yield [server]
        return
    second = Server(tmp_path, store_url)
    await second.start()
    yield [server, second]
    await second.kill()
