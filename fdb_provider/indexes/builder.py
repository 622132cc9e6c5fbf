"""Builds indexes that were declared when there were records already, and clears those that are dropped.

The work goes through the store tenant by tenant, one small transaction at a time. How far it is is kept in
the store with a lease: so one gateway at a time does it, and another goes on where it ended. A step reads the
state that it advances, so none is made twice or left out, whoever makes it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from functools import partial
from time import monotonic

import msgspec

from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.indexes import catalogue
from fdb_provider.indexes.catalogue import Collections, Job, Work
from fdb_provider.indexes.filling import Made, advance
from fdb_provider.models import now_ms

EVERY = 30.0
"""Seconds between two looks whether there is work."""
PAUSE = 0.02
"""Seconds between two steps: whoever is working has the store for most of the time."""
LEASE = 60_000
"""Milliseconds without a sign after which another gateway takes over."""
AGAIN = 3_600_000
"""Milliseconds until a unique index is tried again that two records stand against."""
_log = logging.getLogger(__name__)


class Builder:
    """One gateway's part of the work.

    Args:
        settle: seconds until every program that shares the store has seen what was declared; work begins
            after that, as until then some write records without the entries of a new index.
    """

    def __init__(
        self,
        db: Database,
        collections: Collections,
        *,
        settle: float,
        every: float = EVERY,
        pause: float = PAUSE,
        lease: int = LEASE,
        again: int = AGAIN,
    ) -> None:
        self._db = db
        self._collections = {one.name: one for one in collections}
        self._settle = settle
        self._every = every
        self._pause = pause
        self._lease = lease
        self._again = again
        self._id = secrets.token_bytes(8)
        self._seen: dict[bytes, float] = {}

    async def run(self) -> None:
        """Works until it is cancelled; while the store does not answer, it waits."""
        while True:
            try:
                more = await self.step()
            except DatabaseClosed:
                return
            except StoreError as error:
                _log.warning("indexes are not built now: %s", error)
                more = False
            await asyncio.sleep(self._pause if more else self._every)

    async def step(self) -> bool:
        """Makes a step of some work; False when there is none, or it is another gateway's."""
        jobs = await self._db.read(catalogue.jobs)
        now = monotonic()
        self._seen = {job.work.id: self._seen.get(job.work.id, now) for job in jobs}
        for job in jobs:
            if now - self._seen[job.work.id] >= self._settle and self._knows(job):
                made = await self._db.run(partial(self._advance, job=job))
                if made is not None:
                    if made.ended:
                        _tell(job, made.work)
                    return True
        return False

    def _knows(self, job: Job) -> bool:
        """Whether the work is for what this program has declared."""
        collection = self._collections.get(job.collection)
        if collection is None:
            return False
        index = collection.indexes.get(job.name)
        return job.work.definition == (b"" if index is None else index.definition)

    async def _advance(self, tr: Transaction, *, job: Job) -> Made | None:
        """One step; None when somebody else is at it."""
        work = await catalogue.current(tr, job)
        now = now_ms()
        if work is None or (work.holder != self._id and now < work.until):
            return None
        work = msgspec.structs.replace(work, holder=self._id, until=now + self._lease)
        made = await advance(tr, self._collections[job.collection], job.name, work)
        work = made.work
        if made.ended and not work.clash:
            catalogue.end(tr, job)
            return made
        if made.ended:
            work = Work(work.id, work.definition, until=now + self._again, clash=work.clash)
        catalogue.put(tr, Job(job.collection, job.name, work))
        return made


def _tell(job: Job, work: Work) -> None:
    name = f"the index {job.name} of {job.collection}"
    if work.clash:
        _log.error("%s cannot be unique: %s; change or delete one of them", name, work.clash)
    elif work.definition:
        _log.info("%s is complete: %s records", name, f"{work.records:,}")
    else:
        _log.info("%s, which is not kept any more, is cleared", name)
