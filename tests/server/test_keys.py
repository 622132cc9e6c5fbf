"""Keys are changed under running gateways, which share their folder, and nobody is signed out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import jwt
import pytest

from rpc.client import Client, Unauthorized
from tests.process import Server, environment, run
from theia_bridge.methods.protocol import PathParams, Renewed, RenewParams, Stat

SETTINGS = {"KEY_SETTLE_SECONDS": 1}


@pytest.fixture
async def gateways(store_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """The gateways of one store and one key folder, whose keys settle soon."""
    running = [Server(tmp_path, store_url, **SETTINGS) for _ in range(1 if "embedded" in store_url else 2)]
    for server in running:
        await server.start()
    yield running
    for server in running:
        await server.kill()


async def keys(folder: Path, *arguments: str) -> list[str]:
    code, out, err = await run("keys", *arguments, env=environment(folder, **SETTINGS), cwd=folder)
    assert code == 0, err
    return out.splitlines()


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def works(channel: Client) -> None:
    await channel.call("fs.stat", PathParams(path="/workspace"), Stat)


async def published(server: Server) -> list[str]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.url}/.well-known/jwks.json") as response,
    ):
        return [key["kid"] for key in (await response.json())["keys"]]


async def test_nobody_notices_a_rotation(gateways: list[Server], tmp_path: Path) -> None:
    account = await gateways[0].register("ada@example.com")
    token, refresh = account.access_token, account.refresh_token
    old = kid(token)
    assert [line.split("\t")[::3] for line in await keys(tmp_path, "list")] == [[old, "signs"]]
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(server.connect(token)) for server in gateways]
        (told,) = await keys(tmp_path, "rotate")
        new = told.split()[0]
        assert new != old
        fresh = token
        async with asyncio.timeout(30):
            while kid(fresh) != new:
                for server in gateways:
                    again = await server.post("refresh", {"refresh_token": refresh})
                    fresh, refresh = again.access_token, again.refresh_token
        # Whichever gateway signs with it first, no other is behind.
        for server in gateways:
            assert set(await published(server)) == {old, new}
            for one in (token, fresh):
                async with server.connect(one) as another:
                    await works(another)
        for channel in channels:
            await works(channel)
            await channel.call("auth.renew", RenewParams(token=fresh), Renewed)
    lines = [line.split("\t") for line in await keys(tmp_path, "list")]
    assert [line[0] for line in lines] == [old, new]
    assert (lines[0][3].split()[0], lines[1][3]) == ("verifies", "signs")


async def test_keys_that_leaked_are_of_no_use_and_nobody_is_signed_out(
    gateways: list[Server], tmp_path: Path
) -> None:
    account = await gateways[0].register("ada@example.com")
    (told,) = await keys(tmp_path, "rotate", "--leaked")
    new = told.split()[0]
    async with asyncio.timeout(30):
        for server in gateways:
            while await published(server) != [new]:
                pass
    for server in gateways:
        with pytest.raises(Unauthorized):
            async with server.connect(account.access_token):
                pass
    fresh = await gateways[-1].post("refresh", {"refresh_token": account.refresh_token})
    assert kid(fresh.access_token) == new
    for server in gateways:
        async with server.connect(fresh.access_token) as channel:
            await works(channel)


async def test_a_list_makes_no_keys(tmp_path: Path) -> None:
    code, out, err = await run("keys", "list", env=environment(tmp_path), cwd=tmp_path)
    assert (code, out) == (1, "")
    assert "first start" in err
    assert not (tmp_path / "keys").exists()
