"""What the calls of one tenant are measured by while an admin of it has that done: on one gateway, in memory.

While nobody does, a call pays a look at an empty dictionary. Memory is bounded: per tenant some counts for
each declared method and the slowest calls, and only so many tenants at a time. Of params the size is kept.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Iterator
from itertools import accumulate, count
from typing import NamedTuple

from msgspec import Raw

from fdb_provider.engine.counts import Durations
from fdb_provider.errors import QuotaExceeded
from fdb_provider.models import new_id, now_ms

SECONDS = 3600
"""After which a trace that was forgotten ends by itself."""
TENANTS = 100
"""Traces that run at a time at most: each takes about 100 kB."""
SLOWEST = 50
"""Calls that are kept of each trace."""
RECENT_SECONDS = 600
"""How long a slow call is told of."""
_STEPS = 8
BOUNDS = tuple(1e-6 * 2 ** (step / _STEPS) for step in range(27 * _STEPS))
"""Upper bounds of what durations are sorted into, in seconds, to two minutes: each 9 % above the last one."""


class SlowCall(NamedTuple):
    """A call that took long; `number` tells two apart that took equally long."""

    seconds: float
    number: int
    method: str
    at: int
    received: int
    sent: int
    user: str
    error: str


class Measured:
    """The calls of one method.

    Attributes:
        calls, errors: answered since the trace began.
        in_flight: have begun since, and are not answered.
        received, sent: bytes of params and of answers.
        durations: of those in the sample.
    """

    __slots__ = ("calls", "durations", "errors", "in_flight", "received", "sent")

    def __init__(self) -> None:
        self.calls = self.errors = self.in_flight = self.received = self.sent = 0
        self.durations = Durations(BOUNDS)

    def percentile(self, part: float) -> float | None:
        """Seconds within which that part of the sample was answered, at most 9 % too high; or None."""
        reached = list(accumulate(self.durations.buckets))
        if not reached[-1]:
            return None
        wanted = part * reached[-1]
        bucket = next(i for i, total in enumerate(reached) if total >= wanted)
        return BOUNDS[min(bucket, len(BOUNDS) - 1)]


class CallTrace:
    """A tenant's trace.

    Args:
        sample: the part of the calls that are timed, above 0 and at most 1. All are counted.
    """

    def __init__(self, sample: float) -> None:
        self.sample = sample
        self.started_at = now_ms()
        self.methods: dict[str, Measured] = {}
        self._started = time.perf_counter()
        self._slowest: list[SlowCall] = []
        self._numbers = count()

    @property
    def ends_at(self) -> int:
        """When it ends by itself, in milliseconds since 1970."""
        return self.started_at + SECONDS * 1000

    def begin(self, method: str) -> None:
        """A call of a declared method is to be run."""
        self._of(method).in_flight += 1

    def end(
        self, method: str, seconds: float, error: str, params: Raw, answer: bytes | None, user: str
    ) -> None:
        """A call is answered, or a frame that was none."""
        measured = self._of(method)
        began = method and seconds  # else `begin` was not told of it, nor if it was before the trace
        if began and time.perf_counter() - seconds >= self._started:
            measured.in_flight -= 1
        received, sent = memoryview(params).nbytes, len(answer or b"")
        measured.calls += 1
        measured.errors += bool(error)
        measured.received += received
        measured.sent += sent
        if self.sample < 1 and random.random() >= self.sample:  # noqa: S311 # nosec B311 # no secret
            return
        measured.durations.add(seconds)
        if len(self._slowest) < SLOWEST or seconds > self._slowest[0].seconds:
            slow = SlowCall(seconds, next(self._numbers), method, now_ms(), received, sent, user, error)
            self._keep(slow)

    def slowest(self, most: int) -> list[SlowCall]:
        """The slowest of late, the slowest first."""
        return heapq.nlargest(most, self._recent())

    def _keep(self, slow: SlowCall) -> None:
        if len(self._slowest) == SLOWEST:
            self._slowest = list(self._recent())
            heapq.heapify(self._slowest)
        if len(self._slowest) < SLOWEST:
            heapq.heappush(self._slowest, slow)
        else:
            heapq.heapreplace(self._slowest, slow)

    def _recent(self) -> Iterator[SlowCall]:
        since = now_ms() - RECENT_SECONDS * 1000
        return (slow for slow in self._slowest if slow.at >= since)

    def _of(self, method: str) -> Measured:
        measured = self.methods.get(method)
        if measured is None:
            measured = self.methods[method] = Measured()
        return measured


class CallTraces:
    """The traces of one gateway.

    Attributes:
        gateway: tells it apart from the others, as long as it runs.
        running: by tenant.
    """

    def __init__(self) -> None:
        self.gateway = new_id()
        self.running: dict[str, CallTrace] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}

    def start(self, tenant: str, sample: float) -> CallTrace:
        """Begins a trace, anew if there is one.

        Raises:
            QuotaExceeded: as many run as may.
        """
        if len(self.running) >= TENANTS and tenant not in self.running:
            raise QuotaExceeded(f"{TENANTS} traces run on this gateway: try again later")
        self.stop(tenant)
        trace = self.running[tenant] = CallTrace(sample)
        self._ends[tenant] = asyncio.get_running_loop().call_later(SECONDS, self.stop, tenant)
        return trace

    def stop(self, tenant: str) -> CallTrace | None:
        """Ends a trace, and returns it if there was one."""
        end = self._ends.pop(tenant, None)
        if end is not None:
            end.cancel()
        return self.running.pop(tenant, None)
