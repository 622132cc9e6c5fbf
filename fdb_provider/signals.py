"""Signals: keys whose value changes with what they stand for, so that all gateways learn of it.

A signal says that something has changed, and not what: whoever is told reads anew. So signals may be given
often and told once, and an outage costs nothing but time.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import DatabaseClosed, StoreError

GATHER_SECONDS = 0.05
"""Between two tellings: the first change after a rest is told at once, those of a burst together."""
RETRY_SECONDS = 1.0
"""Pause before a signal is looked at again when the store did not answer."""

_log = logging.getLogger(__name__)

Told = Callable[[], None]
"""Called on the event loop; must not block."""


def give(tr: Transaction, key: bytes) -> None:
    """Gives a signal: in the transaction that changes what it stands for."""
    # Not a counter: one that is cleared and begun anew could come to where it was.
    tr.set(key, os.urandom(8))


class Signals:
    """The signals that are followed on one gateway: one watch of the store each, however many follow it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._followed: dict[bytes, _Followed] = {}

    def follow(self, key: bytes, told: Told) -> Callable[[], None]:
        """Has `told` called soon, and from then on whenever the signal was given.

        So nothing is missed by who follows first and reads when told.

        Returns:
            A function that ends it.
        """
        followed = self._followed.get(key)
        if followed is None:
            followed = self._followed[key] = _Followed(self._db, key)
        follower = followed.add(told)

        def stop() -> None:
            if followed.remove(follower) and self._followed.get(key) is followed:
                del self._followed[key]

        return stop

    async def close(self) -> None:
        """Nobody is told anything any more."""
        followed = list(self._followed.values())
        self._followed.clear()
        for one in followed:
            await one.close()


class _Followed:
    """One signal, which a task watches."""

    def __init__(self, db: Database, key: bytes) -> None:
        self._db = db
        self._key = key
        self._told: dict[object, Told] = {}
        self._watching = False
        self._task = asyncio.create_task(self._run(), name="signal")

    def add(self, told: Told) -> object:
        """What to remove it by."""
        follower = object()
        self._told[follower] = told
        if self._watching:
            asyncio.get_running_loop().call_soon(self._tell, follower)
        return follower

    def remove(self, follower: object) -> bool:
        """Whether nobody is left to be told; then it has ended."""
        self._told.pop(follower, None)
        if not self._told:
            self._task.cancel()
        return not self._told

    async def close(self) -> None:
        self._told.clear()
        self._task.cancel()
        await asyncio.wait([self._task])

    def _tell(self, follower: object) -> None:
        told = self._told.get(follower)
        if told is None:
            return
        try:
            told()
        except Exception:  # one who fails must not keep the others from being told
            _log.exception("A signal could not be told")

    def _tell_all(self) -> None:
        for follower in list(self._told):
            self._tell(follower)

    async def _run(self) -> None:
        while True:
            try:
                await self._watch()
            except DatabaseClosed:
                return
            except StoreError as error:
                _log.warning("a signal waits for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self) -> None:
        async def body(tr: Reader) -> bytes | None:
            return await tr.get(self._key)

        seen = await self._db.read(body)
        self._watching = True
        self._tell_all()
        while True:
            seen = await self._db.watch(self._key, seen)
            self._tell_all()
            await asyncio.sleep(GATHER_SECONDS)
