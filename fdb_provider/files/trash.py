"""What was deleted and can be had again.

A deleted thing is moved, by its names only, under a file root of its own, and a record says what it was and
where. So deleting, restoring and forgetting are as cheap as renaming. What leaves the trash for good only
loses its record, at once; its entries are `collect`ed by and by.
"""

from __future__ import annotations

import secrets
from operator import itemgetter

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.files import audited, subtree, usage
from fdb_provider.files.changes import Emptied
from fdb_provider.files.paths import ROOTS, Location, parse
from fdb_provider.repositories import audit
from fdb_provider.scope import Actor, Scope

PAGE = 1000
"""Things of the trash that are read, or forgotten, in one transaction."""


class Item(msgspec.Struct, array_like=True, frozen=True):
    """One deleted thing.

    Args:
        path: where it was.
        deleted: when, in milliseconds since 1970.
        kind: of the entry: `FILE`, `DIRECTORY` or `SYMLINK`.
        size: bytes of all its files.
        entries: how many names it has, with its own.
    """

    path: str
    deleted: int
    kind: int
    size: int
    entries: int


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Item).decode


def place(at: Location, now: int) -> Location:
    """Where in the trash what is at a location can be put."""
    # Ids begin with the time, so that their order is that of time.
    return Location(at.root, "", at.name, f"{now:012x}{secrets.token_hex(6)}")


def put(
    tr: Transaction, scope: Scope, source: Location, at: Location, moved: subtree.Moved, now: int
) -> None:
    """Notes what was moved into the trash, to `at`."""
    item = Item(source.path, now, moved.entry.kind, moved.usage.bytes, moved.usage.files)
    tr.set(_record(scope, at.root, at.trash), encode(item))


async def take(tr: Transaction, scope: Scope, at: Location) -> None:
    """Forgets what is moved out of the trash, from `at`. Raises `RecordNotFound`."""
    record = _record(scope, at.root, at.trash)
    if await tr.get(record) is None:
        raise RecordNotFound(_missing(at.trash))
    tr.clear(record)


async def find(tr: Reader, scope: Scope, trash_id: str) -> tuple[str, Item]:
    """The root something was deleted from, and what it is. Raises `RecordNotFound`."""
    reads = [(name, tr.get(_record(scope, name, trash_id))) for name in ROOTS]
    for name, read in reads:
        if (value := await read) is not None:
            return name, decode(value)
    raise RecordNotFound(_missing(trash_id))


async def listed(tr: Reader, scope: Scope, limit: int) -> list[tuple[str, Item]]:
    """Ids and what they are, at most `limit`, the last deleted first."""
    ranges = [
        (prefix, tr.get_range(*keyspace.range_of(prefix), limit=limit, reverse=True))
        for prefix in (keyspace.trash(keyspace.root(scope, name)) for name in ROOTS)
    ]
    found = [
        (keyspace.unpack(key, prefix)[0], decode(value))
        for prefix, rows in ranges
        async for key, value in rows
    ]
    return sorted(found, key=itemgetter(0), reverse=True)[:limit]


async def forget(tr: Transaction, now: int, *, scope: Scope, trash_id: str) -> None:
    """One deleted thing goes for good. Raises `RecordNotFound`."""
    root, item = await find(tr, scope, trash_id)
    _doom(tr, scope.tenant, keyspace.root(scope, root), trash_id, item)
    audit.record(tr, Actor(scope), "trash.delete", audited.resource(scope, root, parse(item.path).relative))


async def empty(tr: Transaction, now: int, *, scope: Scope, until: int | None) -> Emptied:
    """Some of what was deleted before that time, by default until now, goes for good."""
    until = now + 1 if until is None else until
    counts = [await forget_until(tr, scope.tenant, keyspace.root(scope, name), until) for name in ROOTS]
    if any(counts):
        audit.record(tr, Actor(scope), "trash.empty", f"session/{scope.session}", count=sum(counts))
    return Emptied(until, sum(counts), max(counts) < PAGE)


async def forget_until(tr: Transaction, tenant: str, root: bytes, until: int) -> int:
    """Up to `PAGE` things that were deleted from a root before that time go for good; returns how many."""
    prefix = keyspace.trash(root)
    begin, _ = keyspace.range_of(prefix)
    end = prefix + keyspace.pack(f"{max(until, 0):012x}")
    rows = [row async for row in tr.get_range(begin, end, limit=PAGE)]
    for key, value in rows:
        _doom(tr, tenant, root, keyspace.unpack(key, prefix)[0], decode(value))
    return len(rows)


async def doomed(tr: Reader, tenant: str) -> list[bytes]:
    """Prefixes of the roots whose entries are still to be collected."""
    prefix = keyspace.doomed_entries(tenant)
    return [keyspace.unpack(key, prefix)[0] async for key, _ in tr.get_range(*keyspace.range_of(prefix))]


async def collect(tr: Transaction, tenant: str, now: int, limit: int) -> int:
    """Takes away up to `limit` entries of what left the trash for good; returns how much went."""
    doomed = keyspace.doomed_entries(tenant)
    async for note, _ in tr.get_range(*keyspace.range_of(doomed), limit=1):
        entries = keyspace.entries(keyspace.unpack(note, doomed)[0])
        rows = [row async for row in tr.get_range(*keyspace.range_of(entries), limit=limit)]
        subtree.discard(tr, tenant, (value for _, value in rows), now)
        for key, _ in rows:
            tr.clear(key)
        if len(rows) < limit:
            tr.clear(note)
        return len(rows) + 1
    return 0


def _record(scope: Scope, root: str, trash_id: str) -> bytes:
    return keyspace.trash(keyspace.root(scope, root)) + keyspace.pack(trash_id)


def _missing(trash_id: str) -> str:
    return f"nothing in the trash has the id {trash_id[:60]!r}: it was restored or forgotten"


def _doom(tr: Transaction, tenant: str, root: bytes, trash_id: str, item: Item) -> None:
    # It counts no more from here on, though its entries go later: emptying the trash makes room at once.
    usage.add(tr, root, tenant, usage.Usage(-item.size, -item.entries))
    tr.clear(keyspace.trash(root) + keyspace.pack(trash_id))
    tr.set(keyspace.doomed_entries(tenant) + keyspace.pack(keyspace.trashed(root, trash_id)), b"")
