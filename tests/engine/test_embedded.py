"""What only the embedded engine promises: one process, crashes, a full disk, bodies that suspend."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import lmdb
import pytest

from fdb_provider.engine import Reader, Transaction
from fdb_provider.engine.embedded import EmbeddedDatabase
from fdb_provider.engine.url import open_database
from fdb_provider.errors import BodySuspended, StoreFull, StoreInUse, StoreUnusable

WRITER = """
import asyncio, sys
from fdb_provider.engine.embedded import EmbeddedDatabase

async def main():
    database = await EmbeddedDatabase.open(sys.argv[1])
    async def worker(name):
        for i in range(1_000_000):
            async def body(tr):
                tr.set(b"%d/%d" % (name, i), b"v" * 3000)
                tr.add(b"count", 1)
            await database.run(body)
            sys.stdout.write(f"{name}/{i}\\n")
            sys.stdout.flush()
    print("ready", flush=True)
    await asyncio.gather(*(worker(name) for name in range(8)))

asyncio.run(main())
"""


async def started(script: str, folder: Path) -> asyncio.subprocess.Process:
    """A Python process that has said it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def keys(database: EmbeddedDatabase) -> set[bytes]:
    async def body(tr: Reader) -> set[bytes]:
        return {key async for key, _ in tr.get_range(b"", b"\xff")}

    return await database.read(body)


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    acknowledged: set[bytes] = set()
    for _ in range(4):
        process = await started(WRITER, tmp_path)
        assert process.stdout is not None
        for _ in range(random.randint(1, 300)):
            acknowledged.add((await process.stdout.readline()).strip())
        process.send_signal(signal.SIGKILL)
        acknowledged |= {
            line.strip() for line in (await process.stdout.read()).splitlines(True) if b"\n" in line
        }
        await process.wait()
        database = await EmbeddedDatabase.open(tmp_path)
        found = await keys(database)
        count = await database.read(lambda tr: tr.get(b"count"))
        await database.close()
        assert acknowledged <= found
        assert int.from_bytes(count or b"", "little") >= len(found) - 1


async def test_a_store_belongs_to_one_process(tmp_path: Path) -> None:
    process = await started(WRITER, tmp_path)
    with pytest.raises(StoreInUse, match=rf"{tmp_path}.* {process.pid}"):
        await EmbeddedDatabase.open(tmp_path)
    process.kill()
    await process.communicate()
    database = await EmbeddedDatabase.open(tmp_path)
    with pytest.raises(StoreInUse, match=str(os.getpid())):
        await EmbeddedDatabase.open(tmp_path)
    await database.close()


async def test_only_the_owner_may_read_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "store"
    database = await EmbeddedDatabase.open(folder)
    await database.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


async def fill(database: EmbeddedDatabase, name: int) -> int:
    """Writes until the store is full; gives the number of values that were saved."""
    for i in range(10_000):

        async def body(tr: Transaction, i: int = i) -> None:
            tr.set(b"%d/%d" % (name, i), os.urandom(50_000))
            tr.set(b"%d/%d/second half" % (name, i), b"")

        try:
            await database.run(body)
        except StoreFull:
            return i
    raise AssertionError("the store was never full")


async def test_a_full_store_says_so_and_can_be_cleared(tmp_path: Path) -> None:
    database = await open_database(f"embedded:{tmp_path}?map_size={4 << 20}")
    assert isinstance(database, EmbeddedDatabase)

    async def clear(tr: Transaction) -> None:
        tr.clear_range(b"0", b"3")

    for _ in range(5):
        counts = await asyncio.gather(*(fill(database, name) for name in range(4)))
        assert len(await keys(database)) == 2 * sum(counts)
        assert 60 <= sum(counts) <= 84
        failures = database.counts.failures
        with pytest.raises(StoreFull):
            await fill_at_once(database)
        assert database.counts.failures > failures
        await database.run(clear)
        assert await keys(database) == {
            key for i in range(counts[3]) for key in (b"3/%d" % i, b"3/%d/second half" % i)
        }
        await fill(database, 0)
        await database.run(clear_all)
    await database.close()


async def fill_at_once(database: EmbeddedDatabase) -> None:
    async def body(tr: Transaction) -> None:
        for i in range(90):
            tr.set(b"at once %d" % i, bytes(100_000))

    await database.run(body)


REFUSED = """
import asyncio, resource, sys
from fdb_provider.engine.embedded import EmbeddedDatabase
from fdb_provider.errors import StoreFull

async def main():
    database = await EmbeddedDatabase.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    async def put(i):
        async def body(tr):
            tr.set(b"%03d" % i, b"v" * 30_000)
            tr.set(b"%03d second half" % i, b"")
        await database.run(body)
    async def keys(tr):
        return {key async for key, _ in tr.get_range(b"", b"\\xff")}
    async def clear(tr):
        tr.clear_range(b"", b"\\xff")
    for _ in range(3):
        results = await asyncio.gather(*(put(i) for i in range(60)), return_exceptions=True)
        kept = [i for i, result in enumerate(results) if result is None]
        refused = [result for result in results if isinstance(result, StoreFull)]
        assert len(kept) + len(refused) == 60, results
        assert len(kept) > 5 and len(refused) > 5, (len(kept), len(refused))
        expected = {key for i in kept for key in (b"%03d" % i, b"%03d second half" % i)}
        assert await database.read(keys) == expected
        await database.run(clear)
        assert await database.read(keys) == set()
    await database.close()

asyncio.run(main())
"""


async def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", REFUSED, str(tmp_path), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()


async def clear_all(tr: Transaction) -> None:
    tr.clear_range(b"", b"\xff")


async def test_a_body_that_suspends_is_an_error(tmp_path: Path) -> None:
    database = await EmbeddedDatabase.open(tmp_path)
    left: list[str] = []

    async def sleeps(tr: Reader) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            left.append("cleaned up")

    async def sleeps_long(tr: Reader) -> None:
        await asyncio.sleep(1)

    async def gathers(tr: Reader) -> None:
        await asyncio.gather(tr.get(b"a"), tr.get(b"b"))

    async def writes_and_sleeps(tr: Transaction) -> None:
        tr.set(b"a", b"1")
        await asyncio.sleep(0)

    for body in (sleeps, sleeps_long):
        with pytest.raises(BodySuspended):
            await database.read(body)
    for body in (sleeps, sleeps_long, gathers):
        with pytest.raises(BodySuspended):
            await database.run(body)
    with pytest.raises(BodySuspended):
        await database.run(writes_and_sleeps)
    assert left == ["cleaned up"] * 2
    assert await keys(database) == set()
    await database.close()


async def test_namespaces_of_long_keys_are_removed_with_them(tmp_path: Path) -> None:
    database = await EmbeddedDatabase.open(tmp_path)
    long = [b"a" * length + tail for length in (502, 1002, 1003, 5_000) for tail in (b"", b"b", b"c" * 2000)]

    async def put(tr: Transaction) -> None:
        for key in long:
            tr.set(key, b"v")

    async def clear(tr: Transaction) -> None:
        for key in long:
            tr.clear(key)

    await database.run(put)
    await database.run(clear)
    await database.run(put)
    await database.run(clear_all)
    await database.close()
    with lmdb.open(str(tmp_path)) as env, env.begin() as txn, txn.cursor() as cursor:
        assert [key for key in cursor.iternext(values=False) if key[:1] != b"m"] == []


async def test_a_folder_that_cannot_be_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "data.mdb").write_bytes(b"not a database" * 1000)
    newer = tmp_path / "newer"
    newer.mkdir()
    with lmdb.open(str(newer)) as env, env.begin(write=True) as txn:
        txn.put(b"mformat", b"3")
    for name, reason in (("file", "exists"), ("other", "cannot be opened"), ("newer", "newer version")):
        with pytest.raises(StoreUnusable, match=reason):
            await EmbeddedDatabase.open(tmp_path / name)


async def test_a_store_of_the_first_format_is_opened_and_kept_from_older_programs(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as txn:
        txn.put(b"mformat", b"1")
    await (await EmbeddedDatabase.open(tmp_path)).close()
    with lmdb.open(str(tmp_path)) as env, env.begin() as txn:
        assert txn.get(b"mformat") == b"2"  # they know "1" and refuse all else


@pytest.mark.parametrize("url", ["", "embedded:", "fdb:", "sqlite:x", "/var/lib/store"])
async def test_an_url_of_no_store(url: str) -> None:
    with pytest.raises(StoreUnusable, match="embedded:DIR or fdb:CLUSTER_FILE"):
        await open_database(url)
