"""How much one transaction takes on, and how long others wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Rows = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Steps:
    """Far below FoundationDB's 10 MB and 5 s, and so little that nobody waits long for the embedded engine's
    one writer.

    Args:
        page: entries of a large folder that are read in one transaction.
        whole: entries below a folder that is moved, copied or deleted in one transaction; a folder with more
            goes by an intent.
        entries: of one step of an intent.
        weight: bytes that either of them may write, by `weight`.
        patience: seconds a change waits for an intent before it is refused.
        stall: seconds after which an intent that makes no step has been left by whoever began it.
    """

    page: int = 1000
    whole: int = 2000
    entries: int = 1000
    weight: int = 3_000_000
    patience: float = 20.0
    stall: float = 3.0


STEPS = Steps()


def weight(rows: Iterable[tuple[bytes, bytes]]) -> int:
    """Bytes a transaction has to write at most for each of these names to be moved, copied or deleted."""
    return sum(4 * len(key) + len(value) + 400 for key, value in rows)


def within(rows: Rows, steps: Steps) -> tuple[Rows, bool]:
    """As many of the rows that were read as one step takes on, and whether they are the last."""
    heavy = 0
    for i, row in enumerate(rows):
        heavy += weight([row])
        if heavy > steps.weight and i > 0:
            return rows[:i], False
    return rows, len(rows) < steps.entries
