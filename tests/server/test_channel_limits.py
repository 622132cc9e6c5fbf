"""What ends a channel, or keeps it from beginning, with settings that are soon exceeded."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from rpc import RpcError
from rpc.client import Client
from tests.process import Server
from theia_bridge.methods.protocol import (
    PathParams,
    Renewed,
    RenewParams,
    Stat,
    WriteFileParams,
)


async def write(client: Client, path: str, content: bytes = b"") -> Stat:
    return await client.call("fs.writeFile", WriteFileParams(path=path, content=content), Stat)


async def test_a_frame_larger_than_allowed_ends_the_channel(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url, RPC_MAX_FRAME=64 * 1024)
    await server.start()
    try:
        token = (await server.register("ada@example.com")).access_token
        async with connect(f"{server.url.replace('http', 'ws')}/ws/rpc?token={token}") as socket:
            await socket.send(bytes(65 * 1024))
            with pytest.raises(ConnectionClosedError) as caught:
                await socket.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1009
    finally:
        await server.kill()


async def test_a_channel_ends_with_its_token_unless_it_is_renewed(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url, ACCESS_TOKEN_SECONDS=5)
    await server.start()
    try:
        signed_in = await server.register("ada@example.com")
        url = f"{server.url.replace('http', 'ws')}/ws/rpc?token={signed_in.access_token}"
        async with server.connect(signed_in.access_token) as renewed, connect(url) as left:
            await asyncio.sleep(3)  # so that the newer token ends well after the older one
            fresh = await server.post("refresh", {"refresh_token": signed_in.refresh_token})
            params = RenewParams(token=fresh.access_token)
            await renewed.call("auth.renew", params, Renewed)
            with pytest.raises(ConnectionClosedError) as caught:
                await left.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4401
            await renewed.call("fs.stat", PathParams(path="/workspace/README.md"), Stat)
    finally:
        await server.kill()


async def test_a_user_has_so_many_sockets_and_no_more(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url, RPC_SOCKETS=2)
    await server.start()
    try:
        ada = (await server.register("ada@example.com")).access_token
        bob = (await server.register("bob@example.com")).access_token
        async with server.connect(ada), server.connect(ada):
            with pytest.raises(InvalidStatus) as caught:
                async with server.connect(ada):
                    pass
            assert caught.value.response.status_code == 429
            async with server.connect(bob):
                pass
        async with server.connect(ada):
            pass
    finally:
        await server.kill()


async def test_a_full_store_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    server = Server(tmp_path, f"embedded:{tmp_path / 'store'}?map_size={4 * 1024 * 1024}")
    await server.start()
    try:
        token = (await server.register("ada@example.com")).access_token
        async with server.connect(token) as client:
            saved: list[str] = []
            refusal: RpcError | None = None
            while refusal is None and len(saved) < 100:
                path = f"/workspace/{len(saved)}"
                try:
                    await write(client, path, os.urandom(100_000))  # what cannot be compressed
                    saved.append(path)
                except RpcError as error:
                    refusal = error
            assert refusal is not None
            assert refusal.kind == "Unavailable"
            assert "limit" in refusal.message
            for path in saved:
                await client.call("fs.stat", PathParams(path=path), Stat)
            await client.call("fs.stat", PathParams(path="/workspace/README.md"), Stat)
    finally:
        await server.kill()
