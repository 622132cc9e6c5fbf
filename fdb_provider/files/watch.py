"""A watch: the part of a feed that lies at or below a path, less what is excluded."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable

from wcmatch import glob

from fdb_provider.engine import Database
from fdb_provider.files import feed
from fdb_provider.files.feed import Change
from fdb_provider.files.paths import Location


class Watch:
    """Iterates over the cursor behind each commit and its changes, as absolute paths; does not end.

    Reading the feed on demand is what bounds it: a slow watcher holds its cursor, not a queue.

    Args:
        at: what is watched; without `recursive`, only it and what is directly in it.
        excludes: glob patterns (`**` across folders), relative to `at` or to the root.
    """

    def __init__(
        self, db: Database, root: bytes, at: Location, recursive: bool, excludes: Iterable[str], cursor: str
    ) -> None:
        self._db = db
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
        self.cursor = await feed.position(self._db, self._root)
        return self.cursor

    async def __aiter__(self) -> AsyncIterator[tuple[str, list[Change]]]:
        async for cursor, changes in feed.follow(self._db, self._root, self.cursor):
            mine = [
                Change(change.type, f"/{self._at.root}/{change.path}")
                for change in changes
                if self._wants(change.path)
            ]
            self.cursor = cursor
            if mine:
                yield cursor, mine

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
        # A pattern such as `**/build/**` means the folder's contents; the folder itself with a slash.
        return not any(pattern.match(text) for pattern in self._excludes for text in (below, below + "/"))


def _compile(excludes: Iterable[str]) -> list[re.Pattern[str]]:
    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.BRACE | glob.FORCEUNIX
    patterns: list[re.Pattern[str]] = []
    for exclude in excludes:
        included, _ = glob.translate(exclude, flags=flags)
        patterns.extend(re.compile(pattern) for pattern in included)
    return patterns
