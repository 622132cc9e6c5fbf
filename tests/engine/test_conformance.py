"""What every storage engine promises. Each test runs on each engine."""

from __future__ import annotations

import asyncio
import gc
import itertools
import re
import threading
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

import pytest
import uvloop

from fdb_provider import keyspace
from fdb_provider.engine import (
    KEY_LIMIT,
    VALUE_LIMIT,
    VERSIONSTAMP_LENGTH,
    Database,
    Reader,
    Transaction,
)
from fdb_provider.errors import (
    DatabaseClosed,
    KeyTooLarge,
    StoreError,
    TransactionTooLarge,
    TransactionTooOld,
    ValueTooLarge,
)

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[bytes, bytes]


def given(
    body: Callable[Concatenate[Transaction, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> Callable[[Transaction], Awaitable[T]]:
    """The body with its other arguments given."""
    return lambda tr: body(tr, *args, **kwargs)


async def put(database: Database, *rows: Row) -> None:
    async def body(tr: Transaction) -> None:
        for key, value in rows:
            tr.set(key, value)

    await database.run(body)


async def get(database: Database, key: bytes) -> bytes | None:
    return await database.read(lambda tr: tr.get(key))


async def collect(
    tr: Reader, begin: bytes = b"", end: bytes = b"\xff", *, limit: int = 0, reverse: bool = False
) -> list[Row]:
    """The rows of a range, without the engine's own marks of commits."""
    rows = tr.get_range(begin, end, limit=limit, reverse=reverse)
    return [row async for row in rows if not row[0].startswith(keyspace.commits())]


async def scan(
    database: Database, begin: bytes = b"", end: bytes = b"\xff", *, limit: int = 0, reverse: bool = False
) -> list[Row]:
    return await database.read(lambda tr: collect(tr, begin, end, limit=limit, reverse=reverse))


async def test_what_was_set_is_read_and_what_was_cleared_is_gone(database: Database) -> None:
    await put(database, (b"a", b"1"), (b"b", b""), (b"", b"empty key"))
    assert await get(database, b"a") == b"1"
    assert await get(database, b"b") == b""
    assert await get(database, b"") == b"empty key"
    assert await get(database, b"c") is None

    async def body(tr: Transaction) -> None:
        tr.clear(b"a")
        tr.clear(b"never set")

    await database.run(body)
    assert await scan(database) == [(b"", b"empty key"), (b"b", b"")]


LONG_AND_SHORT = sorted(
    {b"", b"\x00", b"a", b"b", b"\xfe", b"\xfe" * 3}
    | {
        fill * length + tail
        for fill in (b"a", b"\xfe")
        for length in (500, 501, 502, 503, 510, 511, 512, 1002, 1003, 9_999)
        for tail in (b"", b"\x00", b"b")
    }
    | {b"a" * 501 + b"\x00" * 600, b"a" * 501 + b"\xff" * 600, b"a" * 501 + b"\xff" * 502}
)
"""Keys around the lengths at which an engine may have to cut them; some are prefixes of others."""


async def test_keys_of_any_bytes_and_length_are_in_order(database: Database) -> None:
    rows = [(key, b"%d" % i) for i, key in enumerate(LONG_AND_SHORT)]
    await put(database, *reversed(rows))
    assert await scan(database) == rows
    assert await scan(database, reverse=True) == rows[::-1]
    for key, value in rows:
        assert await get(database, key) == value


async def test_ranges_between_any_two_keys(database: Database) -> None:
    rows = [(key, b"%d" % i) for i, key in enumerate(LONG_AND_SHORT) if i % 2]
    await put(database, *rows)

    async def body(tr: Reader) -> None:
        for begin, end in itertools.product(LONG_AND_SHORT[::3], LONG_AND_SHORT[::4]):
            expected = [row for row in rows if begin <= row[0] < end]
            found = await collect(tr, begin, end)
            assert found == expected
            found = await collect(tr, begin, end, reverse=True)
            assert found == expected[::-1]

    await database.read(body)


async def test_clear_range_between_any_two_keys(database: Database) -> None:
    rows = [(key, b"v") for key in LONG_AND_SHORT]
    await put(database, *rows)

    class Enough(Exception):
        pass

    async def body(tr: Transaction, begin: bytes, end: bytes) -> None:
        tr.clear_range(begin, end)
        found = await collect(tr)
        assert found == [row for row in rows if not begin <= row[0] < end]
        for key in LONG_AND_SHORT[::3]:
            tr.clear(key)
        found = await collect(tr)
        assert found == [
            row for row in rows if not begin <= row[0] < end and row[0] not in LONG_AND_SHORT[::3]
        ]
        raise Enough

    for begin, end in itertools.product(LONG_AND_SHORT[1::7], LONG_AND_SHORT[::8]):
        with pytest.raises(Enough):
            await database.run(given(body, begin, end))
    assert await scan(database) == rows


async def test_limits_of_a_range(database: Database) -> None:
    rows = [(b"%05d" % i, b"v" * 500) for i in range(1_500)]
    await put(database, *rows)
    assert await scan(database, b"0", limit=1) == rows[:1]
    assert await scan(database, b"0", limit=700) == rows[:700]
    assert await scan(database, b"0", limit=700, reverse=True) == rows[: -700 - 1 : -1]
    assert await scan(database, b"0", limit=9_999) == rows
    assert await scan(database, b"00100", b"00200", limit=150) == rows[100:200]
    assert await scan(database) == rows
    assert await scan(database, reverse=True) == rows[::-1]


async def test_an_empty_or_inverted_range_is_empty(database: Database) -> None:
    await put(database, (b"a", b"1"), (b"b", b"2"))
    assert await scan(database, b"a", b"a") == []
    assert await scan(database, b"b", b"a") == []

    async def body(tr: Transaction) -> None:
        tr.clear_range(b"b", b"a")
        tr.clear_range(b"a", b"a")

    await database.run(body)
    assert len(await scan(database)) == 2


async def test_a_range_may_be_left_early(database: Database) -> None:
    await put(database, *((b"%03d" % i, b"v") for i in range(300)))

    async def body(tr: Transaction) -> bytes:
        async for key, _ in tr.get_range(b"", b"\xff"):
            if key == b"100":
                break
        tr.set(b"left at", key)
        return key

    assert await database.run(body) == b"100"


async def test_a_transaction_reads_its_own_writes(database: Database) -> None:
    await put(database, (b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"n", (5).to_bytes(8, "little")))

    async def body(tr: Transaction) -> tuple[bytes | None, bytes | None, bytes | None, list[Row]]:
        before = tr.get(b"a")
        tr.set(b"a", b"new")
        tr.clear(b"b")
        tr.set(b"bb", b"between")
        tr.add(b"n", 2)
        found = await collect(tr, b"a", b"m")
        tr.clear_range(b"a", b"c")
        return await before, await tr.get(b"a"), await tr.get(b"n"), found

    before, after, counter, found = await database.run(body)
    assert before == b"1"
    assert after is None
    assert counter == (7).to_bytes(8, "little")
    assert found == [(b"a", b"new"), (b"bb", b"between"), (b"c", b"3")]
    assert [key for key, _ in await scan(database)] == [b"c", b"n"]


async def test_rows_collected_first_can_all_be_rewritten(database: Database) -> None:
    await put(database, *((b"%04d" % i, b"old") for i in range(1_000)))

    async def body(tr: Transaction) -> None:
        for key, _ in await collect(tr):
            tr.clear(key)
            tr.set(b"moved" + key, b"new")

    await database.run(body)
    assert await scan(database) == [(b"moved%04d" % i, b"new") for i in range(1_000)]


async def test_an_error_abandons_the_transaction_and_is_passed_on(database: Database) -> None:
    async def fails(tr: Transaction) -> None:
        tr.set(b"a", b"1")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await database.run(fails)
    with pytest.raises(LookupError):
        await database.read(lambda tr: raising(LookupError()))
    assert await get(database, b"a") is None


async def test_reads_and_runs_are_counted_however_they_end(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        tr.set(b"a", b"1")

    await database.run(body)
    with pytest.raises(LookupError):
        await database.run(lambda tr: raising(LookupError()))
    for _ in range(3):
        await get(database, b"a")
    with pytest.raises(LookupError):
        await database.read(lambda tr: raising(LookupError()))
    counts = database.counts
    assert (counts.runs.count, counts.reads.count) == (2, 4)
    assert 0 < counts.reads.total < 60
    assert (counts.failures, counts.conflicts, counts.retries) == (0, 0, 0)


async def raising(error: Exception) -> None:
    raise error


async def test_one_failing_body_does_not_touch_its_neighbours(database: Database) -> None:
    async def body(tr: Transaction, i: int) -> int:
        tr.set(b"%02d" % i, b"v")
        if i % 3 == 0:
            raise LookupError
        return i

    results = await asyncio.gather(*(database.run(given(body, i)) for i in range(30)), return_exceptions=True)
    kept = [i for i in range(30) if i % 3]
    assert [result for result in results if isinstance(result, int)] == kept
    assert [key for key, _ in await scan(database)] == [b"%02d" % i for i in kept]


async def test_increments_are_never_lost(database: Database) -> None:
    async def increment(tr: Transaction) -> None:
        value = await tr.get(b"n")
        tr.set(b"n", b"%d" % (int(value or b"0") + 1))

    await asyncio.gather(*(database.run(increment) for _ in range(40)))
    assert await get(database, b"n") == b"40"


@pytest.mark.parametrize("how", ["read", "conflict key"])
async def test_two_that_read_what_the_other_writes_do_not_both_pass(database: Database, how: str) -> None:
    async def claim(tr: Transaction, mine: bytes, other: bytes) -> bool:
        taken = await tr.get(other, snapshot=how == "conflict key")
        if how == "conflict key":
            tr.add_read_conflict_key(other)
        if taken is None:
            tr.set(mine, b"taken")
        return taken is None

    for i in range(20):
        left, right = b"%d left" % i, b"%d right" % i
        passed = await asyncio.gather(
            database.run(given(claim, left, right)),
            database.run(given(claim, right, left)),
        )
        assert sorted(passed) == [False, True]


async def test_a_read_is_one_snapshot(database: Database) -> None:
    await put(database, (b"a", b"0"), (b"b", b"0"))

    async def bump(tr: Transaction) -> None:
        value = b"%d" % (int(await tr.get(b"a") or b"0") + 1)
        tr.set(b"a", value)
        tr.set(b"b", value)

    async def both(tr: Reader) -> bool:
        a = await tr.get(b"a")
        rows = await collect(tr, b"a", b"c")
        return [a, a] == [value for _, value in rows]

    results = await asyncio.gather(*(database.run(bump) if i % 2 else database.read(both) for i in range(60)))
    assert all(results[::2])


@pytest.mark.parametrize("width", [8, 16])
async def test_add_is_little_endian_signed_and_wraps(database: Database, width: int) -> None:
    async def body(tr: Transaction, delta: int) -> None:
        tr.add(b"n", delta, width=width)

    await asyncio.gather(*(database.run(given(body, delta)) for delta in (1, 2, 300, -4)))
    assert await get(database, b"n") == (299).to_bytes(width, "little", signed=True)
    await database.run(given(body, -300))
    assert await get(database, b"n") == (-1).to_bytes(width, "little", signed=True)
    with pytest.raises(OverflowError):
        await database.run(given(body, 1 << (8 * width - 1)))


def stamped(prefix: bytes, suffix: bytes, value: bytes) -> Callable[[Transaction], Awaitable[None]]:
    async def body(tr: Transaction) -> None:
        tr.set_versionstamped_key(prefix, suffix, value)

    return body


async def test_versionstamps_rise_in_commit_order(database: Database) -> None:
    for i in range(5):
        await database.run(stamped(b"log", b"", b"%d" % i))
    await asyncio.gather(*(database.run(stamped(b"log", b"!", b"later")) for _ in range(20)))
    rows = await scan(database, b"log", b"loh")
    assert [value for _, value in rows] == [b"0", b"1", b"2", b"3", b"4"] + [b"later"] * 20
    assert {len(key) for key, _ in rows[:5]} == {len(b"log") + VERSIONSTAMP_LENGTH}
    assert {key[-1:] for key, _ in rows[5:]} == {b"!"}


async def test_one_transaction_has_one_versionstamp(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        tr.set_versionstamped_key(b"a", b"1", b"")
        tr.set_versionstamped_key(b"b", b"2", b"")

    await database.run(body)
    (a, _), (b, _) = await scan(database)
    assert a[1:-1] == b[1:-1]


async def test_versionstamps_keep_rising_after_reopening(store_url: str) -> None:
    from fdb_provider.engine.url import open_database

    for i in range(3):
        database = await open_database(store_url)
        await database.run(stamped(b"log", b"", b"%d" % i))
        rows = await scan(database)
        await database.close()
    assert [value for _, value in rows] == [b"0", b"1", b"2"]


async def test_a_versionstamped_key_cannot_be_read_before_the_commit(database: Database) -> None:
    async def by_range(tr: Transaction) -> None:
        tr.set_versionstamped_key(b"log", b"", b"v")
        async for _ in tr.get_range(b"log", b"loh"):
            pass

    async def elsewhere(tr: Transaction) -> list[Row]:
        tr.set_versionstamped_key(b"log", b"", b"v")
        await tr.get(b"log")
        return await collect(tr, b"a", b"log")

    with pytest.raises(StoreError, match="versionstamp"):
        await database.run(by_range)
    assert await database.run(elsewhere) == []
    assert len(await scan(database)) == 1


async def test_clear_range_clears_what_was_stamped_before_it(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        tr.set_versionstamped_key(b"log", b"", b"cleared")
        tr.clear_range(b"log", b"loh")
        tr.set_versionstamped_key(b"log", b"2", b"kept")

    await database.run(body)
    assert [value for _, value in await scan(database)] == [b"kept"]


async def test_a_watch_sees_a_change_made_before_it(database: Database) -> None:
    await put(database, (b"a", b"1"))
    assert await database.watch(b"a", None) == b"1"
    assert await database.watch(b"a", b"0") == b"1"
    assert await database.watch(b"b", b"0") is None


async def test_a_watch_wakes_for_each_kind_of_write(database: Database) -> None:
    async def write(tr: Transaction, step: int) -> None:
        match step:
            case 0:
                tr.set(b"a", b"1")
            case 1:
                tr.clear(b"a")
            case 2:
                tr.add(b"a", 1)
            case _:
                tr.clear_range(b"", b"b")

    seen: bytes | None = None
    for step in range(4):
        watching = [asyncio.create_task(database.watch(b"a", seen)) for _ in range(3)]
        await put(database, (b"other", b"%d" % step))
        assert not any(task.done() for task in watching)
        await database.run(given(write, step))
        async with asyncio.timeout(30):
            values = await asyncio.gather(*watching)
        assert len(set(values)) == 1
        assert values[0] != seen
        seen = values[0]
    assert seen is None


async def test_a_watch_that_races_with_writes_misses_nothing(database: Database) -> None:
    last = 30

    async def follow() -> bytes | None:
        seen: bytes | None = None
        while seen != b"%d" % last:
            seen = await database.watch(b"a", seen)
        return seen

    async def write() -> None:
        for i in range(last + 1):
            await put(database, (b"a", b"%d" % i))

    async with asyncio.timeout(30):
        _, *seen = await asyncio.gather(write(), follow(), follow())
    assert seen == [b"%d" % last] * 2


async def test_a_watch_can_be_cancelled(database: Database) -> None:
    await put(database, (b"a", b"1"))
    watching = asyncio.create_task(database.watch(b"a", b"1"))
    assert await get(database, b"a") == b"1"
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    await put(database, (b"a", b"2"))
    assert await database.watch(b"a", b"1") == b"2"


async def test_limits_of_keys_and_values(database: Database) -> None:
    longest, largest = b"k" * KEY_LIMIT, b"v" * VALUE_LIMIT
    await put(database, (longest, largest))
    assert await get(database, longest) == largest
    assert await scan(database, b"k", longest + b"\x00") == [(longest, largest)]

    async def with_key(tr: Transaction, name: str) -> None:
        key = longest + b"k"
        match name:
            case "get":
                await tr.get(key)
            case "set":
                tr.set(key, b"")
            case "clear":
                tr.clear(key)
            case "add":
                tr.add(key, 1)
            case "get_range":
                tr.get_range(b"", key + b"k")
            case "clear_range":
                tr.clear_range(b"", key + b"k")
            case "stamp":
                tr.set_versionstamped_key(longest[:-VERSIONSTAMP_LENGTH], b"1", b"")

    for name in ("get", "set", "clear", "add", "get_range", "clear_range", "stamp"):
        with pytest.raises(KeyTooLarge):
            await database.run(given(with_key, name))
    with pytest.raises(ValueTooLarge):
        await put(database, (b"a", largest + b"v"))
    with pytest.raises(ValueError, match="0xff"):
        await put(database, (b"\xffa", b""))
    assert [key for key, _ in await scan(database)] == [longest]


async def test_the_limit_of_a_transaction(database: Database) -> None:
    value = b"v" * (VALUE_LIMIT - 1_000)
    await put(database, *((b"%03d" % i, value) for i in range(95)))
    assert len(await scan(database)) == 95
    with pytest.raises(TransactionTooLarge):
        await put(database, *((b"new%03d" % i, value) for i in range(110)))
    assert len(await scan(database)) == 95


async def open_with(store_url: str, seconds: float) -> Database:
    kind, _, where = store_url.partition(":")
    if kind == "embedded":
        from fdb_provider.engine.embedded import EmbeddedDatabase

        return await EmbeddedDatabase.open(where, transaction_seconds=seconds)
    from fdb_provider.engine.foundationdb import FoundationDatabase

    return await FoundationDatabase.open(where, transaction_seconds=seconds)


async def test_the_time_of_a_transaction(store_url: str) -> None:
    database = await open_with(store_url, 0.0)
    for body in (lambda tr: tr.get(b"a"), lambda tr: anext(aiter(tr.get_range(b"a", b"b")))):
        with pytest.raises(TransactionTooOld):
            await database.read(body)
    with pytest.raises(TransactionTooOld):
        await put(database, (b"a", b"1"))
    await database.close()


async def test_a_transaction_cannot_be_used_after_its_end(database: Database) -> None:
    kept: list[Transaction] = []

    async def body(tr: Transaction) -> None:
        kept.append(tr)

    async def reading(tr: Reader) -> Reader:
        return tr

    await database.run(body)
    for use in (
        lambda: kept[0].get(b"a"),
        lambda: kept[0].set(b"a", b"1"),
        lambda: kept[0].clear_range(b"a", b"b"),
    ):
        with pytest.raises(TransactionTooOld):
            use()
    reader = await database.read(reading)
    with pytest.raises(TransactionTooOld):
        reader.get_range(b"a", b"b")


async def test_results_may_be_left_unawaited(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        tr.get(b"a")
        tr.get_range(b"a", b"b")
        tr.set(b"a", b"1")
        tr.get(b"a")

    await database.run(body)
    gc.collect()
    assert await get(database, b"a") == b"1"


async def test_a_cancelled_caller_leaves_the_store_sound(database: Database) -> None:
    async def body(tr: Transaction, i: int) -> None:
        await tr.get(b"n")
        tr.set(b"%02d" % i, b"v")

    tasks = [asyncio.create_task(database.run(given(body, i))) for i in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [None] * 10
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    kept = {int(key) for key, _ in await scan(database)}
    assert set(range(1, 20, 2)) <= kept


async def test_calls_from_other_threads_and_event_loops(database: Database) -> None:
    async def work(name: bytes) -> None:
        async def increment(tr: Transaction) -> None:
            tr.add(b"n", 1)
            tr.set(name, b"here")

        async def wait() -> None:
            seen = None
            while seen != b"go on":
                seen = await database.watch(b"start", seen)

        await wait()
        for _ in range(10):
            await asyncio.gather(*(database.run(increment) for _ in range(5)), get(database, b"n"))

    async def here() -> None:
        await put(database, (b"start", b"go on"))
        await work(b"here")

    await asyncio.gather(
        asyncio.to_thread(lambda: asyncio.run(work(b"asyncio"))),
        asyncio.to_thread(lambda: uvloop.run(work(b"uvloop"))),
        here(),
    )
    assert await get(database, b"n") == (150).to_bytes(8, "little")
    assert threading.active_count() < 50


async def test_it_describes_itself(store_url: str, database: Database) -> None:
    told = await database.describe()
    assert store_url.startswith(f"{told.kind}:")
    if told.kind == "embedded":
        assert re.fullmatch(r"LMDB 0\.\d+\.\d+", told.software)
        assert (told.engine, told.replication, told.healthy) == ("lmdb", "none", True)
        assert told.used_bytes is not None
        assert 0 < told.used_bytes < 1024**2
        assert told.capacity_bytes == 64 * 1024**3
        await put(database, *[(b"%d" % i, bytes(90_000)) for i in range(50)])
        after = (await database.describe()).used_bytes
        assert after is not None
        assert after > 50 * 90_000
    else:
        assert re.fullmatch(r"FoundationDB 7\.3\.\d+", told.software)
        # as tests/fdbserver.py has configured it
        assert (told.engine, told.replication, told.capacity_bytes) == ("ssd-2", "single", None)


async def test_closing(store_url: str) -> None:
    from fdb_provider.engine.url import open_database

    database = await open_database(store_url)
    await database.ready()
    await put(database, (b"a", b"1"))
    watching = asyncio.create_task(database.watch(b"a", b"1"))
    await database.run(lambda tr: tr.get(b"a"))
    writing = asyncio.gather(*(put(database, (b"%d" % i, b"v")) for i in range(20)))
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    await writing
    with pytest.raises(DatabaseClosed):
        await watching
    with pytest.raises(DatabaseClosed):
        await get(database, b"a")
    with pytest.raises(DatabaseClosed):
        await put(database, (b"a", b"2"))
    with pytest.raises(DatabaseClosed):
        await database.watch(b"a", None)
    with pytest.raises(DatabaseClosed):
        await database.ready()
    with pytest.raises(DatabaseClosed):
        await database.describe()
    database = await open_database(store_url)
    assert len(await scan(database)) == 21
    await database.close()
