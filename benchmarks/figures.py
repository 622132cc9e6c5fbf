"""What was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, kw_only=True):
    """One measured value.

    Args:
        measure: which part of the benchmark it belongs to.
        runs: the value of each turn.
        p50, p99: latencies of a call in milliseconds, medians over the turns.
        cpu: microseconds of processor time the server spent on a call, median over the turns. Unlike the
            rest it hardly depends on what else the machine does meanwhile.
        at_least, at_most: the target, if it has one.
        series, size: the curve it is a point of, and where. Such a figure is drawn, and in the table only if
            it has a target.
    """

    measure: str
    name: str
    unit: str
    runs: list[float]
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    series: str | None = None
    size: int | None = None

    @property
    def value(self) -> float:
        """The median over the turns."""
        return statistics.median(self.runs)

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


@dataclass
class Turn:
    """What closed loops did in one turn: calls a second of all together, and sorted latencies in seconds.

    Args:
        cpu: microseconds of processor time the server spent on a call, where there is a server.
    """

    rate: float
    latencies: Sequence[float]
    cpu: float | None = None

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share of the calls was answered."""
        return self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)] * 1000


@dataclass
class Side:
    """The turns of one thing that is measured against others."""

    name: str
    turns: list[Turn] = field(default_factory=list)

    def figure(self, measure: str) -> Figure:
        """Its calls a second."""
        cpu = [turn.cpu for turn in self.turns if turn.cpu is not None]
        return Figure(
            measure=measure,
            name=self.name,
            unit="/s",
            runs=[turn.rate for turn in self.turns],
            p50=statistics.median(turn.quantile(0.5) for turn in self.turns),
            p99=statistics.median(turn.quantile(0.99) for turn in self.turns),
            cpu=statistics.median(cpu) if cpu else None,
        )

    def against(self, other: Side, measure: str, at_least: float | None = None) -> Figure:
        """How many times the other's calls a second."""
        return Figure(
            measure=measure,
            name=f"{self.name} / {other.name}",
            unit="x",
            runs=[mine.rate / theirs.rate for mine, theirs in zip(self.turns, other.turns, strict=True)],
            at_least=at_least,
        )

    def cheapness(self, other: Side, measure: str) -> Figure:
        """The other's processor time for a call over its own: what `against` would be if the client cost
        nothing, for a floor can be so fast that the client is what limits it."""
        pairs = zip(self.turns, other.turns, strict=True)
        return Figure(
            measure=measure,
            name=f"{self.name} / {other.name}, by server time",
            unit="x",
            runs=[theirs.cpu / mine.cpu for mine, theirs in pairs if mine.cpu and theirs.cpu],
        )


class Skipped(Exception):
    """A measure cannot be taken on this machine; the message says why."""


@dataclass(frozen=True)
class Plan:
    """How long and how often, and where what has to be on disk may be.

    Args:
        seconds: of one turn of one side.
        runs: turns of each side.
        folder: for stores and the like; emptied afterwards.
        kept: for what is made once and used again by the next run.
    """

    seconds: float
    runs: int
    folder: Path
    kept: Path
