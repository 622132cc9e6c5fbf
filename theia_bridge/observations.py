"""What was refused, and what was read, on its way into the audit.

It is gathered in memory and written a batch at a time, so that nobody who is refused or reads waits for the
store. What waits is bounded: like things are counted together, and beyond the bound they are only counted as
dropped, as nobody could be held back who is refused anyway. A gateway that is killed loses what waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import StoreError
from fdb_provider.models import Audit, new_id, now_ms
from fdb_provider.repositories.accounts import USERS
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.scope import Actor, Scope

EVERY = 2.0
"""Seconds between two times of writing."""
BATCH = 200
"""Entries written in one transaction."""
WAITING = 10_000
"""Different things that wait at most: some megabytes."""
WAITING_OF_NOBODY = 200
"""Of those, the ones of callers who have not signed in: anybody can make as many as they like."""
CLOSE_SECONDS = 4.0
"""How long the last ones may take to be written."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Observation:
    """What makes two things alike."""

    scope: Scope
    action: str
    resource: str
    refused: bool
    address: str
    detail: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Seen:
    """How often, and when and in which request for the last time."""

    count: int
    at: int
    request: str


Batch = list[tuple[_Observation, _Seen]]


class Observations:
    """One gateway's."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[_Observation, _Seen] = {}
        self._of_nobody = 0
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self.dropped = 0
        """How many were not written, since the start."""
        self._untold = 0

    @property
    def waiting(self) -> int:
        """How many different things wait to be written."""
        return len(self._waiting)

    def note(
        self,
        actor: Actor,
        action: str,
        resource: str = "",
        *,
        refused: bool = False,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Has an entry written soon. Arguments as those of `repositories.audit.record`."""
        about = tuple((detail or {}).items())
        seen = _Observation(actor.scope, action, resource, refused, actor.address, about)
        self._put(seen, _Seen(1, now_ms(), actor.request))

    async def run(self) -> None:
        """Writes until `close` is called."""
        while not self._closing.is_set():
            try:
                async with asyncio.timeout(EVERY):
                    await self._closing.wait()
            except TimeoutError:
                await self._try_to_write()

    async def flush(self) -> None:
        """Writes all that waits. Raises `StoreError`; what could not be written waits on."""
        async with self._turn:
            while batch := [self._take(seen) for seen in list(self._waiting)[:BATCH]]:
                try:
                    await self._db.run(partial(_write, batch=batch))
                except StoreError:
                    for seen, times in batch:
                        self._put(seen, times)
                    raise

    async def close(self) -> None:
        """Writes what waits, if the store takes it in time."""
        self._closing.set()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._try_to_write()
        except TimeoutError:
            pass
        lost = sum(times.count for times in self._waiting.values())
        if lost:
            self.dropped += lost
            _log.error("%d entries of the audit are lost: the store did not take them", lost)

    async def _try_to_write(self) -> None:
        try:
            await self.flush()
        except StoreError as error:
            _log.warning("the audit's entries of what was refused or read wait: %s", error)
        if self._untold:
            _log.warning("%d entries of the audit were dropped: there were too many to write", self._untold)
            self._untold = 0

    def _take(self, seen: _Observation) -> tuple[_Observation, _Seen]:
        self._of_nobody -= not seen.scope.user
        return seen, self._waiting.pop(seen)

    def _put(self, seen: _Observation, times: _Seen) -> None:
        nobody = not seen.scope.user
        if (known := self._waiting.get(seen)) is not None:
            known.count += times.count
            known.at, known.request = max((known.at, known.request), (times.at, times.request))
        elif len(self._waiting) >= WAITING or (nobody and self._of_nobody >= WAITING_OF_NOBODY):
            self.dropped += times.count
            self._untold += times.count
        else:
            self._waiting[seen] = times
            self._of_nobody += nobody


async def _write(tr: Transaction, *, batch: Batch) -> None:
    """Writes entries, but not those of users who are gone for good: theirs went with them."""
    users = {(seen.scope.tenant, seen.scope.user) for seen, _ in batch if seen.scope.user}
    reads = {who: USERS.get(tr, *who, deleted=True) for who in users}
    gone = {who for who, read in reads.items() if await read is None}
    for seen, times in batch:
        scope = seen.scope
        if (scope.tenant, scope.user) not in gone:
            entry = Audit(
                id=new_id(),
                at=times.at,
                user=scope.user,
                session=scope.session,
                action=seen.action,
                resource=seen.resource,
                outcome="refused" if seen.refused else "done",
                count=times.count,
                request=times.request,
                address=seen.address,
                detail=dict(seen.detail),
            )
            AUDIT.add(tr, scope.tenant, entry)
