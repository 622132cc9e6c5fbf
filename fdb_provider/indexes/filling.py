"""One step of building an index: as much as one transaction does.

It reads the records that it sets entries for, so it conflicts with whoever changes one of them meanwhile and
is made again. A record that is written behind its back has its entries from its writer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.indexes.catalogue import Work
from fdb_provider.records import Collection, Index

ROWS = 200
"""Records and entries that a step deals with at most."""
TENANTS = 40
"""Tenants that a step goes on to at most; each costs a few reads, even if it has no such records."""


class Made(NamedTuple):
    """The work behind a step, and whether nothing is left of it."""

    work: Work
    ended: bool


async def advance(tr: Transaction, collection: Collection[Any], name: str, work: Work) -> Made:
    """Makes a step of the work for an index."""
    left = ROWS
    if work.tenant is None:
        work = msgspec.structs.replace(work, clash="")  # what was found the last time may be mended
    for _ in range(TENANTS):
        if work.tenant is not None:
            if not work.filling:
                left -= await _clear(tr, keyspace.index(work.tenant, collection.name, name), left)
                if left == 0:
                    return Made(work, False)
                work = msgspec.structs.replace(work, filling=True)
            if work.definition:
                before = work.records
                work = await _fill(tr, collection, collection.indexes[name], work, left)
                left -= work.records - before
                if left == 0:
                    return Made(work, False)
        tenant = await _next_tenant(tr, work.tenant)
        if tenant is None:
            return Made(work, True)
        work = msgspec.structs.replace(work, tenant=tenant, filling=False, after=b"")
    return Made(work, False)


async def _next_tenant(tr: Reader, tenant: str | None) -> str | None:
    """The tenant behind another, in the order of their keys, or the first."""
    begin = b"" if tenant is None else keyspace.tenant(tenant) + b"\xff"
    # A tenant that appears in between has all its entries from its writers.
    async for key, _ in tr.get_range(begin, b"\xff", limit=1, snapshot=True):
        found: str = keyspace.unpack(keyspace.first_part(key, 0))[0]
        return found
    return None


async def _clear(tr: Transaction, entries: bytes, limit: int) -> int:
    """Clears the first `limit` entries; returns how many there were."""
    keys = [key async for key, _ in tr.get_range(*keyspace.range_of(entries), limit=limit)]
    for key in keys:
        tr.clear(key)
    return len(keys)


async def _fill(tr: Transaction, collection: Collection[Any], index: Index, work: Work, limit: int) -> Work:
    """Sets the entries of the next `limit` records of the tenant."""
    tenant = work.tenant or keyspace.SYSTEM
    records = keyspace.records(tenant, collection.name)
    begin, end = keyspace.range_of(records)
    if work.after:
        begin = records + work.after + b"\x00"
    rows = [row async for row in tr.get_range(begin, end, limit=limit)]
    clash = work.clash
    for _, value in rows:
        try:
            entries = collection.entries(tenant, index, collection.decode(value))
        except msgspec.MsgspecError:  # no query can answer with it; fsck names it
            continue
        for entry in entries:
            other = await holder(tr, collection, index, tenant, *entry) if index.unique else None
            if other is None:
                tr.set(*entry)
            else:
                both = [keyspace.unpack(primary) for primary in (other, entry[1])]
                clash = f"in tenant {tenant!r} {both[0]} and {both[1]} have the same value"
    after = rows[-1][0][len(records) :] if rows else work.after
    return msgspec.structs.replace(work, after=after, records=work.records + len(rows), clash=clash)


async def holder(
    tr: Reader, collection: Collection[Any], index: Index, tenant: str, key: bytes, primary: bytes
) -> bytes | None:
    """The primary key of another record that has the value of an entry."""
    held = await tr.get(key)
    if held in (None, primary):
        return None
    other = await collection.get(tr, tenant, *keyspace.unpack(held), deleted=True)
    return held if other is not None and (key, held) in collection.entries(tenant, index, other) else None
