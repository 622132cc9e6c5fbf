"""What an engine counts of its own work, for whoever measures it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from fdb_provider.errors import StoreFull, StoreUnavailable, TransactionTooOld

UNABLE: Final = (StoreFull, StoreUnavailable, TransactionTooOld)
"""What is raised when the store could not do what it was asked for."""
BOUNDS: Final = tuple(
    float(f"{digits}e{exponent}") for exponent in range(-5, 1) for digits in ("1", "2.5", "5")
)
"""Upper bounds of what durations are sorted into, in seconds: from 10 µs, in which the embedded store reads,
to 5 s, after which a cluster is said not to answer."""


class Durations:
    """How often something took how long.

    Counting is plain arithmetic, as it is done for every read and every call: it takes about 0.2 µs. Of what
    is counted on several threads at once, some may be missed.

    Args:
        bounds: upper bounds of the buckets, in seconds, rising.

    Attributes:
        buckets: how many fell into each; the last one has no bound.
        total: of all, in seconds.
    """

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.buckets)

    def add(self, seconds: float) -> None:
        """Counts one."""
        self.buckets[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class Counts:
    """The work of one database since it was opened.

    Attributes:
        reads, runs: calls of `Database.read` and `Database.run`, with all they waited and tried again.
        conflicts: attempts that met changes of others and were made again.
        retries: attempts made again for other reasons, such as a commit whose result was unknown.
        failures: calls that the store could not serve: it did not answer in time, or had no room.
    """

    __slots__ = ("conflicts", "failures", "reads", "retries", "runs")

    def __init__(self) -> None:
        self.reads = Durations()
        self.runs = Durations()
        self.conflicts = 0
        self.retries = 0
        self.failures = 0
