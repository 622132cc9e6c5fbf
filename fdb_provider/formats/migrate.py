"""Brings a store to the format of this program."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.formats import counted, version
from fdb_provider.formats.version import FORMAT, Progress, State
from fdb_provider.indexes import catalogue
from fdb_provider.indexes.catalogue import Collections
from fdb_provider.scan import parts

Tell = Callable[[str], None]
"""Called with the id of each tenant before it is dealt with."""

_log = logging.getLogger(__name__)


class Migration(NamedTuple):
    """How a store comes to a version from the one before.

    Args:
        tenant: deals with one tenant, in as many transactions as it takes. Each of them must change nothing
            once the store has the version, and making any of them again must change nothing.
        end: what the last transaction does besides, in which the store gets the version.
    """

    tenant: Callable[[Database, str], Awaitable[None]]
    end: Callable[[Transaction], Awaitable[None]]


MIGRATIONS = {2: Migration(counted.tenant, counted.end)}
"""By the version they lead to: one for each from 2 to `FORMAT`."""


async def bring_up(db: Database, collections: Collections, tell: Tell = lambda _: None) -> None:
    """Gives an empty store its format, or brings an older one to it.

    Raises:
        StoreUnusable: the store is of a newer format.
        StoreUnavailable: the store stopped answering; the next call goes on from there.
    """
    while (state := await db.run(partial(_begin, collections=collections))).version != FORMAT:
        assert state.version is not None
        to = state.version + 1
        if state.progress is None:
            _log.warning("The store has format %d and is brought to %d now.", state.version, to)
        await _migrate(db, to, state.progress, tell)
        _log.warning("The store has format %d now.", to)


async def _begin(tr: Transaction, *, collections: Collections) -> State:
    """What the store says, which is `FORMAT` for one that was empty."""
    state = await version.read(tr)
    if state.version is not None:
        return state
    tr.set(keyspace.format_version(), version.encode(FORMAT))
    await catalogue.declare(tr, catalogue.declared(collections), complete=True)
    return State(FORMAT, None)


async def _migrate(db: Database, to: int, progress: Progress | None, tell: Tell) -> None:
    migration = MIGRATIONS[to]
    await db.run(partial(_note, progress=progress or Progress(to)))
    after = None if progress is None else progress.tenant
    async for part in parts(db, b"", b"" if after is None else keyspace.tenant(after)):
        tenant = keyspace.unpack(part)[0]
        tell(tenant)
        await migration.tenant(db, tenant)
        await db.run(partial(_note, progress=Progress(to, tenant)))
    await db.run(partial(_end, to=to))


async def _note(tr: Transaction, *, progress: Progress) -> None:
    """Keeps how far a migration is, unless it has ended."""
    if (await version.read(tr)).version == progress.to - 1:
        tr.set(keyspace.migration(), version.encode_progress(progress))


async def _end(tr: Transaction, *, to: int) -> None:
    """Raises the version, unless that was done."""
    if (await version.read(tr)).version == to - 1:
        await MIGRATIONS[to].end(tr)
        tr.set(keyspace.format_version(), version.encode(to))
        tr.clear(keyspace.migration())
