"""`kill -9` while a large folder is moved, copied or deleted: it is done wholly or not at all."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from rpc import ChannelClosed, RpcError
from rpc.client import Client
from tests.process import Server
from tests.server.test_crash import fsck
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DeleteParams,
    Directory,
    MoveParams,
    ReadDirectoryParams,
    Stat,
    WriteFileParams,
)

FILES = 50
"""Written one by one, into the folder that is then doubled."""
DOUBLINGS = 7
ENTRIES = (FILES + 1) * 2**DOUBLINGS - 1
"""Below the large folder: several times what one transaction takes on."""
Tree = frozenset[str]


async def make(client: Client) -> None:
    """`/workspace/d`, a folder with many others in it."""
    await client.call("fs.createDirectory", CreateDirectoryParams(path="/workspace/d"), Stat)
    for i in range(FILES):
        content = b"shared" if i % 2 else b"%d" % i
        await client.call("fs.writeFile", WriteFileParams(path=f"/workspace/d/{i}", content=content), Stat)
    for i in range(DOUBLINGS):
        await client.call("fs.copy", MoveParams(source="/workspace/d", target="/workspace/e"), Stat)
        await client.call("fs.rename", MoveParams(source="/workspace/e", target=f"/workspace/d/x{i}"), Stat)


async def names(client: Client, path: str) -> Tree:
    """All names below a folder; none if it is not there."""
    found: set[str] = set()
    folders = [""]
    while folders:
        folder = folders.pop()
        after: str | None = ""
        while after is not None:
            params = ReadDirectoryParams(path=path + folder, after=after)
            try:
                page = await client.call("fs.readDirectory", params, Directory)
            except RpcError as error:
                if folder or error.kind != "FileNotFound":
                    raise
                return frozenset()
            found |= {f"{folder}/{entry.name}" for entry in page.entries}
            folders += [f"{folder}/{entry.name}" for entry in page.entries if entry.stat.type == "directory"]
            after = page.next
    return frozenset(found)


CALLS: dict[str, msgspec.Struct] = {
    "fs.rename": MoveParams(source="/workspace/d", target="/workspace/e", idempotency_key="once"),
    "fs.copy": MoveParams(source="/workspace/d", target="/workspace/e", idempotency_key="once"),
    "fs.delete": DeleteParams(path="/workspace/d", recursive=True, idempotency_key="once"),
}


@pytest.mark.parametrize("method", CALLS)
async def test_killed_at_any_point_it_is_whole(server: Server, method: str) -> None:
    token = (await server.register("ada@example.com")).access_token
    chance = random.Random(method)
    async with server.connect(token) as client:
        await make(client)
        all_names = await names(client, "/workspace/d")
    assert len(all_names) == ENTRIES
    nothing: Tree = frozenset()
    before = (all_names, nothing)
    after = (all_names if method == "fs.copy" else nothing, nothing if method == "fs.delete" else all_names)

    async def pictures(client: Client) -> tuple[Tree, Tree]:
        return await names(client, "/workspace/d"), await names(client, "/workspace/e")

    async def picture(client: Client) -> tuple[Tree, Tree]:
        """What is there; once more if it was brought to its end between two of the questions."""
        seen = await pictures(client)
        while (again := await pictures(client)) != seen:
            seen = again
        return seen

    for _ in range(2):
        async with server.connect(token) as client, server.connect(token) as other:
            changing = asyncio.create_task(
                client.call(method, CALLS[method], None if method == "fs.delete" else Stat)
            )
            # The other connection's calls are what the time until the kill is counted in.
            for _ in range(chance.randrange(1, 60)):
                await other.call("rpc.ping", None, dict)
            await server.kill()
            (end,) = await asyncio.gather(changing, return_exceptions=True)
        assert not isinstance(end, BaseException) or isinstance(end, ChannelClosed | ConnectionClosed), end
        await server.start()
        async with server.connect(token) as client:
            now = await picture(client)
            assert now == after if not isinstance(end, BaseException) else now in (before, after)
    async with server.connect(token) as client:
        await client.call(method, CALLS[method], None if method == "fs.delete" else Stat)
        assert await picture(client) == after
    await server.kill()
    await fsck(server)
