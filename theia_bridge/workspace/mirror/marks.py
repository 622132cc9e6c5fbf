"""The paths that are to be looked at, and when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from theia_bridge.workspace.mirror.paths import Side
from theia_bridge.workspace.mirror.watcher import News, Urgency

DELAYS = {Urgency.NOW: 0.02, Urgency.GONE: 0.1, Urgency.WRITING: 0.25}
"""Seconds until a path is looked at that has changed on the disk: what programs do in several steps is seen
as one, and of a file that is written for long not every part is stored. Half a second is the aim."""
GONE_MOST = 1.0
"""Seconds until that of what was removed, however long more is removed."""
PORTION = 1000
"""Paths of one portion; what has changed in the store goes before, all of it."""
TRIES = 10
"""How often a path is looked at again, later each time, before it is given up for a while."""
AGAIN = 0.01
"""Seconds until the first of these times; twice as many each time."""


@dataclass
class _Mark:
    side: Side
    due: float
    urgent: bool
    gone: bool


class Marks:
    """Marked paths."""

    def __init__(self) -> None:
        self._marks: dict[str, _Mark] = {}
        self._moves: dict[str, str] = {}
        self._tries: dict[str, int] = {}
        self._retried: set[str] = set()
        self._gone_since = self._gone_until = 0.0
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._marks)

    def __iter__(self) -> Iterator[str]:
        return iter(self._marks)

    @property
    def retried(self) -> Collection[str]:
        """What was marked again since `done` was called last."""
        return self._retried

    def add_news(self, news: News) -> None:
        """Marks what has changed on the disk."""
        now = self._loop.time()
        if Urgency.GONE in news.changed.values():
            if now > self._gone_until:
                self._gone_since = now
            self._gone_until = min(now + DELAYS[Urgency.GONE], self._gone_since + GONE_MOST)
        for path, urgency in news.changed.items():
            self._add(path, _Mark(Side.DISK, now + DELAYS[urgency], False, urgency == Urgency.GONE))
        self._moves |= news.moves
        self._changed.set()

    def add(self, paths: Iterable[str], side: Side, *, urgent: bool = False) -> None:
        """Marks paths to be looked at now; urgent ones before all others."""
        now = self._loop.time()
        for path in paths:
            self._add(path, _Mark(side, now, urgent, False))
        self._changed.set()

    def later(self, path: str, side: Side, seconds: float) -> None:
        """Marks a path to be looked at when so many seconds have passed."""
        self._tries.pop(path, None)  # it rests, and may be hurried
        self._add(path, _Mark(side, self._loop.time() + seconds, False, False))
        self._changed.set()

    def again(self, path: str, side: Side) -> bool:
        """Marks a path that does not come to rest; later each time. False if that was often enough."""
        tries = self._tries.get(path, 0)
        if path not in self._retried:
            if tries == TRIES:
                return False
            self._tries[path] = tries + 1
            self._retried.add(path)
        self._add(path, _Mark(side, self._loop.time() + AGAIN * 2**tries, False, False))
        self._changed.set()
        return True

    def hurry(self) -> None:
        """Has all looked at that waits for nothing but more to happen."""
        for path, mark in self._marks.items():
            if path not in self._tries:
                mark.due, mark.gone = 0.0, False
        self._changed.set()

    async def take(self) -> tuple[dict[str, Side], set[str]]:
        """The next paths that are due, as soon as there are some; and which are new names of others."""
        while not (due := self._due()):
            self._changed.clear()
            now = self._loop.time()
            waits = [self._time(mark) - now for mark in self._marks.values()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.001, min(waits)) if waits else None):
                    await self._changed.wait()
        taken = {path: self._marks.pop(path).side for path in due}
        moved = set()
        for source, target in list(self._moves.items()):
            if source in taken or target in taken:
                del self._moves[source]
                moved.add(target)
                for path in (source, target):  # both, or it would not be seen that it was renamed
                    mark = self._marks.pop(path, None)
                    taken[path] = taken.get(path, Side.DISK) | (Side.DISK if mark is None else mark.side)
        return taken, moved

    def done(self, paths: Iterable[str]) -> None:
        """What was taken has been worked on: paths that were not marked again have come to rest."""
        for path in paths:
            if path not in self._retried:
                self._tries.pop(path, None)
        self._retried.clear()

    def _add(self, path: str, mark: _Mark) -> None:
        earlier = self._marks.get(path)
        if earlier is not None:
            mark.side |= earlier.side
            mark.due = min(mark.due, earlier.due)
            mark.urgent |= earlier.urgent
            mark.gone &= earlier.gone
        self._marks[path] = mark

    def _time(self, mark: _Mark) -> float:
        return max(mark.due, self._gone_until) if mark.gone else mark.due

    def _due(self) -> list[str]:
        now = self._loop.time()
        urgent: list[str] = []
        others: list[str] = []
        for path, mark in self._marks.items():
            if self._time(mark) <= now:
                (urgent if mark.urgent else others).append(path)
        return urgent + others[:PORTION]
