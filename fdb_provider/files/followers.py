"""One reader of each feed for all who watch it on this gateway.

However many they are, a commit wakes one watch of the store and is read and decoded once.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter

from fdb_provider import keyspace
from fdb_provider.engine import Database
from fdb_provider.errors import CursorExpired, DatabaseClosed, StoreError
from fdb_provider.files import feed

TAIL = 2 * feed.PAGE
"""Records of a feed kept in memory, for those who are not far behind."""
GATHER_SECONDS = 0.05
"""Between two looks at a feed: the first change after a rest is told at once, those of a burst together."""
RETRY_SECONDS = 1.0
"""Pause before the feed is tried again when the store did not answer."""

_log = logging.getLogger(__name__)


class Followers:
    """The feeds that are followed on one event loop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tails: dict[bytes, Tail] = {}

    @contextmanager
    def tail(self, root: bytes) -> Iterator[Tail]:
        """Follows the feed of a root for as long as the context lasts."""
        tail = self._tails.get(root)
        if tail is None or tail.ended:
            tail = self._tails[root] = Tail(self._db, root)
        tail.users += 1
        try:
            yield tail
        finally:
            tail.users -= 1
            if not tail.users:
                tail.end()
                if self._tails.get(root) is tail:
                    del self._tails[root]

    async def position(self, root: bytes) -> str:
        """The cursor behind everything committed so far."""
        return await feed.position(self._db, root)

    async def close(self) -> None:
        """Ends all; who is following is told that the store is closed."""
        tails = list(self._tails.values())
        for tail in tails:
            tail.end()
        for tail in tails:
            await tail.wait_ended()


class Tail:
    """The newest records of one feed, which a task reads as they are committed."""

    def __init__(self, db: Database, root: bytes) -> None:
        self.users = 0
        self._db = db
        self._root = root
        self._records: feed.Page = []
        # All records between the two are in memory. None: it is not known yet where the feed ends.
        self._begin: bytes | None = None
        self._end = b""
        self._moved = asyncio.Event()
        self._failure: BaseException | None = None
        self._task = asyncio.create_task(self._run(), name="feed")
        self._task.add_done_callback(self._fail)

    @property
    def ended(self) -> bool:
        """Whether nothing more will be read."""
        return self._task.done()

    async def page(self, stamp: bytes) -> feed.Page:
        """The next records behind a stamp, at least one: waits for it.

        Raises:
            CursorExpired: records behind it were trimmed.
            StoreError: as `Database.read`.
        """
        while True:
            if self._failure is not None:
                raise DatabaseClosed("the feed is no longer followed") from self._failure
            if self._begin is not None and stamp < self._begin:
                return (await feed.read(self._db, self._root, stamp))[1]
            if self._begin is not None and stamp < self._end:
                first = bisect_right(self._records, stamp, key=itemgetter(0))
                return self._records[first : first + feed.PAGE]
            await self._moved.wait()

    def is_behind(self, stamp: bytes) -> bool:
        """Whether `page` has something without waiting."""
        return stamp < self._end

    def end(self) -> None:
        self._task.cancel()

    async def wait_ended(self) -> None:
        await asyncio.wait([self._task])

    def _fail(self, task: asyncio.Task[None]) -> None:
        self._failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._wake()

    async def _run(self) -> None:
        while True:
            try:
                await self._start()
                while True:
                    await self._step()
            except DatabaseClosed:
                raise
            except CursorExpired:
                # So much was committed meanwhile that the feed was trimmed up to here: whoever is behind is
                # told by `page`.
                continue
            except StoreError as error:
                _log.warning("watches wait for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _start(self) -> None:
        self._end = self._begin = feed.parse(await feed.position(self._db, self._root))
        self._records = []
        self._wake()

    async def _step(self) -> None:
        """Reads what there is, and returns when there may be more."""
        began = asyncio.get_running_loop().time()
        head, page = await feed.read(self._db, self._root, self._end)
        if page:
            # A new list: the slices that others iterate over stay as they are.
            records = self._records + page
            if len(records) > TAIL:
                self._begin = records[-TAIL - 1][0]
                records = records[-TAIL:]
            self._records = records
            self._end = page[-1][0]
            self._wake()
        if len(page) == feed.PAGE:
            await asyncio.sleep(0)
            return
        await self._db.watch(keyspace.feed_head(self._root), head)
        rest = began + GATHER_SECONDS - asyncio.get_running_loop().time()
        if rest > 0:
            await asyncio.sleep(rest)

    def _wake(self) -> None:
        self._moved.set()
        self._moved.clear()
