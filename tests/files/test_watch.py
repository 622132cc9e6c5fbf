"""Watches: many of them, slow ones, bursts, and how far back a feed reaches."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.description import Description
from fdb_provider.engine.url import open_database
from fdb_provider.errors import CursorExpired, DatabaseClosed, FileNotADirectory, FileNotFound
from fdb_provider.files import feed, followers, watch
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.retention import Retention
from fdb_provider.files.service import FileService
from fdb_provider.files.steps import Steps
from fdb_provider.files.watch import Watch
from fdb_provider.scope import Scope
from tests.files.conftest import Clock, sweep
from tests.files.test_model import Delete, Make, Operation, Transfer, Write, outcome

SMALL = Steps(page=3, whole=4, entries=2)
"""A folder of five is large."""

T = TypeVar("T")
Delivery = tuple[str, list[Change]]


@pytest.fixture
async def files(database: Database) -> AsyncIterator[FileService]:
    service = FileService(database)
    yield service
    await service.close()


async def write_many(files: FileService, scope: Scope, count: int, folder: str = "/workspace") -> list[str]:
    """Their paths; so many at a time as an import does."""
    paths = [f"{folder}/{i}" for i in range(count)]
    for i in range(0, count, 64):
        await asyncio.gather(*(files.write(scope, path, b"") for path in paths[i : i + 64]))
    return paths


async def deliveries(watched: Watch, until: str) -> list[Delivery]:
    """All up to the one that tells of the path `until`."""
    found: list[Delivery] = []
    stream: AsyncIterator[Delivery] = aiter(watched)
    async for delivery in stream:
        found.append(delivery)
        if any(change.path == until for change in delivery[1]):
            return found
    raise AssertionError("a watch does not end")


async def test_one_who_was_behind_is_told_in_few_deliveries(files: FileService, scope: Scope) -> None:
    count = 2 * followers.TAIL + 300  # more than is in memory, so that the store is read again
    stream: AsyncIterator[Delivery] = aiter(await files.watch(scope, "/workspace"))
    await files.write(scope, "/workspace/first", b"")
    told = [await anext(stream)]
    paths = await write_many(files, scope, count)
    await files.write(scope, "/workspace/end", b"")
    while told[-1][1][-1].path != "/workspace/end":
        told.append(await anext(stream))
    # What was read before the writes ended may be a delivery of its own.
    assert len(told) <= 1 + 1 + (count + 1) / watch.PATHS + 1
    assert all(len(changes) <= watch.PATHS for _, changes in told)
    seen = [change.path for _, changes in told for change in changes]
    assert sorted(seen) == sorted([*paths, "/workspace/first", "/workspace/end"])
    # Each cursor is that of the last commit told of.
    for i, (cursor, _) in enumerate(told[:-1]):
        rest = await deliveries(await files.watch(scope, "/workspace", cursor=cursor), "/workspace/end")
        assert [c for _, changes in rest for c in changes] == [c for _, cs in told[i + 1 :] for c in cs]


async def test_a_burst_is_told_in_few_deliveries(files: FileService, scope: Scope) -> None:
    loop = asyncio.get_running_loop()
    watched = await files.watch(scope, "/workspace")
    began = loop.time()
    following = asyncio.create_task(deliveries(watched, "/workspace/end"))
    paths = await write_many(files, scope, 1500)
    await files.write(scope, "/workspace/end", b"")
    told = await following
    # However long it took: no more than there are pauses, and where one is so full that it is cut in two.
    most = (loop.time() - began) / followers.GATHER_SECONDS + 2
    assert len(told) <= most + len(paths) / watch.PATHS
    assert sorted(c.path for _, changes in told for c in changes) == sorted([*paths, "/workspace/end"])


async def test_changes_of_one_path_are_one(files: FileService, scope: Scope) -> None:
    cursor = (await files.watch(scope, "/workspace")).cursor
    for i in range(50):
        await files.write(scope, "/workspace/f", b"%d" % i)
        await files.write(scope, "/workspace/passing", b"")
        await files.delete(scope, "/workspace/passing")
    await files.create_directory(scope, "/workspace/d")
    await files.write(scope, "/workspace/d/f", b"")
    await files.delete(scope, "/workspace/d", recursive=True)
    await files.write(scope, "/workspace/end", b"")
    told = await deliveries(await files.watch(scope, "/workspace", cursor=cursor), "/workspace/end")
    assert [changes for _, changes in told] == [
        [
            Change(ChangeType.ADDED, "/workspace/f"),
            Change(ChangeType.DELETED, "/workspace/passing"),
            Change(ChangeType.DELETED, "/workspace/d"),
            Change(ChangeType.ADDED, "/workspace/end"),
        ]
    ]


async def test_a_cursor_goes_on_while_nothing_of_concern_happens(
    files: FileService, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "QUIET", 10)
    await files.create_directory(scope, "/workspace/d")
    watched = await files.watch(scope, "/workspace/d", excludes=["*.log"])
    before = watched.cursor
    stream: AsyncIterator[Delivery] = aiter(watched)
    await write_many(files, scope, 10)
    cursor, changes = await anext(stream)
    assert changes == []
    assert cursor > before
    await files.write(scope, "/workspace/d/f", b"")
    told = await deliveries(await files.watch(scope, "/workspace/d", cursor=cursor), "/workspace/d/f")
    assert [changes for _, changes in told] == [[Change(ChangeType.ADDED, "/workspace/d/f")]]


class Counting:
    """A database that counts how often it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.counts = database.counts
        self.asked = 0

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        return await self._database.run(body, repeatable=repeatable)

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        self.asked += 1
        return await self._database.read(body)

    async def watch(self, key: bytes, seen: bytes | None) -> bytes | None:
        self.asked += 1
        return await self._database.watch(key, seen)

    async def ready(self) -> None:
        await self._database.ready()

    async def describe(self) -> Description:
        return await self._database.describe()

    async def close(self) -> None:
        await self._database.close()


async def test_a_commit_is_read_once_for_all_who_watch(database: Database, scope: Scope) -> None:
    counting = Counting(database)
    files = FileService(counting)
    writer = FileService(database)
    streams: list[AsyncIterator[Delivery]] = [
        aiter(await files.watch(scope, "/workspace")) for _ in range(200)
    ]
    for i in range(5):
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        before = counting.asked
        await writer.write(scope, f"/workspace/{i}", b"")
        expected = [Change(ChangeType.ADDED, f"/workspace/{i}")]
        assert [changes for _, changes in await asyncio.gather(*waiting)] == [expected] * 200
        # What is there, and a wait. The first may come before it is known where the feed ends: each reads.
        assert i == 0 or counting.asked - before <= 3
    await files.close()
    for stream in streams:
        with pytest.raises(DatabaseClosed):
            await anext(stream)


@pytest.mark.parametrize("step", [4, feed.TRIM])
async def test_a_feed_is_trimmed_by_size(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(feed, "TRIM", step)
    files = FileService(database, retention=Retention(feed_records=10))
    cursors = [(await files.watch(scope, "/workspace")).cursor]
    for round in range(3):
        for i in range(12):
            await files.write(scope, f"/workspace/{round}-{i}", b"")
            cursors.append((await files.watch(scope, "/workspace")).cursor)
        await sweep(files, scope)
        *gone, first = cursors[:-10]
        for cursor in gone:
            with pytest.raises(CursorExpired):
                await files.watch(scope, "/workspace", cursor=cursor)
        root = keyspace.root(scope, "workspace")
        assert len([change async for change in feed.since(database, root, first)]) == 10
    assert await feed.trim(database, root, 0, Retention(feed_records=10)) == 0


async def test_a_feed_is_trimmed_by_age(database: Database, scope: Scope, clock: Clock) -> None:
    files = FileService(database, retention=Retention(feed=1000))
    start = (await files.watch(scope, "/workspace")).cursor
    await files.write(scope, "/workspace/old", b"")
    old = (await files.watch(scope, "/workspace")).cursor
    clock.pass_by(1001)
    await files.write(scope, "/workspace/new", b"")
    await sweep(files, scope)
    with pytest.raises(CursorExpired):
        await files.watch(scope, "/workspace", cursor=start)
    told = await deliveries(await files.watch(scope, "/workspace", cursor=old), "/workspace/new")
    assert [changes for _, changes in told] == [[Change(ChangeType.ADDED, "/workspace/new")]]


async def test_an_older_store_that_did_not_count_what_it_trimmed(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "TRIM", 4)
    files = FileService(database, retention=Retention(feed_records=5))
    root = keyspace.root(scope, "workspace")
    await write_many(files, scope, 20)
    await sweep(files, scope)

    async def forget(tr: Transaction) -> None:
        tr.clear(keyspace.feed_cut(root))

    await database.run(forget)
    await sweep(files, scope)  # may forget too much, but knows then how much there is
    cursor = (await files.watch(scope, "/workspace")).cursor
    await write_many(files, scope, 5)
    await sweep(files, scope)
    assert len([change async for change in feed.since(database, root, cursor)]) == 5


async def test_one_slower_than_the_feed_is_told_that_it_lost_track(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "TAIL", 4)
    files = FileService(database, retention=Retention(feed_records=4))
    watched = await files.watch(scope, "/workspace")
    stream: AsyncIterator[Delivery] = aiter(watched)
    await files.write(scope, "/workspace/first", b"")
    await anext(stream)
    await write_many(files, scope, 20)
    await sweep(files, scope)
    with pytest.raises(CursorExpired):
        _ = [delivery async for delivery in stream]
    await watched.restart()
    await files.write(scope, "/workspace/end", b"")
    assert [changes for _, changes in await deliveries(watched, "/workspace/end")] == [
        [Change(ChangeType.ADDED, "/workspace/end")]
    ]
    await files.close()


@dataclass
class Follower:
    """Knows a tree only by what it is told; goes on with another gateway whenever it is cut off."""

    gateways: list[FileService]
    scope: Scope
    random: random.Random
    cursor: str
    picture: dict[str, str] = field(default_factory=dict)

    async def follow(self, until: str) -> None:
        while True:
            files = self.random.choice(self.gateways)
            watched = await files.watch(self.scope, "/workspace", cursor=self.cursor)
            left = self.random.randrange(1, 20)
            async for cursor, changes in watched:
                for change in changes:
                    await self._take_in(files, change)
                self.cursor = cursor
                if any(change.path == until for change in changes):
                    return
                left -= 1
                if not left:
                    break

    async def _take_in(self, files: FileService, change: Change) -> None:
        path = change.path.removeprefix("/workspace/")
        for known in [known for known in self.picture if known == path or known.startswith(path + "/")]:
            del self.picture[known]
        if change.type == ChangeType.DELETED:
            return
        try:
            self.picture[path] = (await files.stat(self.scope, change.path)).etag
            found = await files.walk(self.scope, change.path)
        except (FileNotFound, FileNotADirectory):
            return  # a later change tells of that
        self.picture |= {f"{path}/{below}": entry.etag for below, entry in found}


@pytest.mark.parametrize("seed", range(4))
async def test_every_picture_is_the_truth_in_the_end(
    store_url: str, database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Followers on two gateways that change between them, while others write and move folders by intents."""
    monkeypatch.setattr(followers, "TAIL", 8)
    monkeypatch.setattr(followers, "GATHER_SECONDS", 0.001)
    chance = random.Random(seed)
    second = database if store_url.startswith("embedded:") else await open_database(store_url)
    gateways = [FileService(db, steps=SMALL) for db in (database, second)]
    start = (await gateways[0].watch(scope, "/workspace")).cursor
    all_of_them = [Follower(gateways, scope, random.Random(f"{seed} {i}"), start) for i in range(6)]
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for follower in all_of_them:
            group.create_task(follower.follow("/workspace/end"))
        for _ in range(60):
            operations = [drawn(chance) for _ in range(4)]
            await asyncio.gather(*(outcome(o.run(chance.choice(gateways), scope)) for o in operations))
        await gateways[0].write(scope, "/workspace/end", b"")
    truth = {path: entry.etag for path, entry in await gateways[0].walk(scope, "/workspace")}
    for follower in all_of_them:
        assert follower.picture == truth, f"seed {seed}"
    for files in gateways:
        await files.close()
    if second is not database:
        await second.close()


def drawn(chance: random.Random) -> Operation:
    """An operation that may or may not be possible."""
    path, other = ("/".join(chance.choices("abc", k=chance.choice([1, 2, 2, 3]))) for _ in range(2))
    match chance.randrange(8):
        case 0 | 1 | 2:
            return Write(path, chance.randbytes(3), True, True)
        case 3 | 4:
            return Make(path)
        case 5:
            return Delete(path, True)
        case _:
            return Transfer(path, other, chance.random() < 0.5, chance.random() < 0.5)
