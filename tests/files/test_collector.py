"""What need not be kept goes, for every account, while others read and write; on both engines."""

from __future__ import annotations

import asyncio
import contextlib

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import FileError, RecordNotFound
from fdb_provider.files import content
from fdb_provider.files.collector import LEASE, Collector
from fdb_provider.files.retention import DAY
from fdb_provider.files.service import FileService
from fdb_provider.fsck import check
from fdb_provider.repositories import accounts
from fdb_provider.scope import Scope
from tests.files.conftest import KEEPING, Clock

EVERY = 300.0


async def register(database: Database, count: int) -> list[Scope]:
    """Accounts with something of every kind that is to be collected."""
    scopes = []
    files = FileService(database, retention=KEEPING)
    for i in range(count):
        new = accounts.registration(f"{i}@example.com", "Ada", "hash")
        await database.run(lambda tr, new=new: accounts.register(tr, new))  # type: ignore[misc]
        for root in ("workspace", "home"):
            for data in (b"1", b"2"):
                await files.write(new.scope, f"/{root}/f", data, idempotency_key=f"{root}{data!r}")
            await files.copy(new.scope, f"/{root}/f", f"/{root}/g")
            await files.delete(new.scope, f"/{root}/g", to_trash=True)
        scopes.append(new.scope)
    return scopes


def collector(database: Database) -> Collector:
    return Collector(database, FileService(database, retention=KEEPING), every=EVERY, pause=0)


async def left(database: Database, scope: Scope) -> set[str]:
    """What kinds of things a tenant still has that need not be kept."""
    kinds = ("garbage", "history", "history-due", "doomed-entries", "doomed-history")
    prefixes = {kind: keyspace.pack(scope.tenant, kind) for kind in kinds}
    for root in ("workspace", "home"):
        for kind in ("trash", "trashed", "feed"):
            prefixes[f"{root} {kind}"] = keyspace.root(scope, root) + keyspace.pack(kind)

    async def body(tr: Reader) -> set[str]:
        return {
            kind
            for kind, prefix in prefixes.items()
            async for _ in tr.get_range(prefix, prefix + b"\xff", limit=1)
        }

    return await database.read(body)


async def test_every_account_has_its_turn_connected_or_not(database: Database, clock: Clock) -> None:
    scopes = await register(database, 5)
    for _ in range(4):  # what one pass gives up, a later one takes away
        clock.pass_by(10 * DAY)
        one = collector(database)
        assert [await one.step() for _ in range(6)] == [True] * 5 + [False]
        assert not await one.step()
    for scope in scopes:
        assert await left(database, scope) == set()
        files = FileService(database)
        assert (await files.read(scope, "/workspace/f"))[1] == b"2"
    assert (await check(database)).found == []


async def test_one_gateway_at_a_time_and_another_goes_on(database: Database, clock: Clock) -> None:
    await register(database, 3)
    one, other = collector(database), collector(database)
    assert await one.step()
    assert not await other.step()
    clock.pass_by(LEASE + 1)
    assert await other.step()
    assert not await one.step()
    assert await other.step()
    assert not await other.step()  # two were left
    clock.pass_by(int(EVERY * 1000) - 1)
    assert not await one.step()
    clock.pass_by(2)
    assert [await one.step() for _ in range(4)] == [True] * 3 + [False]


async def test_writers_readers_and_collectors_race_without_loss(database: Database) -> None:
    """Collectors from a far future, for which all grace is over, beside those who write, restore and read."""
    [scope] = await register(database, 1)
    files = FileService(database, retention=KEEPING)
    running = True

    async def collect() -> None:
        while running:
            await files.sweep(scope, content.now() + 10 * DAY)
            await asyncio.sleep(0)

    async def work(name: str) -> None:
        path = f"/workspace/{name}"
        for i in range(25):
            # The same contents again and again: each is on its way out when it is stored anew.
            await files.write(scope, path, b"%d" % (i % 3))
            assert (await files.read(scope, path))[1] == b"%d" % (i % 3)
            try:
                versions = await files.history.list(scope, path)
                if versions and i % 4 == 0:
                    await files.history.restore(scope, path, versions[0].name)
                    await files.read(scope, path)
            except RecordNotFound:
                pass
            if i % 5 == 0:
                await files.delete(scope, path, to_trash=i % 2 == 0)
                for trash_id, item in await files.trash.list(scope):
                    if item.path == path:
                        with contextlib.suppress(RecordNotFound, FileError):
                            await files.trash.restore(scope, trash_id, overwrite=True)

    collectors = [asyncio.create_task(collect()) for _ in range(2)]
    try:
        await asyncio.gather(*(work(name) for name in "abcd"))
    finally:
        running = False
        await asyncio.gather(*collectors)
    for path, entry in await files.walk(scope, "/workspace"):
        assert len((await files.read(scope, f"/workspace/{path}"))[1]) == entry.size
    assert (await check(database, deep=True)).found == []
