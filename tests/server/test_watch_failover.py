"""No change is lost to a watch, whatever becomes of its connection and its gateway.

Watchers know the tree only by what they are told. Connections are cut and gateways killed at random; in the
end each one's picture is the truth. The seed gives what is tried in which order; how that meets is chance.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest
from websockets.exceptions import WebSocketException

from fdb_provider.files.feed import ChangeType
from rpc import ChannelClosed, RpcError
from rpc.client import Client
from tests.process import Server
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DeleteParams,
    DidChange,
    Directory,
    MoveParams,
    PathParams,
    ReadDirectoryParams,
    Stat,
    Watch,
    WatchParams,
    WriteFileParams,
)

WATCHERS = 4
WRITERS = 4
ROUNDS = 6
NAMES = ["a", "b", "c"]
LARGE = ["/workspace/large", "/workspace/larger"]
"""Where a folder goes to and fro that is too large for one transaction."""
GONE = (ChannelClosed, WebSocketException, OSError)
"""How a connection ends, or does not come about."""
NOT_THERE = {"FileNotFound", "FileNotADirectory"}
REFUSALS = NOT_THERE | {"FileExists", "FileIsADirectory", "DirectoryNotEmpty", "InvalidPath"}
"""Much of what is asked for at random cannot be done."""

Picture = dict[str, str | None]
"""Etags by path; a folder has none."""


async def look(client: Client, path: str) -> Picture:
    """What is at and below a path. What changes meanwhile may be half there: a change tells of it later."""
    try:
        stat = await client.call("fs.stat", PathParams(path=path), Stat)
    except RpcError as error:
        if error.kind not in NOT_THERE:
            raise
        return {}
    if stat.type != "directory":
        return {path: stat.etag}
    return {path: None} | await below(client, path)


async def below(client: Client, folder: str) -> Picture:
    found: Picture = {}
    after: str | None = ""
    while after is not None:
        params = ReadDirectoryParams(path=folder, after=after)
        try:
            page = await client.call("fs.readDirectory", params, Directory)
        except RpcError as error:
            if error.kind not in NOT_THERE:
                raise
            return found
        for entry in page.entries:
            path = f"{folder}/{entry.name}"
            if entry.stat.type == "directory":
                found |= {path: None} | await below(client, path)
            else:
                found[path] = entry.stat.etag
        after = page.next
    return found


@dataclass
class Watcher:
    """A client that begins anew wherever it was cut off, with its picture and its cursor."""

    servers: list[Server]
    token: str
    random: random.Random
    cursor: str
    picture: Picture
    connection: asyncio.Task[None] | None = None
    resumed: int = 0

    async def follow(self) -> None:
        """Returns when it was told of the end."""
        while True:
            self.connection = asyncio.create_task(self._connected())
            # Cut off by a cancellation, it is not told.
            await asyncio.wait([self.connection])
            if not self.connection.cancelled():
                end = self.connection.exception()
                if end is None:
                    return
                if not isinstance(end, GONE):
                    raise end
            self.resumed += 1

    async def _connected(self) -> None:
        async with self.random.choice(self.servers).connect(self.token) as client:
            told = client.notifications({"fs.didChange": DidChange})
            await client.call("fs.watch", WatchParams(path="/workspace", cursor=self.cursor), Watch)
            async for _, event in told:
                assert isinstance(event, DidChange)
                for change in event.changes:
                    self.picture = {
                        path: etag
                        for path, etag in self.picture.items()
                        if path != change.path and not path.startswith(change.path + "/")
                    }
                    if change.type != ChangeType.DELETED:
                        self.picture |= await look(client, change.path)
                # Only now: what is half taken in has to come again.
                self.cursor = event.cursor
                if any(change.path == "/workspace/end" for change in event.changes):
                    return


@dataclass
class Writer:
    servers: list[Server]
    token: str
    random: random.Random
    done: asyncio.Semaphore
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> None:
        while not self.stop.is_set():
            try:
                async with self.random.choice(self.servers).connect(self.token) as client:
                    while not self.stop.is_set():
                        await self._change(client)
                        self.done.release()
            except GONE:
                continue

    async def _change(self, client: Client) -> None:
        choose = self.random
        path, other = (
            "/workspace/" + "/".join(choose.choices(NAMES, k=choose.choice([1, 1, 2, 3]))) for _ in range(2)
        )
        move = MoveParams(source=path, target=other, overwrite=choose.random() < 0.5)
        try:
            match choose.randrange(20):
                case 0:
                    here, there = choose.sample(LARGE, 2)
                    await client.call("fs.rename", MoveParams(source=here, target=there), Stat)
                case 1 | 2 | 3 | 4 | 5:
                    await client.call("fs.createDirectory", CreateDirectoryParams(path=path), Stat)
                case 6 | 7 | 8:
                    await client.call("fs.rename", move, Stat)
                case 9 | 10:
                    await client.call("fs.copy", move, Stat)
                case 11 | 12:
                    trash = choose.random() < 0.5
                    params = DeleteParams(path=path, recursive=True, use_trash=trash)
                    await client.call("fs.delete", params)
                case _:
                    content = choose.randbytes(choose.randrange(40))
                    await client.call("fs.writeFile", WriteFileParams(path=path, content=content), Stat)
        except RpcError as error:
            if error.kind not in REFUSALS:
                raise


async def make_large(client: Client) -> None:
    """A folder of more entries than are moved in one transaction, by copies of a small one."""
    await client.call("fs.createDirectory", CreateDirectoryParams(path=LARGE[0]), Stat)
    for name in ("0", "all"):
        await client.call("fs.createDirectory", CreateDirectoryParams(path=f"{LARGE[0]}/{name}"), Stat)
    await asyncio.gather(
        *(
            client.call("fs.writeFile", WriteFileParams(path=f"{LARGE[0]}/0/{i}", content=b"%d" % i), Stat)
            for i in range(100)
        )
    )
    for i in range(1, 21):
        params = MoveParams(source=f"{LARGE[0]}/0", target=f"{LARGE[0]}/{i}")
        await client.call("fs.copy", params, Stat)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_picture_is_the_truth_in_the_end(servers: list[Server], seed: int) -> None:
    token = (await servers[0].register("ada@example.com")).access_token
    chance = random.Random(seed)
    async with servers[0].connect(token) as client:
        await make_large(client)
        start = (await client.call("fs.watch", WatchParams(path="/workspace"), Watch)).cursor
        picture = await below(client, "/workspace")
    done = asyncio.Semaphore(0)
    watchers = [
        Watcher(servers, token, random.Random(f"{seed} watcher {i}"), start, dict(picture))
        for i in range(WATCHERS)
    ]
    writers = [Writer(servers, token, random.Random(f"{seed} writer {i}"), done) for i in range(WRITERS)]
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        following = [group.create_task(watcher.follow()) for watcher in watchers]
        working = [group.create_task(writer.work()) for writer in writers]
        for round in range(ROUNDS):
            for _ in range(chance.randrange(5, 60)):
                await done.acquire()
            for watcher in watchers:
                if chance.random() < 0.4 and watcher.connection is not None:
                    watcher.connection.cancel()
            if round % 2:
                killed = chance.choice(servers)
                await killed.kill()
                if len(servers) > 1:  # the other one goes on alone for a while
                    for _ in range(chance.randrange(20)):
                        await done.acquire()
                await killed.start()
        for writer in writers:
            writer.stop.set()
        await asyncio.wait(working)
        async with servers[0].connect(token) as client:
            await client.call("fs.writeFile", WriteFileParams(path="/workspace/end", content=b""), Stat)
            await asyncio.wait(following)
            truth = await below(client, "/workspace")
    assert len(truth) > 2000
    for watcher in watchers:
        assert watcher.picture == truth, f"seed {seed}"
    assert sum(watcher.resumed for watcher in watchers) >= WATCHERS
