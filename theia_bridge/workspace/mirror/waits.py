"""Who waits until both sides are equal, and for which paths: what is marked later holds nobody up.

A program that writes all the time keeps paths marked for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable


class _Wait:
    """One who waits.

    Args:
        marked: paths that a portion begun later is to deal with.
        under_way: paths that are dealt with just now, and have not changed since that began.
        portion: the number of the portion that was worked on last when the wait began.
    """

    def __init__(self, marked: set[str], under_way: set[str], portion: int) -> None:
        self.marked = marked
        self.under_way = under_way
        self.portion = portion
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Waits:
    """All who wait."""

    def __init__(self) -> None:
        self._waits: list[_Wait] = []
        self._portion = 0
        self._at_work: Collection[str] = ()
        self._large: dict[str, int] = {}  # with the portion in which they were begun

    def rest(self, marked: Iterable[str], large: Iterable[str]) -> asyncio.Future[None]:
        """Done when all is dealt with that is marked or under way now.

        Args:
            marked: paths that are to be looked at, those of large files that have changed meanwhile included.
            large: paths of large files on their way.
        """
        wait = _Wait(set(marked), {*self._at_work, *large}, self._portion)
        self._waits.append(wait)
        wait.over.add_done_callback(lambda _: self._waits.remove(wait))
        return wait.over

    def begin(self, paths: Collection[str]) -> None:
        """A portion of paths is worked on from now on."""
        self._portion += 1
        self._at_work = paths

    def mark(self, paths: Iterable[str]) -> None:
        """More is to be done that follows from what is waited for."""
        paths = set(paths)
        for wait in self._waits:
            wait.marked |= paths

    def end(self, again: Collection[str], large: Collection[str]) -> None:
        """The portion is dealt with.

        Args:
            again: paths that are marked again.
            large: paths of large files that are on their way.
        """
        paths, self._at_work = self._at_work, ()
        for path in paths:
            if path in large:
                self._large.setdefault(path, self._portion)
        for wait in self._waits:
            dealt_with = {path for path in paths if path not in large and path not in again}
            wait.under_way -= dealt_with
            wait.under_way -= {path for path in again if path not in large}
            if wait.portion < self._portion:
                wait.marked -= dealt_with

    def transferred(self, path: str, *, well: bool) -> None:
        """A large file has arrived, or has not."""
        begun = self._large.pop(path, self._portion)
        for wait in self._waits:
            wait.under_way.discard(path)
            if well and wait.portion < begun:
                wait.marked.discard(path)

    def release(self, *, idle: bool) -> None:
        """Tells who need not wait any more; `idle` says that there is nothing to be done at all."""
        for wait in self._waits:
            if (idle or not (wait.marked or wait.under_way)) and not wait.over.done():
                wait.over.set_result(None)

    def fail(self, error: Exception) -> None:
        """Tells all that it will not be."""
        for wait in self._waits:
            if not wait.over.done():
                wait.over.set_exception(error)
