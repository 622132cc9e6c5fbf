"""A store that may be worked with: of this program's format, with this program's indexes.

Everything opens its store with `open_store`, but for who must change nothing, as the doctor.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.counts import Counts
from fdb_provider.engine.description import Description
from fdb_provider.engine.url import open_database
from fdb_provider.errors import DatabaseClosed, StoreError, StoreUnavailable, StoreUnusable
from fdb_provider.formats import migrate, version
from fdb_provider.formats.migrate import Tell
from fdb_provider.formats.version import FORMAT
from fdb_provider.indexes import catalogue
from fdb_provider.indexes.catalogue import Collections
from fdb_provider.repositories import COLLECTIONS

T = TypeVar("T")

LOOK = 15.0
"""Seconds between two looks at the format and the indexes of a store that other programs share."""
TRUST = 2
"""So many times as long a look is trusted: nobody has to wait for the next one before that."""
RETRIES = 90.0
"""Seconds that a transaction may go on which began when a look was trusted: it is tried again for 60 s, the
last time for 5 s, and some are to spare."""
AGAIN = 1.0
"""Seconds between two attempts to open a store that does not answer."""

_log = logging.getLogger(__name__)


class Store:
    """A `Database` that is looked at before it is worked with, and now and then afterwards.

    Args:
        shared: other programs may have it open too.
        collections: all that this program keeps records in.
        look: see `LOOK`.
    """

    def __init__(
        self,
        db: Database,
        *,
        shared: bool,
        collections: Collections = COLLECTIONS,
        look: float = LOOK,
    ) -> None:
        self._db = db
        self._collections = tuple(collections)
        self._declared = catalogue.declared(self._collections)
        self._look_every = look if shared else math.inf
        self._refusal: StoreError | None = StoreUnavailable("the store is not open yet: try again soon")
        self._next_look = 0.0
        self._trusted = 0.0

    @classmethod
    async def at(cls, url: str, *, make: bool = True) -> Store:
        """The store `url` names, to be opened yet. Raises as `open_database`."""
        return cls(await open_database(url, make=make), shared=not url.startswith("embedded:"))

    @property
    def counts(self) -> Counts:
        return self._db.counts

    @property
    def settle(self) -> float:
        """Seconds from declaring an index until all who write records set its entries."""
        return TRUST * self._look_every + RETRIES if self._look_every < math.inf else 0.0

    async def check_begun(self) -> None:
        """Raises `StoreUnusable` if nothing was ever kept in it, or as `open`."""
        if (await self._db.read(version.read)).version is None:
            raise StoreUnusable("the store is empty: name the one the server uses")

    async def open(self, tell: Tell = lambda _: None) -> None:
        """Brings the store to this program's format and indexes; before that it refuses all calls.

        Args:
            tell: called with each tenant's id, while a store of an older format is brought to this one.

        Raises:
            StoreUnusable: its format is newer than this program.
            StoreUnavailable: it does not answer; call this again.
        """
        try:
            await migrate.bring_up(self._db, self._collections, tell)
            await self._look()
        except StoreError as error:
            self._refusal = error
            raise

    async def keep_opening(self) -> None:
        """Opens it as soon as it answers, unless it is open; ends then, or when it cannot be."""
        while self._refusal is not None:
            try:
                await self.open()
            except (StoreUnusable, DatabaseClosed) as error:
                _log.error("The store cannot be used: %s", error)
                return
            except StoreError:
                await asyncio.sleep(AGAIN)

    def run(
        self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False
    ) -> Coroutine[Any, Any, T]:
        if monotonic() < self._next_look:
            return self._db.run(body, repeatable=repeatable)
        return self._run_behind_a_look(body, repeatable)

    def read(self, body: Callable[[Reader], Awaitable[T]]) -> Coroutine[Any, Any, T]:
        if monotonic() < self._next_look:
            return self._db.read(body)
        return self._read_behind_a_look(body)

    async def watch(self, key: bytes, seen: bytes | None) -> bytes | None:
        return await self._db.watch(key, seen)

    async def ready(self) -> None:
        await self._db.ready()
        self._check()

    async def describe(self) -> Description:
        return await self._db.describe()

    async def close(self) -> None:
        await self._db.close()

    async def _run_behind_a_look(self, body: Callable[[Transaction], Awaitable[T]], repeatable: bool) -> T:
        self._check()
        await self._look()
        return await self._db.run(body, repeatable=repeatable)

    async def _read_behind_a_look(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        self._check()
        await self._look()
        return await self._db.read(body)

    def _check(self) -> None:
        """Raises why the store is refused, if it is."""
        if self._refusal is not None:
            raise type(self._refusal)(*self._refusal.args)

    async def _look(self) -> None:
        """Sees that the store is what this program needs, and says in it which indexes this one keeps."""
        now = monotonic()
        # The others need not wait for this one's look, as long as the last one is to be trusted.
        self._next_look = min(now + self._look_every, self._trusted)
        try:
            found, kept = await self._db.read(_state)
            if found != FORMAT:
                raise StoreUnusable(
                    f"the store has format {found} instead of {FORMAT}: it was exchanged while it was open; "
                    "start this program again"
                )
            if not catalogue.agrees(self._declared, kept):
                for collection, name in await self._db.run(
                    partial(catalogue.declare, declared=self._declared)
                ):
                    _log.warning(
                        "the index %s of %s is not known to this program: it is not kept up while this one "
                        "runs, and programs that know it build it anew",
                        name,
                        collection,
                    )
        except StoreUnusable as error:
            self._refusal = error
            self._next_look = self._trusted = 0.0
            raise
        self._refusal = None
        self._trusted = now + TRUST * self._look_every
        self._next_look = now + self._look_every


async def _state(tr: Reader) -> tuple[int | None, dict[str, dict[str, bytes]]]:
    return (await version.read(tr)).version, await catalogue.kept(tr)


async def open_store(url: str, tell: Tell = lambda _: None, *, make: bool = True) -> Store:
    """Opens the store `url` names and brings it to this program's format.

    Args:
        make: if there is none yet it is begun.

    Raises:
        StoreUnusable, StoreInUse: as `open_database`; its format is newer than this program; there is none,
            and none is to be begun.
        StoreUnavailable: it does not answer.
    """
    store = await Store.at(url, make=make)
    try:
        if not make:
            await store.check_begun()
        await store.open(tell)
    except BaseException:
        await store.close()
        raise
    return store
