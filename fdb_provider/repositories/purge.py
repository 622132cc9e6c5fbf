"""Purging what was discarded long enough ago."""

from __future__ import annotations

from functools import partial
from typing import Any

from fdb_provider.engine import Database, Transaction
from fdb_provider.records import Collection, KeyPart

_RECORDS = 20
"""Records looked up at a time."""


async def step(db: Database, collection: Collection[Any], tenant: str, before: int) -> bool:
    """Purges some records of a tenant that were discarded before a time in milliseconds.

    Returns:
        Whether there may be more.
    """
    due = await db.read(partial(collection.purgeable, tenant=tenant, before=before, limit=_RECORDS))
    gone = 0
    for record in due:
        key = collection.key_of(record)
        gone += await db.run(partial(_purge, collection=collection, tenant=tenant, key=key, before=before))
    return bool(due) and (len(due) == _RECORDS or gone < len(due))


async def _purge(
    tr: Transaction, *, collection: Collection[Any], tenant: str, key: tuple[KeyPart, ...], before: int
) -> bool:
    """Purges a record, or a part of what goes with it, unless it was restored meanwhile."""
    record = await collection.get(tr, tenant, *key, deleted=True)
    discarded = None if record is None else collection.deleted_at(record)
    if discarded is None or discarded >= before:
        return True
    return await collection.purge(tr, tenant, *key)
