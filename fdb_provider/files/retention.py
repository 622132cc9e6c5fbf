"""How long is kept what nobody asked to keep."""

from __future__ import annotations

from dataclasses import dataclass

HOUR = 3_600_000
DAY = 24 * HOUR
"""Milliseconds."""
MOST_VERSIONS = 1000
"""The largest number of versions that can be kept of a file: what one transaction reads at ease."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of the past. Times are in milliseconds.

    Args:
        versions: earlier contents kept of each file, at most `MOST_VERSIONS`; 0 keeps none.
        history: how long an earlier content is kept after it was replaced; at least `DAY`.
        merge: a content that was current for a shorter time than this is not kept: saves in quick
            succession, as an editor makes them by itself, leave one version.
        trash: how long what was deleted stays in the trash.
        feed: how long a change is kept for watchers that come back.
        feed_records: commits of a root that are kept for them at most.
    """

    versions: int = 50
    history: int = 30 * DAY
    merge: int = 10_000
    trash: int = 30 * DAY
    feed: int = DAY
    feed_records: int = 100_000


RETENTION = Retention()
