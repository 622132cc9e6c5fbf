"""A watch: the part of a feed that lies at or below a path, less what is excluded, in deliveries."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable

import bracex
from wcmatch import fnmatch

from fdb_provider.errors import InvalidPath
from fdb_provider.files import feed
from fdb_provider.files.feed import Change
from fdb_provider.files.followers import Followers
from fdb_provider.files.merge import Merged
from fdb_provider.files.paths import Location

PATHS = 1000
"""Paths of one delivery; the commit that reaches it is in there whole."""
COMMITS = 20 * feed.PAGE
"""Commits that one delivery sums up at most, so that it comes however fast others write."""
QUIET = feed.PAGE
"""Commits of no concern after which the cursor is delivered alone, lest it expire."""
EXPANSIONS = 1000
"""Alternatives all excludes of a watch may have, braces written out."""


class Watch:
    """Iterates over deliveries: a cursor and the changes up to there, as absolute paths; does not end.

    What has been committed since the delivery before comes as `merge.Merged` sums it up, in parts if it is
    much. Reading the feed on demand is what bounds it: a slow watcher holds its cursor, not a queue.

    Args:
        at: what is watched; without `recursive`, only it and what is directly in it.
        excludes: glob patterns (`**` across folders), relative to `at` or to the root.
    """

    def __init__(
        self,
        followers: Followers,
        root: bytes,
        at: Location,
        recursive: bool,
        excludes: Iterable[str],
        cursor: str,
    ) -> None:
        self._followers = followers
        self._root = root
        self._at = at
        self._recursive = recursive
        self._excludes = _compile(excludes)
        self.cursor = cursor

    @property
    def path(self) -> str:
        """What is watched."""
        return self._at.path

    async def restart(self) -> str:
        """Goes on from now, whatever was missed; returns the cursor."""
        self.cursor = await self._followers.position(self._root)
        return self.cursor

    async def __aiter__(self) -> AsyncIterator[tuple[str, list[Change]]]:
        merged = Merged()
        commits = 0
        stamp = feed.parse(self.cursor)
        with self._followers.tail(self._root) as tail:
            while True:
                page = await tail.page(stamp)
                for stamp, record in page:
                    commits += 1
                    for change in record.changes:
                        if self._wants(change.path):
                            merged.add(Change(change.type, f"/{self._at.root}/{change.path}"))
                    if len(merged) >= PATHS:
                        yield self._deliver(stamp, merged)
                        commits = 0
                is_behind = tail.is_behind(stamp)
                is_due = not is_behind or commits >= COMMITS if merged else commits >= QUIET
                if is_due:
                    yield self._deliver(stamp, merged)
                    commits = 0
                elif is_behind:
                    await asyncio.sleep(0)

    def _deliver(self, stamp: bytes, merged: Merged) -> tuple[str, list[Change]]:
        self.cursor = stamp.hex()
        return self.cursor, merged.take()

    def _wants(self, path: str) -> bool:
        base = self._at.relative
        if path == base or base.startswith(path + "/"):
            # The watched path itself, or a folder that holds it and was moved or deleted.
            return True
        if base and not path.startswith(base + "/"):
            return False
        below = path[len(base) + 1 :] if base else path
        if not self._recursive and "/" in below:
            return False
        parts = below.split("/")
        return not any(_matches(glob, parts) for glob in self._excludes)


_Glob = list[re.Pattern[str] | None]
"""A pattern by its segments; None is `**`, any number of folders."""


def _compile(excludes: Iterable[str]) -> list[_Glob]:
    globs: list[_Glob] = []
    for exclude in excludes:
        try:
            expanded = bracex.expand(exclude, limit=EXPANSIONS)
        except bracex.ExpansionLimitException:
            raise InvalidPath(f"{exclude[:60]!r} has more than {EXPANSIONS} alternatives") from None
        globs += [
            [None if part == "**" else _segment(part) for part in pattern.split("/") if part]
            for pattern in expanded
        ]
        if len(globs) > EXPANSIONS:
            raise InvalidPath(f"the excludes have more than {EXPANSIONS} alternatives")
    return globs


def _segment(pattern: str) -> re.Pattern[str]:
    included, _ = fnmatch.translate(pattern, flags=fnmatch.DOTMATCH | fnmatch.FORCEUNIX)
    return re.compile("|".join(included))


def _matches(glob: _Glob, parts: list[str]) -> bool:
    """Whether the pattern matches the path, or a folder that it stands for the contents of.

    Follows all ways through the pattern at once, so the time is the product of both lengths at most: one
    regular expression for a whole path takes exponential time for some patterns.
    """
    states = _skip(glob, {0})
    for part in parts:
        states = _skip(glob, {after for at in states for after in _step(glob, at, part)})
    return len(glob) in states


def _step(glob: _Glob, at: int, part: str) -> Iterable[int]:
    if at == len(glob):
        return ()
    segment = glob[at]
    if segment is None:
        return (at,)
    return (at + 1,) if segment.match(part) else ()


def _skip(glob: _Glob, states: set[int]) -> set[int]:
    for at in list(states):
        after = at
        while after < len(glob) and glob[after] is None:
            after += 1
            states.add(after)
    return states
