"""What gateways allow, each from what it has taken of the count they share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from fdb_provider.engine import Database, Transaction
from theia_bridge.errors import RateLimited
from theia_bridge.rates import Budget, Rates

T = TypeVar("T")
START = 1_800_000_000.0
LIMITS: dict[Budget, int] = {"rest": 20, "files": 0, "rpc": 2_000, "sign-in": 3, "anonymous": 2}


def gateway(database: Database, now: float = START) -> Rates:
    return Rates(database, LIMITS, lambda: now)


async def allowed(rates: Rates, budget: Budget, times: int, subject: str = "ada") -> int:
    """How many of so many, all asked for at once, are allowed."""

    async def one() -> bool:
        try:
            await rates.of(budget, subject).take()
        except RateLimited:
            return False
        return True

    return sum(await asyncio.gather(*(one() for _ in range(times))))


async def test_two_gateways_allow_together_what_one_may(database: Database) -> None:
    first, second = gateway(database), gateway(database)
    results = await asyncio.gather(*(allowed(rates, "rest", 15) for rates in (first, second)))
    assert sum(results) == LIMITS["rest"]
    assert await allowed(first, "rest", 10, "somebody else") == 10
    assert await allowed(second, "rest", 30, "somebody else") == 10
    assert first.refused["rest"] + second.refused["rest"] == 10 + 20


async def test_one_after_the_other_is_counted_exactly_and_told(database: Database) -> None:
    allowance = gateway(database).of("rest", "ada")
    for done in range(1, 21):
        await allowance.take()
        assert allowance.headers() == {
            "RateLimit-Policy": '"rest";q=20;w=60',
            "RateLimit": f'"rest";r={20 - done};t=61',
        }
    with pytest.raises(RateLimited, match="20 requests a minute") as caught:
        await allowance.take()
    assert (caught.value.policy, caught.value.retry_after) == ("rest", 61)
    assert allowance.headers()["RateLimit"] == '"rest";r=0;t=61'


async def test_a_large_budget_is_given_out_in_portions(database: Database) -> None:
    first, second = gateway(database), gateway(database)
    done = 0
    for _ in range(40):
        done += await allowed(first, "rpc", 30) + await allowed(second, "rpc", 30)
    assert done == LIMITS["rpc"]
    assert database.counts.runs.count < 300


async def test_who_does_little_takes_little_of_a_large_budget(database: Database) -> None:
    for _ in range(20):  # gateways
        assert await allowed(gateway(database), "rpc", 1) == 1
    assert await allowed(gateway(database), "rpc", 2_000) >= 1_950


async def test_no_limit_is_none(database: Database) -> None:
    rates, before = gateway(database), database.counts.runs.count
    assert await allowed(rates, "files", 10_000) == 10_000
    assert rates.of("files", "ada").headers() == {}
    assert database.counts.runs.count == before


async def test_a_store_that_does_not_count_holds_nobody_up(database: Database) -> None:
    rates = gateway(database)
    assert await allowed(rates, "anonymous", 3) == 2
    await database.close()
    assert await allowed(rates, "rest", 50) == 50
    assert rates.uncounted == 50


class Slow:
    """A database whose transactions wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.go = asyncio.Event()
        self.counts = database.counts
        self.read, self.watch = database.read, database.watch
        self.ready, self.describe, self.close = database.ready, database.describe, database.close

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        await self.go.wait()
        return await self._database.run(body, repeatable=repeatable)


async def test_a_store_that_is_slow_counts_late(database: Database) -> None:
    slow = Slow(database)
    rates = Rates(slow, LIMITS, lambda: START, patience=0.01)
    assert await allowed(rates, "rest", 15) == 15
    assert rates.uncounted == 15
    slow.go.set()
    rates.patience = 60
    # What was asked for first has gone on all the while.
    assert await allowed(rates, "rest", 30) == 20
    assert await allowed(gateway(database), "rest", 1) == 0
