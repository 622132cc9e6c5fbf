"""How much one user or one address may ask for in a minute, on all gateways together.

A gateway takes from the store's count what it is about to allow. From the large budgets it takes a portion at
a time, and gives it out for some seconds without asking again; so a call costs next to nothing, and what all
gateways allow in a minute may exceed such a budget by a portion for each of them. Counting never makes a
request fail: while the store is slow or does not answer, requests are let through.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Literal

from fdb_provider.engine import Database
from fdb_provider.errors import StoreError
from fdb_provider.repositories import rates
from fdb_provider.repositories.rates import WINDOW, Taken
from theia_bridge.errors import RateLimited

Budget = Literal["rest", "files", "rpc", "sign-in", "anonymous"]
LEASE = 5.0
"""Seconds in which a portion is to be given out."""
PATIENCE = 1.0
"""Seconds; a store that takes longer to commit is in trouble."""
KEPT = 10_000
"""Subjects that a gateway remembers at most; of others it asks the store again."""

_log = logging.getLogger(__name__)


class Rates:
    """The budgets of one gateway.

    Args:
        limits: of each budget, for a minute; 0 for none.
        clock: seconds since 1970.
        patience: seconds that a request waits for the store's count before it is let through.

    Attributes:
        refused: how often a budget was found used up.
        uncounted: how many were let through as the store did not count in time.
    """

    def __init__(
        self,
        database: Database,
        limits: Mapping[Budget, int],
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self.patience = patience
        self.refused: Counter[str] = Counter()
        self.uncounted = 0
        self._database = database
        self._limits = limits
        self._clock = clock
        self.of = lru_cache(maxsize=KEPT)(self._of)
        """The allowance of a subject from a budget; the same as long as it is in use."""

    def _of(self, budget: Budget, subject: str) -> Allowance:
        limit = self._limits[budget]
        if not limit:
            return Unlimited(self, budget)
        return Allowance(self, budget, limit, hashlib.sha256(subject.encode()).digest())

    async def take(self, budget: Budget, limit: int, subject: bytes, wanted: int) -> Taken:
        """Takes from the store's count. Raises `StoreError`."""
        body = partial(
            rates.take, budget=budget, subject=subject, wanted=wanted, limit=limit, now=self._clock()
        )
        return await self._database.run(body)


class Allowance:
    """What one subject may still do from one budget, as far as this gateway knows.

    Attributes:
        left: how many of the portion are left.
    """

    def __init__(self, rates: Rates, budget: Budget, limit: int, subject: bytes) -> None:
        self.left = 0
        self._rates = rates
        self._budget: Budget = budget
        self._limit = limit
        self._subject = subject
        self._portion = max(1, limit // 100)
        # Who does little is not to take much from the count: only what is used up grows.
        self._size = max(1, self._portion // 16)
        self._free = limit
        self._again = 0.0
        self._blocked = 0.0
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._taking: asyncio.Task[Taken] | None = None
        self._end: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        """Allows one. Raises `RateLimited` when the budget is used up."""
        if self.left:
            self.left -= 1
            return
        self._waiting += 1
        try:
            async with self._turn:
                if not self.left and self._seconds(self._blocked) <= 0:
                    self.left = await self._lease()
                if not self.left:
                    self._rates.refused[self._budget] += 1
                    raise RateLimited(self._budget, self._limit, math.ceil(self._seconds(self._blocked)))
                self.left -= 1
        finally:
            self._waiting -= 1

    def headers(self) -> Mapping[str, str]:
        """`RateLimit-Policy` and `RateLimit`, as in draft-ietf-httpapi-ratelimit-headers-10."""
        again = max(0, math.ceil(self._seconds(self._again)))
        return {
            "RateLimit-Policy": f'"{self._budget}";q={self._limit};w={WINDOW}',
            "RateLimit": f'"{self._budget}";r={self._free + self.left};t={again}',
        }

    async def _lease(self) -> int:
        """Takes the next portion, or as much as those need who wait for it. Gives how many may be done."""
        if self._taking is None:
            wanted = max(self._waiting, self._size)
            take = self._rates.take(self._budget, self._limit, self._subject, wanted)
            self._taking = asyncio.create_task(take)
            self._taking.add_done_callback(_seen)
        # It goes on when it takes too long, and whoever comes then waits for the same one.
        await asyncio.wait([self._taking], timeout=self._rates.patience)
        if not self._taking.done():
            return self._let_through()
        taking, self._taking = self._taking, None
        try:
            taken = taking.result()
        except StoreError as error:
            _log.warning("requests are let through without counting: %s", error)
            return self._let_through()
        loop = asyncio.get_running_loop()
        self._free, self._again = taken.left, loop.time() + taken.again
        if not taken.granted:
            self._blocked = self._again
            return 0
        if self._end is not None:  # the last portion was used up in time
            self._end.cancel()
            self._size = min(self._portion, 2 * self._size)
        self._end = loop.call_later(LEASE, self._lapse)
        return taken.granted

    def _let_through(self) -> int:
        """Allows all who wait."""
        self._rates.uncounted += self._waiting
        return self._waiting

    def _lapse(self) -> None:
        self.left = 0
        self._end = None
        self._size = max(1, self._portion // 16, self._size // 2)

    def _seconds(self, moment: float) -> float:
        """From now to a moment of the event loop's clock."""
        return moment - asyncio.get_running_loop().time()


def _seen(task: asyncio.Task[Taken]) -> None:
    """Keeps asyncio from telling of a failure that nobody has asked for."""
    if not task.cancelled():
        task.exception()


class Unlimited(Allowance):
    """The allowance from a budget without a limit."""

    def __init__(self, rates: Rates, budget: Budget) -> None:
        super().__init__(rates, budget, 0, b"")
        self.left = sys.maxsize

    def headers(self) -> Mapping[str, str]:
        return {}
