"""What can be read of the files, without changing them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from fdb_provider.engine import Database, Reader
from fdb_provider.files import content, feed, tree
from fdb_provider.files.cache import ContentCache
from fdb_provider.files.content import Stored
from fdb_provider.files.entry import ROOT, Entry
from fdb_provider.files.feed import ChangeType
from fdb_provider.files.paths import Location, check_length, overlap, parse
from fdb_provider.files.steps import STEPS, Steps
from fdb_provider.scope import Scope

TRIES = 3
"""How often a large folder that changes is read."""

T = TypeVar("T")


class FileReader:
    """Reads the files of every scope in one database.

    Paths are strings as `paths.parse` takes them; `InvalidPath` is raised for others by every method.
    """

    def __init__(self, db: Database, cache: int = 0, steps: Steps = STEPS) -> None:
        """
        Args:
            cache: bytes of contents that are kept in memory.
            steps: how much is done in one transaction.
        """
        self._db = db
        self._steps = steps
        self._cache = ContentCache(cache)

    async def stat(self, scope: Scope, path: str) -> Entry:
        """The entry at `path`. Raises `FileNotFound`."""
        at = parse(path)
        if not at.name:
            return ROOT
        return await self._db.read(lambda tr: tree.get(tr, scope, at))

    async def list_directory(self, scope: Scope, path: str) -> list[tuple[str, Entry]]:
        """Names and entries of a folder, in the order of their UTF-8 bytes.

        A large folder is read page by page: it is as at one moment unless names in it were made, moved or
        deleted all the while (`_steady`).

        Raises:
            FileNotFound, FileNotADirectory
        """
        at = parse(path)
        limit = self._steps.page
        page = await self.list_page(scope, path, "", limit)
        if len(page) < limit:
            return page

        async def pages() -> list[tuple[str, Entry]]:
            found = page = await self.list_page(scope, path, "", limit)
            while len(page) == limit:
                await asyncio.sleep(0)
                page = await self.list_page(scope, path, page[-1][0], limit)
                found += page
            return found

        return await self._steady(scope, at, pages)

    async def list_page(self, scope: Scope, path: str, after: str, limit: int) -> list[tuple[str, Entry]]:
        """The same for at most `limit` names behind `after` ("" for the first ones), as at one moment."""
        at = parse(path)
        check_length(after)
        return await self._db.read(lambda tr: tree.list_directory(tr, scope, at, after=after, limit=limit))

    async def walk(self, scope: Scope, path: str) -> list[tuple[str, Entry]]:
        """Every entry below a folder: paths relative to it, in key order.

        As at one moment, or for a large folder as `list_directory` says.
        """
        at = parse(path)
        found, after = await self.walk_page(scope, path, None)
        if after is None:
            return found

        async def pages() -> list[tuple[str, Entry]]:
            found, after = await self.walk_page(scope, path, None)
            while after is not None:
                await asyncio.sleep(0)
                page, after = await self.walk_page(scope, path, after)
                found += page
            return found

        return await self._steady(scope, at, pages)

    async def walk_page(
        self, scope: Scope, path: str, after: bytes | None
    ) -> tuple[list[tuple[str, Entry]], bytes | None]:
        """The next of these entries, as at a moment of its own; and what the next call goes on from.

        Args:
            after: what the call before returned; None for the first one.
        """
        at = parse(path)
        return await self._db.read(lambda tr: tree.walk(tr, scope, at, after=after, limit=self._steps.page))

    async def read(
        self, scope: Scope, path: str, offset: int = 0, length: int | None = None
    ) -> tuple[Entry, bytes]:
        """A file's entry and its bytes from `offset`, at most `length` of them.

        Raises:
            FileNotFound, FileIsADirectory
        """
        at = parse(path)

        async def body(tr: Reader) -> tuple[Entry, bytes | Stored | None, int, int]:
            entry = await tree.get(tr, scope, at)
            tree.check_content(entry, at)
            start, size = content.clip(entry.size, offset, length)
            if size == 0:
                return entry, b"", start, size
            if (kept := self._cache.get(scope.tenant, entry.sha256)) is not None:
                return entry, kept if size == len(kept) else kept[start : start + size], start, size
            if size > content.PART:
                return entry, None, start, size
            return entry, await content.read(tr, scope.tenant, entry.content, start, size), start, size

        entry, found, start, size = await self._db.read(body)
        if isinstance(found, bytes):
            return entry, found
        if found is None:
            parts = content.read_parts(self._db, scope.tenant, entry.content, start, size)
            return entry, b"".join([part async for part in parts])
        data = await found.unpack()
        if size == entry.size:
            self._cache.put(scope.tenant, entry.sha256, data)
        return entry, data

    def parts(
        self, scope: Scope, entry: Entry, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """A file's bytes as of `entry`, in parts of at most `content.PART`: for files of any size.

        Args:
            start, end: the range of bytes; the whole file without.

        They can be read for `content.GRACE` after the file was changed or deleted.
        """
        end = entry.size if end is None else min(end, entry.size)
        return content.read_parts(self._db, scope.tenant, entry.content, start, end - start)

    async def _steady(self, scope: Scope, at: Location, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` finds at and below a location in several transactions, with the event loop's other
        work between them.

        One snapshot for all would hold up the loop on one engine and take longer than a transaction may on
        the other. So it is read again when names were made, moved or deleted there meanwhile, up to
        `TRIES` times; after that each entry is as it was at some moment of the reading.
        """
        root = tree.root_of(scope, at)
        for last in (*(False,) * (TRIES - 1), True):
            cursor = await feed.position(self._db, root)
            found = await read()
            if last or not await self._changed(root, at, cursor):
                break
        return found

    async def _changed(self, root: bytes, at: Location, cursor: str) -> bool:
        """Whether names at, below or above a location were made, moved or deleted behind `cursor`."""
        async for change in feed.since(self._db, root, cursor):
            if change.type != ChangeType.UPDATED and overlap(change.path, at.relative):
                return True
        return False
