"""Signals: who follows one is told of every change, whoever makes it."""

from __future__ import annotations

import asyncio

import pytest

from fdb_provider import keyspace, signals
from fdb_provider.engine import Database, Transaction
from fdb_provider.signals import Signals

KEY = keyspace.pack("t", "signal-of-test")


@pytest.fixture
def told() -> asyncio.Queue[str]:
    return asyncio.Queue()


async def give(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        signals.give(tr, KEY)

    await database.run(body)


async def forget(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        tr.clear(KEY)

    await database.run(body)


async def test_all_who_follow_are_told_at_first_and_of_every_change(
    database: Database, told: asyncio.Queue[str]
) -> None:
    here, elsewhere = Signals(database), Signals(database)  # as on two gateways
    async with asyncio.timeout(30):
        stop = here.follow(KEY, lambda: told.put_nowait("first"))
        assert await told.get() == "first"
        here.follow(KEY, lambda: told.put_nowait("second"))
        assert await told.get() == "second"
        elsewhere.follow(KEY, lambda: told.put_nowait("elsewhere"))
        assert await told.get() == "elsewhere"
        for change in (give, give, forget, give):
            await change(database)
            assert {await told.get() for _ in range(3)} == {"first", "second", "elsewhere"}
        stop()
        await give(database)
        assert {await told.get() for _ in range(2)} == {"second", "elsewhere"}
    await here.close()
    await elsewhere.close()
    assert told.empty()


async def test_many_changes_at_once_are_told_in_a_few_words(
    database: Database, told: asyncio.Queue[str]
) -> None:
    following = Signals(database)
    count = 500
    async with asyncio.timeout(30):
        following.follow(KEY, lambda: told.put_nowait(""))
        await told.get()
        await asyncio.gather(*(give(database) for _ in range(count)))
        await told.get()
        await asyncio.sleep(3 * signals.GATHER_SECONDS)
    assert told.qsize() < count / 5
    await following.close()


async def test_one_who_fails_keeps_nobody_from_being_told(
    database: Database, told: asyncio.Queue[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("no good")

    following = Signals(database)
    async with asyncio.timeout(30):
        following.follow(KEY, fail)
        following.follow(KEY, lambda: told.put_nowait(""))
        await told.get()
        await give(database)
        await told.get()
    await following.close()
    assert "no good" in caplog.text
