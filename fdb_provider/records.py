"""Typed records with declared secondary indexes.

A record is a `msgspec.Struct`, kept as a MessagePack map, so that a reader passes over fields it does not
know and fills those it misses from their defaults: within one format version a store may be read by a
program a little older or newer than the one that wrote it. A record and all its index entries change in
the one transaction that the caller brings.

Where users delete, a collection keeps what was discarded until it is purged: such a record is in no index
but `BY_DELETED`, so that nothing finds it except by its key and on purpose.
"""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from fdb_provider import cursors, keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import Conflict, RecordExists

R = TypeVar("R", bound=msgspec.Struct)

KeyPart = str | int | bytes
"""What a key or an index may hold; all three keep their natural order in the store."""
BY_DELETED = "by_deleted"
"""The index, over `DELETED_AT`, of what was discarded; every collection with soft delete has it."""
DELETED_AT = "deleted_at"

Purge = Callable[[Transaction, str, R], Awaitable[bool]]
"""Removes what has to go with a record of a tenant: at most a bounded part of it. True when nothing is left;
else it is called again, in another transaction, before the record itself goes."""


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index over `fields`, in that order.

    A record whose indexed field is None is left out of the index, so an index over a rare field costs
    only the records that have it, and `unique` concerns only those.

    Args:
        serves: the query it is for, as the documentation shows it.
    """

    name: str
    fields: tuple[str, ...]
    unique: bool = False
    serves: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A part of the answer to a query.

    Args:
        next: the cursor to continue behind `items`; None when nothing more was there.
    """

    items: list[R]
    next: str | None


SCAN = 2000
"""Records that are looked at for one page, when it has a filter."""
_CHUNK = 200


class _Reading(Generic[R]):
    """A record on its way, which like any read may be left unawaited."""

    __slots__ = ("_shown", "_value")

    def __init__(self, value: Awaitable[bytes | None], shown: Callable[[bytes], R | None]) -> None:
        self._value = value
        self._shown = shown

    def __await__(self) -> Generator[Any, Any, R | None]:
        value = yield from self._value.__await__()
        return None if value is None else self._shown(value)


class Collection(Generic[R]):
    """The records of one type. Every method takes the tenant the record belongs to.

    Args:
        name: the collection's name in its keys; never changed once records exist.
        type: the record type. A field added later needs a default.
        key: fields of the primary key, each a `KeyPart` that never changes in a record's life.
        indexes: see `Index`.
        soft_delete: records can be discarded and restored. They need a field `deleted_at: int | None`, the
            time in milliseconds when that happened.
        purge: see `Purge`; most records have nothing that goes with them.
    """

    def __init__(
        self,
        name: str,
        type: type[R],
        *,
        key: tuple[str, ...],
        indexes: Sequence[Index] = (),
        soft_delete: bool = False,
        purge: Purge[R] | None = None,
    ) -> None:
        if soft_delete:
            deleted = Index(
                BY_DELETED, (DELETED_AT,), serves="What was discarded before a time, to be purged."
            )
            indexes = (*indexes, deleted)
        fields = set(type.__struct_fields__)
        for used in (key, *(index.fields for index in indexes)):
            if not used or not fields.issuperset(used):
                raise TypeError(f"{name}: {used} are not fields of {type.__name__}")
        if len({index.name for index in indexes}) != len(indexes):
            raise TypeError(f"{name}: two indexes have one name")
        self.name = name
        self.key = key
        self.indexes = {index.name: index for index in indexes}
        self.soft_delete = soft_delete
        self._purge = purge
        self._encode = msgspec.msgpack.Encoder().encode
        self.decode = msgspec.msgpack.Decoder(type).decode

    def get(self, tr: Reader, tenant: str, *key: KeyPart, deleted: bool = False) -> Awaitable[R | None]:
        """The record with that primary key. Read from when this is called, so several cost one round trip.

        Args:
            deleted: also when it was discarded.
        """

        def shown(value: bytes) -> R | None:
            record = self.decode(value)
            return record if deleted or self.deleted_at(record) is None else None

        return _Reading(tr.get(self._record_key(tenant, key)), shown)

    def deleted_at(self, record: R) -> int | None:
        """When the record was discarded; None when it was not."""
        return getattr(record, DELETED_AT) if self.soft_delete else None

    def etag(self, record: R) -> str:
        """A name of the record's value: values that are stored differently have different ones."""
        return hashlib.blake2b(self._encode(record), digest_size=12).hexdigest()

    def expect(self, record: R, if_match: str | None) -> None:
        """Lets a change pass that was made to this very value of the record, or to any (None).

        Raises:
            Conflict: the record has another etag.
        """
        if if_match is not None and if_match != self.etag(record):
            raise Conflict(f"This {self.name} has been changed meanwhile: read it again, then change it.")

    async def insert(self, tr: Transaction, tenant: str, record: R) -> None:
        """Adds a record.

        Raises:
            RecordExists: its key, or its value in a unique index, is taken.
        """
        if await self._write(tr, tenant, record, replace=False):
            raise RecordExists(f"A record of {self.name} with this {' and '.join(self.key)} exists already.")

    async def put(self, tr: Transaction, tenant: str, record: R) -> None:
        """Adds a record, or replaces the one with its key.

        Raises:
            RecordExists: another record has its value in a unique index.
        """
        await self._write(tr, tenant, record, replace=True)

    def add(self, tr: Transaction, tenant: str, record: R) -> None:
        """Adds a record whose key, a fresh random id, nobody can have taken: nothing is read for it.

        Raises:
            TypeError: the collection has a unique index, whose values might be taken.
        """
        if any(index.unique for index in self.indexes.values()):
            raise TypeError(f"{self.name}: a record of a collection with unique indexes must be inserted")
        key = self.key_of(record)
        tr.set(self._record_key(tenant, key), self._encode(record))
        for entry_key, entry in self.index_entries(tenant, record).values():
            tr.set(entry_key, entry)

    async def discard(self, tr: Transaction, tenant: str, *key: KeyPart, at: int) -> R | None:
        """Takes a record out of sight until it is restored or purged.

        Args:
            at: the time now, in milliseconds.

        Returns:
            The record as it is then; None when there was none, or it was discarded already.
        """
        record = await self.get(tr, tenant, *key)
        if record is None:
            return None
        record = msgspec.structs.replace(record, **{DELETED_AT: at})
        await self.put(tr, tenant, record)
        return record

    async def restore(self, tr: Transaction, tenant: str, *key: KeyPart) -> R | None:
        """Brings a discarded record back; one that is in sight stays as it is.

        Returns:
            The record as it is then; None when there was none.

        Raises:
            RecordExists: another record has taken its value in a unique index.
        """
        record = await self.get(tr, tenant, *key, deleted=True)
        if record is not None and self.deleted_at(record) is not None:
            record = msgspec.structs.replace(record, **{DELETED_AT: None})
            await self.put(tr, tenant, record)
        return record

    async def purgeable(self, tr: Reader, tenant: str, before: int, limit: int) -> list[R]:
        """At most `limit` records that were discarded before a time in milliseconds, the oldest first."""
        entries = keyspace.index(tenant, self.name, BY_DELETED)
        begin, _ = keyspace.range_of(entries)
        rows = tr.get_range(begin, entries + keyspace.pack(before), limit=limit)
        keys = [keyspace.unpack(key, entries)[1:] async for key, _ in rows]
        reads = [self.get(tr, tenant, *key, deleted=True) for key in keys]
        found = [await read for read in reads]
        return [record for record in found if record is not None]

    async def purge(self, tr: Transaction, tenant: str, *key: KeyPart) -> bool:
        """Removes a record, discarded or not, for good, with what has to go with it.

        Returns:
            Whether it is gone (or never was); if not, call it again in another transaction, see `Purge`.
        """
        record = await self.get(tr, tenant, *key, deleted=True)
        if record is None:
            return True
        if self._purge is not None and not await self._purge(tr, tenant, record):
            return False
        await self.delete(tr, tenant, *key)
        return True

    async def delete(self, tr: Transaction, tenant: str, *key: KeyPart) -> R | None:
        """Removes a record, discarded or not, with its index entries.

        What else goes with it stays, see `purge`.

        Returns:
            The record; None when there was none.
        """
        record = await self.get(tr, tenant, *key, deleted=True)
        if record is None:
            return None
        self.remove(tr, tenant, record)
        return record

    def remove(self, tr: Transaction, tenant: str, record: R) -> None:
        """Removes a record that this transaction has read, as `delete` does."""
        tr.clear(self._record_key(tenant, self.key_of(record)))
        for entry_key, _ in self.index_entries(tenant, record).values():
            tr.clear(entry_key)

    async def by_index(
        self, tr: Reader, tenant: str, name: str, *values: KeyPart, limit: int = 0, reverse: bool = False
    ) -> list[R]:
        """Records whose indexed fields begin with `values`, in the order of the index.

        Args:
            name: the index.
            values: one for each indexed field, or for the first few of them, or none at all.
            limit: at most this many; 0 means all.
        """
        rows = await self._rows(tr, tenant, name, values, limit=limit, reverse=reverse)
        return [record for _, record in rows]

    async def page(
        self,
        tr: Reader,
        tenant: str,
        index: str | None,
        *values: KeyPart,
        limit: int,
        after: str | None = None,
        reverse: bool = False,
        least: KeyPart | None = None,
        below: KeyPart | None = None,
        where: Callable[[R], bool] | None = None,
    ) -> Page[R]:
        """The next records whose indexed fields begin with `values`, in the order of the index.

        Args:
            index: the index; None for the order of the primary keys, to which `values` belong then.
            limit: at most this many, at least 1.
            after: the `next` of the page before; None for the first page.
            least, below: bounds of the field behind `values`: at least the one, and less than the other.
            where: only the records for which it is true. Of these the page may have fewer than `limit`
                although there are more, since it ends once `SCAN` records were looked at.

        Raises:
            InvalidCursor: `after` is no cursor of this query.
        """
        query = keyspace.pack(tenant, self.name, index or "", int(reverse), *values)
        behind = None if after is None else cursors.decode(after, query)
        bounds = least, below
        found: builtins.list[R] = []
        looked = 0
        while True:
            # With a filter more is read at a time than is wanted: perhaps most of it is not.
            size = limit if where is None else max(limit, _CHUNK)
            rows = await self._rows(
                tr, tenant, index, values, limit=size + 1, reverse=reverse, behind=behind, bounds=bounds
            )
            for i, (place, record) in enumerate(rows[:size]):
                if where is None or where(record):
                    found.append(record)
                if len(found) == limit and i + 1 < len(rows):
                    return Page(found, cursors.encode(place, query))
            if len(rows) <= size:
                return Page(found, None)
            behind = rows[size - 1][0]
            looked += size
            if looked >= SCAN:
                return Page(found, cursors.encode(behind, query))

    async def after(self, tr: Reader, tenant: str, *key: KeyPart, limit: int) -> list[R]:
        """At most `limit` records whose primary keys come behind `key`, in their order."""
        behind = keyspace.pack(*key)
        return [record for _, record in await self._rows(tr, tenant, None, (), limit=limit, behind=behind)]

    async def scan(
        self, tr: Reader, tenant: str, *prefix: KeyPart, behind: R | None = None, limit: int
    ) -> builtins.list[R]:
        """At most `limit` records whose keys begin with `prefix`, in their order; discarded ones, too.

        Args:
            behind: the record to go on from; None for the first ones.
        """
        begin, end = keyspace.range_of(keyspace.records(tenant, self.name) + keyspace.pack(*prefix))
        if behind is not None:
            begin = self._record_key(tenant, self.key_of(behind)) + b"\x00"
        return [self.decode(value) async for _, value in tr.get_range(begin, end, limit=limit)]

    def key_of(self, record: R) -> tuple[KeyPart, ...]:
        """The primary key of a record."""
        return tuple(getattr(record, field) for field in self.key)

    async def list(
        self, tr: Reader, tenant: str, *prefix: KeyPart, limit: int = 0, reverse: bool = False
    ) -> list[R]:
        """Records in the order of their primary keys, all or those whose key begins with `prefix`.

        Args:
            limit: at most this many; 0 means all.
        """
        rows = await self._rows(tr, tenant, None, prefix, limit=limit, reverse=reverse)
        return [record for _, record in rows]

    async def _rows(
        self,
        tr: Reader,
        tenant: str,
        name: str | None,
        values: tuple[KeyPart, ...],
        *,
        limit: int,
        reverse: bool = False,
        behind: bytes | None = None,
        bounds: tuple[KeyPart | None, KeyPart | None] = (None, None),
    ) -> builtins.list[tuple[bytes, R]]:
        """Records in the order of an index or of their keys, each with its place: its key behind `values`.

        Args:
            behind: the place to go on from.
            bounds: what the field behind `values` is at least, and what it is less than.
        """
        base = keyspace.records(tenant, self.name)
        if name is not None:
            base = keyspace.index(tenant, self.name, name)
        prefix = base + keyspace.pack(*values)
        begin, end = keyspace.range_of(prefix)
        least, below = bounds
        if least is not None:
            begin = prefix + keyspace.pack(least)
        if below is not None:
            end = max(begin, prefix + keyspace.pack(below))
        if behind is not None:
            place = prefix + behind
            begin, end = (
                (begin, max(begin, min(end, place))) if reverse else (max(begin, place + b"\x00"), end)
            )
            end = max(begin, end)
        if name is None:
            return await self._live(tr, len(prefix), begin, end, limit, reverse)
        index = self.indexes[name]
        entries: builtins.list[tuple[bytes, bytes]] = []
        if index.unique and len(values) == len(index.fields):
            entry = await tr.get(prefix) if behind is None else None
            if entry is not None:
                entries.append((prefix, entry))
        else:
            entries = [row async for row in tr.get_range(begin, end, limit=limit, reverse=reverse)]
        records = keyspace.records(tenant, self.name)
        # Issued together: on a cluster they cost one round trip.
        reads = [tr.get(records + self._primary(index, base, *entry)) for entry in entries]
        found = [(key[len(prefix) :], await read) for (key, _), read in zip(entries, reads, strict=True)]
        return [(place, self.decode(value)) for place, value in found if value is not None]

    async def _live(
        self, tr: Reader, place: int, begin: bytes, end: bytes, limit: int, reverse: bool
    ) -> builtins.list[tuple[bytes, R]]:
        """The records with keys in a range that were not discarded; their places begin at `place`."""
        found: builtins.list[tuple[bytes, R]] = []
        rows = tr.get_range(begin, end, limit=0 if self.soft_delete else limit, reverse=reverse)
        async for key, value in rows:
            record = self.decode(value)
            if self.deleted_at(record) is None:
                found.append((key[place:], record))
                if len(found) == limit:
                    break
        return found

    @staticmethod
    def _primary(index: Index, base: bytes, key: bytes, value: bytes) -> bytes:
        """The packed primary key that an entry of an index, whose keys begin with `base`, leads to."""
        return value if index.unique else keyspace.pack(*keyspace.unpack(key, base)[len(index.fields) :])

    async def _write(self, tr: Transaction, tenant: str, record: R, *, replace: bool) -> bool:
        """Writes the record and its entries; True when it was there already and may not be replaced."""
        key = self.key_of(record)
        record_key = self._record_key(tenant, key)
        packed = keyspace.pack(*key)
        entries = self.index_entries(tenant, record)
        reading = tr.get(record_key)
        holders = [
            (self.indexes[name], tr.get(entry[0]))
            for name, entry in entries.items()
            if self.indexes[name].unique
        ]
        value = await reading
        if value is not None and not replace:
            return True
        for index, holder in holders:
            if await holder not in (None, packed):
                raise RecordExists(f"{self.name}: this {' and '.join(index.fields)} is taken.")
        if value is not None:
            for name, old in self.index_entries(tenant, self.decode(value)).items():
                if entries.get(name) != old:
                    tr.clear(old[0])
        tr.set(record_key, self._encode(record))
        # Set again even if nothing changed: an entry missing from an index still being built appears.
        for entry_key, entry in entries.values():
            tr.set(entry_key, entry)
        return False

    def _record_key(self, tenant: str, key: tuple[KeyPart, ...]) -> bytes:
        if len(key) != len(self.key):
            raise TypeError(f"{self.name}: the primary key is {self.key}, got {len(key)} parts")
        return keyspace.records(tenant, self.name) + keyspace.pack(*key)

    def index_entries(self, tenant: str, record: R) -> dict[str, tuple[bytes, bytes]]:
        """Key and value of the record's entry in each index that holds it."""
        primary = keyspace.pack(*(getattr(record, field) for field in self.key))
        discarded = self.deleted_at(record) is not None
        entries: dict[str, tuple[bytes, bytes]] = {}
        for name, index in self.indexes.items():
            values = [getattr(record, field) for field in index.fields]
            if any(value is None for value in values) or discarded != (name == BY_DELETED):
                continue
            prefix = keyspace.index(tenant, self.name, name) + keyspace.pack(*values)
            entries[name] = (prefix, primary) if index.unique else (prefix + primary, b"")
        return entries
