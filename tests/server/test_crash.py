"""`kill -9` at random points of a mixed workload: what was acknowledged is there, and the store is sound."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
from dataclasses import dataclass, field

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from fdb_provider.errors import FileError
from rpc import ChannelClosed, RpcError
from rpc.client import Client
from tests.files.test_model import Delete, Make, Operation, Transfer, Tree, Write
from tests.process import Server, environment, run
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DeleteParams,
    Directory,
    FileContent,
    MoveParams,
    ReadDirectoryParams,
    ReadFileParams,
    Stat,
    WriteFileParams,
)

WORKERS = 6
NAMES = ["a", "b", "c"]
UPLOADED = 5 * 1024 * 1024 + 11
"""Bytes of what goes in parts: more than one of them."""


@dataclass
class Worker:
    """A client in a folder of its own, and what must be there."""

    folder: str
    random: random.Random
    model: Tree = field(default_factory=dict)
    pending: Operation | None = None
    """What was asked for and not answered."""

    def draw(self) -> Operation:
        """An operation that may or may not be possible now."""
        choose = self.random
        path, other = ("/".join(choose.choices(NAMES, k=choose.choice([1, 1, 2, 3]))) for _ in range(2))
        content = choose.choice([b"", b"small" * choose.randrange(100), choose.randbytes(200_000)])
        match choose.randrange(10):
            case 0 | 1 | 2 | 3:
                return Write(path, content, True, True)
            case 4:
                return Write(path, choose.randbytes(UPLOADED), True, True)
            case 5 | 6:
                return Make(path)
            case 7:
                return Delete(path, True)
            case _:
                return Transfer(path, other, choose.random() < 0.5, choose.random() < 0.5)

    async def work(self, client: Client, http: aiohttp.ClientSession, done: asyncio.Semaphore) -> None:
        """Goes on until the server is gone."""
        while True:
            operation = self.draw()
            expected = None
            after = dict(self.model)
            try:
                operation.apply(after)
            except FileError as error:
                expected = type(error).__name__
            self.pending = operation
            try:
                await self.ask(client, http, operation)
                got = None
            except RpcError as error:
                got = error.kind
            assert got == expected, operation
            self.model, self.pending = after, None
            done.release()

    async def ask(self, client: Client, http: aiohttp.ClientSession, operation: Operation) -> None:
        at = f"{self.folder}/"
        match operation:
            case Write(path, data) if len(data) == UPLOADED:
                async with http.put(f"/api/v5/files{at}{path}", data=io.BytesIO(data)) as answer:
                    if answer.status >= 400:
                        problem = await answer.json()
                        raise RpcError(0, problem["detail"], problem["kind"])
                    await answer.read()
            case Write(path, data):
                await client.call("fs.writeFile", WriteFileParams(path=at + path, content=data), Stat)
            case Make(path):
                await client.call("fs.createDirectory", CreateDirectoryParams(path=at + path), Stat)
            case Delete(path):
                await client.call("fs.delete", DeleteParams(path=at + path, recursive=True))
            case Transfer(source, target, overwrite, keep):
                move = MoveParams(source=at + source, target=at + target, overwrite=overwrite)
                await client.call("fs.copy" if keep else "fs.rename", move, Stat)

    async def check(self, client: Client) -> None:
        """What is there is what was acknowledged, with or without what was not answered."""
        found = await truth(client, self.folder)
        allowed = [self.model]
        if self.pending is not None:
            after = dict(self.model)
            with contextlib.suppress(FileError):
                self.pending.apply(after)
            allowed.append(after)
        assert found in allowed, (self.pending, found.keys(), [one.keys() for one in allowed])
        self.model, self.pending = found, None


async def truth(client: Client, folder: str, relative: str = "") -> Tree:
    """All that is in a folder."""
    found: Tree = {}
    listing = await client.call(
        "fs.readDirectory", ReadDirectoryParams(path=f"{folder}/{relative}".rstrip("/")), Directory
    )
    for entry in listing.entries:
        path = f"{relative}/{entry.name}" if relative else entry.name
        if entry.stat.type == "directory":
            found[path] = None
            found |= await truth(client, folder, path)
        else:
            params = ReadFileParams(path=f"{folder}/{path}")
            found[path] = (await client.call("fs.readFile", params, FileContent)).content
    return found


async def fsck(server: Server) -> None:
    env = environment(server.folder)
    code, out, err = await run("fsck", "--deep", "--store", server.store, env=env, cwd=server.folder)
    assert code == 0, out + err
    assert "wrong" not in err, err


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_any_point_the_store_is_sound(server: Server, seed: int) -> None:
    token = (await server.register("ada@example.com")).access_token
    headers = {"Authorization": f"Bearer {token}"}
    chance = random.Random(seed)
    workers = [Worker(f"/workspace/w{i}", random.Random(seed * 100 + i)) for i in range(WORKERS)]
    async with server.connect(token) as client:
        for worker in workers:
            await client.call("fs.createDirectory", CreateDirectoryParams(path=worker.folder), Stat)
    for _ in range(2):
        done = asyncio.Semaphore(0)
        async with (
            server.connect(token) as client,
            aiohttp.ClientSession(server.url, headers=headers) as http,
        ):
            tasks = [asyncio.create_task(worker.work(client, http, done)) for worker in workers]
            for _ in range(chance.randrange(1, 120)):
                await done.acquire()
            await server.kill()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        gone = ChannelClosed | ConnectionClosed | aiohttp.ClientError
        assert all(isinstance(end, gone) for end in ends), ends
        await fsck(server)
        await server.start()
        async with server.connect(token) as client:
            for worker in workers:
                await worker.check(client)
    await server.kill()
    await fsck(server)
