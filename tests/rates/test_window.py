"""The count of the last minute, as the store keeps it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.models import new_id
from fdb_provider.repositories import rates
from fdb_provider.repositories.rates import WINDOW, Taken

START = 1_800_000_000.0 + 30
LIMIT = 5


async def take(database: Database, subject: str, now: float, wanted: int = 1, limit: int = LIMIT) -> Taken:
    body = partial(rates.take, budget="rest", subject=subject.encode(), wanted=wanted, limit=limit, now=now)
    return await database.run(body)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for one store of all examples, each of which counts for a subject of its own."""
    return tmp_path_factory.mktemp("store")


PAUSES = st.floats(0, 70) | st.sampled_from([0.0, 0.001, 0.5, 0.999, 1.0, 59.0, 59.999, 60.0, 60.001, 61.0])


@settings(max_examples=60, deadline=None)
@given(pauses=st.lists(st.tuples(PAUSES, st.integers(1, 7)), min_size=1, max_size=40), start=st.floats(0, 60))
async def test_in_no_minute_is_more_granted_and_nothing_is_refused_that_has_room(
    shared: Path, pauses: list[tuple[float, int]], start: float
) -> None:
    database = await open_database(f"embedded:{shared}")
    subject, now = new_id(), START + start
    granted: list[float] = []
    for pause, wanted in pauses:
        now += pause
        recent = sum(at > now - WINDOW for at in granted)
        recent_and_a_second = sum(at > now - WINDOW - 1 for at in granted)
        taken = await take(database, subject, now, wanted)
        granted += [now] * taken.granted
        assert recent + taken.granted <= LIMIT
        assert taken.granted >= min(wanted, LIMIT - recent_and_a_second)
        assert 0 < taken.again <= WINDOW + 1
        if not taken.granted:
            assert taken.left == 0
            before = await take(database, subject, now + taken.again - 0.01)
            assert before.granted == 0
            assert (await take(database, subject, now + taken.again)).granted == 1
            now += taken.again
            granted.append(now)
    await database.close()


async def test_what_is_left_is_told(database: Database) -> None:
    assert await take(database, "a", START) == Taken(1, 4, 61)
    assert await take(database, "a", START + 10.5, wanted=3) == Taken(3, 1, 50.5)
    assert await take(database, "a", START + 20, wanted=3) == Taken(1, 0, 41)
    assert await take(database, "a", START + 20) == Taken(0, 0, 41)
    assert await take(database, "b", START + 20) == Taken(1, 4, 61)
    assert (await take(database, "a", START + 60.9)).granted == 0
    assert await take(database, "a", START + 61) == Taken(1, 0, 10)


async def test_a_limit_that_was_lowered_refuses_until_enough_has_passed(database: Database) -> None:
    await take(database, "a", START, wanted=4)
    assert await take(database, "a", START + 1, limit=2) == Taken(0, 0, 60)


async def test_what_no_window_reaches_is_forgotten(database: Database) -> None:
    async def keys(tr: Reader) -> int:
        return len([key async for key, _ in tr.get_range(*keyspace.range_of(keyspace.rates()))])

    async def forget(tr: Transaction, now: float) -> None:
        rates.forget(tr, now)

    for minutes in range(5):
        await take(database, "a", START + 60 * minutes)
    assert await database.read(keys) == 5
    await database.run(partial(forget, now=START + 60 * 4))
    assert await database.read(keys) == 3
    assert (await take(database, "a", START + 60 * 4, wanted=LIMIT)).granted == LIMIT - 2
