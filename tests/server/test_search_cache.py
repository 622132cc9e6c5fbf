"""The copies of files that searches go through: they may go, and make room."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpc.client import Client
from tests.process import Server
from tests.server.searching import names, paths, put, search
from theia_bridge.methods.protocol import (
    DeleteParams,
)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """A channel of a new account, on its first session."""
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as connected:
        yield connected


async def test_the_cache_may_go_at_any_time(client: Client, server: Server) -> None:
    await put(client, "a", "needle")
    assert await paths(client, "needle") == ["a"]
    cache = server.folder / ".data/cache"
    (own,) = cache.iterdir()
    assert own.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(cache)
    assert await paths(client, "needle") == ["a"]
    assert await names(client, "a") != []


async def test_what_a_dead_server_left_goes_with_the_next(client: Client, server: Server) -> None:
    await put(client, "a", "needle")
    assert await paths(client, "needle") == ["a"]
    cache = server.folder / ".data/cache"
    (left,) = cache.iterdir()
    await server.kill()
    await server.start()
    token = (await server.login("ada@example.com")).access_token
    async with server.connect(token) as again:
        assert await paths(again, "needle") == ["a"]
    assert left not in list(cache.iterdir())
    await server.stop()
    assert list(cache.iterdir()) == []


async def test_the_least_used_mirror_makes_room(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url, SEARCH_CACHE_BYTES=4 << 20)
    await server.start()
    try:
        for email in ("ada@example.com", "bob@example.com", "ada@example.com"):
            try:
                token = (await server.register(email)).access_token
            except AssertionError:
                token = (await server.login(email)).access_token
            async with server.connect(token) as client:
                await put(client, "a", email + "\n" + "x\n" * (1 << 20))
                assert await paths(client, email) == ["a"]
        async with server.connect(token) as client:
            await put(client, "b", "x\n" * (1 << 20))
            _, end = await search(client, "needle")
            assert end.error is not None
            assert end.error.kind == "QuotaExceeded"
            assert "search_cache_bytes" in end.error.message
            await client.call("fs.delete", DeleteParams(path="/workspace/b"))
            assert await paths(client, "ada@example.com") == ["a"]
    finally:
        await server.kill()
