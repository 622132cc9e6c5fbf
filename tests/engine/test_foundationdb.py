"""What only the FoundationDB engine promises: exactly-once commits, clear errors, no hanging."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.errors import StoreUnavailable, StoreUnusable
from tests import fdbserver

if TYPE_CHECKING:
    from fdb_provider.engine.fdb_binding import Handle
    from fdb_provider.engine.foundationdb import FoundationDatabase


@pytest.fixture
def library() -> None:
    """Skips without the C library; a server is not needed."""
    if reason := fdbserver.missing_library():
        pytest.skip(reason)


@pytest.fixture
async def unsure(fdb_cluster: Path) -> AsyncIterator[FoundationDatabase]:
    """A database whose commits end with an unknown result as `plan` says: after they were `made`, or
    `lost` before."""
    from fdb_provider.engine.fdb_binding import FDBError
    from fdb_provider.engine.foundationdb import FoundationDatabase

    class Unsure(FoundationDatabase):
        plan: list[str] = []  # noqa: RUF012 - set by each test

        async def _commit(self, handle: Handle) -> None:
            step = self.plan.pop(0) if self.plan else ""
            if step != "lost":
                await super()._commit(handle)
            if step:
                raise FDBError(1021)

    fdbserver.empty(fdb_cluster)
    database = await Unsure.open(fdb_cluster)
    yield database
    await database.close()


@pytest.mark.fdb
@pytest.mark.parametrize("plan", ["", "made", "lost", "lost made", "lost lost", "lost lost made"])
async def test_a_commit_of_unknown_result_is_made_once(unsure: Any, plan: str) -> None:
    unsure.plan = plan.split()
    attempts = 0

    async def body(tr: Transaction) -> bytes:
        nonlocal attempts
        attempts += 1
        name = b"%d" % attempts
        tr.add(b"n", 1)
        tr.set(b"attempt", name)
        tr.set_versionstamped_key(b"log", b"", b"")
        return name

    result = await unsure.run(body)
    assert unsure.plan == []
    assert await unsure.read(lambda tr: tr.get(b"n")) == (1).to_bytes(8, "little")
    assert await unsure.read(lambda tr: tr.get(b"attempt")) == result
    assert attempts == len(plan.split()) + (not plan.endswith("made"))
    assert unsure.counts.retries == len(plan.split())


@pytest.mark.fdb
async def test_conflicts_are_counted(unsure: Any) -> None:
    attempts = 0

    async def body(tr: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tr.get(b"k")
        if attempts == 1:
            await unsure.run(other)  # what no body of ours does
        tr.set(b"k", b"mine")

    async def other(tr: Transaction) -> None:
        tr.set(b"k", b"other's")

    await unsure.run(body)
    assert (attempts, unsure.counts.conflicts, unsure.counts.retries) == (2, 1, 0)


@pytest.mark.fdb
@pytest.mark.parametrize("plan", ["", "made", "lost", "lost made", "made made"])
async def test_a_repeatable_body_leaves_no_marker(unsure: Any, plan: str) -> None:
    unsure.plan = plan.split()

    async def body(tr: Transaction) -> None:
        if await tr.get(b"done") is None:
            tr.set(b"done", b"1")
            tr.add(b"n", 1)

    async def everything(tr: Reader) -> dict[bytes, bytes]:
        return {key: value async for key, value in tr.get_range(b"", b"\xff")}

    await unsure.run(body, repeatable=True)
    assert await unsure.read(everything) == {b"done": b"1", b"n": (1).to_bytes(8, "little")}


@pytest.mark.fdb
async def test_unknown_results_under_contention(unsure: Any) -> None:
    unsure.plan = ["", "made", "lost"] * 20

    async def increment(tr: Transaction) -> int:
        value = int(await tr.get(b"n") or b"0") + 1
        tr.set(b"n", b"%d" % value)
        return value

    results = await asyncio.gather(*(unsure.run(increment) for _ in range(30)))
    assert sorted(results) == list(range(1, 31))


@pytest.mark.fdb
async def test_old_markers_are_cleared(unsure: Any) -> None:
    old = keyspace.commits() + keyspace.pack(1_000, b"old")

    async def body(tr: Transaction) -> None:
        tr.set(old, b"1")

    async def markers(tr: Reader) -> list[bytes]:
        begin, end = keyspace.range_of(keyspace.commits())
        return [key async for key, _ in tr.get_range(begin, end)]

    await unsure.run(body)
    assert await unsure.watch(old, b"1") is None
    assert len(await unsure.read(markers)) == 1


async def test_a_cluster_that_does_not_answer(library: None, tmp_path: Path) -> None:
    with socket.socket() as silent:  # bound, so that nobody else answers there
        silent.bind(("127.0.0.1", 0))
        cluster = tmp_path / "fdb.cluster"
        cluster.write_text(f"test:test@127.0.0.1:{silent.getsockname()[1]}\n")
        database = await open_database(f"fdb:{cluster}")
        watching = asyncio.create_task(database.watch(b"a", None))

        async def write(tr: Transaction) -> None:
            tr.set(b"a", b"1")

        async with asyncio.timeout(30):
            results = await asyncio.gather(
                database.ready(),
                database.read(lambda tr: tr.get(b"a")),
                database.run(write),
                database.describe(),
                return_exceptions=True,
            )
        assert [type(result) for result in results] == [StoreUnavailable] * 4
        assert "may or may not" not in str(results[1])
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await database.close()


async def test_a_cluster_file_that_is_none(library: None, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="No such file"):
        await open_database(f"fdb:{tmp_path / 'missing'}")
    wrong = tmp_path / "wrong"
    wrong.write_text("not a cluster file")
    with pytest.raises(StoreUnusable, match=r"(?i)connection string"):
        await (await open_database(f"fdb:{wrong}")).ready()


OPEN = """
import asyncio, ctypes, ctypes.util
{prepare}
from fdb_provider.engine.url import open_database
from fdb_provider.errors import StoreUnusable
for _ in range(2):
    try:
        asyncio.run(open_database("fdb:/dev/null"))
    except StoreUnusable as error:
        print(error)
"""
MISSING = """
def missing(*args): raise OSError("libfdb_c.so: cannot open shared object file")
ctypes.CDLL = missing
ctypes.util.find_library = lambda name: None
"""
OLDER = """
class Older:
    def __init__(self, *args): pass
    def fdb_select_api_version_impl(self, wanted, header): return 2203
    def fdb_get_max_api_version(self): return 710
ctypes.CDLL = Older
"""


@pytest.mark.parametrize(("prepare", "reason"), [(MISSING, "libfdb_c"), (OLDER, "710")])
def test_a_c_library_that_is_missing_or_older(prepare: str, reason: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN.format(prepare=prepare)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert reason in line
        assert "foundationdb-clients" in line
