"""Follows the feed of ended and changed sign-ins: open channels know within a second on every gateway."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from auth.keys import LEEWAY_SECONDS
from auth.tokens import ACCESS_SECONDS
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.models import Revocation
from fdb_provider.repositories import auth_sessions

_BATCH = 500
_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)

OnEntry = Callable[[Revocation], None]
"""Called on the event loop; must not block."""


class RevocationFollower:
    """One for each gateway: run `follow()` as a task.

    Args:
        token_seconds: the longest life of an access token. Entries are forgotten, here and in the store,
            once no token the family had then can be valid any more.
    """

    def __init__(self, database: Database, *, token_seconds: float = ACCESS_SECONDS) -> None:
        self._database = database
        # Twice the leeway: the clock of the gateway that wrote the entry may differ from this one's too.
        self._keep_ms = int((token_seconds + 2 * LEEWAY_SECONDS) * 1000)
        self._callbacks: dict[str, set[OnEntry]] = {}
        self._lately: OrderedDict[str, tuple[bytes, Revocation]] = OrderedDict()
        self._started = asyncio.Event()

    def subscribe(self, family: str, on_entry: OnEntry) -> Callable[[], None]:
        """Has `on_entry` called when the family is revoked or changed; at once if it was of late.

        So a channel that authenticated first and subscribed then cannot miss what happened in between.

        Returns:
            A function that ends the subscription.
        """
        callbacks = self._callbacks.setdefault(family, set())
        callbacks.add(on_entry)

        def unsubscribe() -> None:
            callbacks.discard(on_entry)
            if not callbacks and self._callbacks.get(family) is callbacks:
                del self._callbacks[family]

        if family in self._lately:
            on_entry(self._lately[family][1])
        return unsubscribe

    async def started(self) -> None:
        """Returns when the feed has been read for the first time."""
        await self._started.wait()

    async def follow(self) -> None:
        """Follows the feed until cancelled or until the database is closed; an outage is waited out."""
        cursor = b""
        while True:
            try:
                head, cursor, entries = await self._read(cursor)
                for position, entry in entries:
                    self._deliver(position, entry)
                if len(entries) < _BATCH:
                    self._started.set()
                    await self._forget()
                    await self._database.watch(auth_sessions.HEAD, head)
            except DatabaseClosed:
                return
            except StoreError as error:
                _log.warning("Revocations cannot be followed now: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _read(self, cursor: bytes) -> tuple[bytes | None, bytes, list[tuple[bytes, Revocation]]]:
        async def body(tr: Reader) -> tuple[bytes | None, bytes, list[tuple[bytes, Revocation]]]:
            return await auth_sessions.revocations(tr, cursor, limit=_BATCH)

        return await self._database.read(body)

    def _deliver(self, position: bytes, entry: Revocation) -> None:
        self._lately[entry.family] = (position, entry)
        self._lately.move_to_end(entry.family)
        for on_entry in list(self._callbacks.get(entry.family, ())):
            try:
                on_entry(entry)
            except Exception:  # one channel that fails to close must not keep the others open
                _log.exception("A channel of a revoked sign-in could not be closed")

    async def _forget(self) -> None:
        """Drops what is old enough. Every gateway does so; clearing twice is harmless."""
        horizon = int(time.time() * 1000) - self._keep_ms
        last: bytes | None = None
        while self._lately and next(iter(self._lately.values()))[1].at < horizon:
            last = self._lately.popitem(last=False)[1][0]
        if last is not None:
            upto = last

            async def body(tr: Transaction) -> None:
                auth_sessions.forget(tr, upto)

            await self._database.run(body)
