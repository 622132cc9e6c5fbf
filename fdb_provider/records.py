"""Typed records with declared secondary indexes.

A record is a `msgspec.Struct`, kept as a MessagePack map, so that a reader passes over fields it does not
know and fills those it misses from their defaults: within one format version a store may be read by a
program a little older or newer than the one that wrote it. A record and all its index entries change in
the one transaction that the caller brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordExists

R = TypeVar("R", bound=msgspec.Struct)

KeyPart = str | int | bytes
"""What a key or an index may hold; all three keep their natural order in the store."""


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index over `fields`, in that order.

    A record whose indexed field is None is left out of the index, so an index over a rare field costs
    only the records that have it, and `unique` concerns only those.
    """

    name: str
    fields: tuple[str, ...]
    unique: bool = False


class Collection(Generic[R]):
    """The records of one type. Every method takes the tenant the record belongs to.

    Args:
        name: the collection's name in its keys; never changed once records exist.
        type: the record type. A field added later needs a default.
        key: fields of the primary key, each a `KeyPart` that never changes in a record's life.
        indexes: see `Index`.
    """

    def __init__(
        self, name: str, type: type[R], *, key: tuple[str, ...], indexes: Sequence[Index] = ()
    ) -> None:
        fields = set(type.__struct_fields__)
        for used in (key, *(index.fields for index in indexes)):
            if not used or not fields.issuperset(used):
                raise TypeError(f"{name}: {used} are not fields of {type.__name__}")
        if len({index.name for index in indexes}) != len(indexes):
            raise TypeError(f"{name}: two indexes have one name")
        self.name = name
        self.key = key
        self.indexes = {index.name: index for index in indexes}
        self._encoder = msgspec.msgpack.Encoder()
        self.decode = msgspec.msgpack.Decoder(type).decode

    async def get(self, tr: Reader, tenant: str, *key: KeyPart) -> R | None:
        """The record with that primary key."""
        value = await tr.get(self._record_key(tenant, key))
        return None if value is None else self.decode(value)

    async def insert(self, tr: Transaction, tenant: str, record: R) -> None:
        """Adds a record.

        Raises:
            RecordExists: its key, or its value in a unique index, is taken.
        """
        if await self._write(tr, tenant, record, replace=False):
            raise RecordExists(f"A record of {self.name} with this {' and '.join(self.key)} exists already.")

    def add(self, tr: Transaction, tenant: str, record: R) -> None:
        """Adds a record without a look at what is there: its key must be fresh, and no index unique."""
        key = tuple(getattr(record, field) for field in self.key)
        tr.set(self._record_key(tenant, key), self._encoder.encode(record))
        for entry_key, entry in self.index_entries(tenant, record).values():
            tr.set(entry_key, entry)

    async def put(self, tr: Transaction, tenant: str, record: R) -> None:
        """Adds a record, or replaces the one with its key.

        Raises:
            RecordExists: another record has its value in a unique index.
        """
        await self._write(tr, tenant, record, replace=True)

    async def delete(self, tr: Transaction, tenant: str, *key: KeyPart) -> R | None:
        """Removes a record with its index entries and returns it; None when there was none."""
        record = await self.get(tr, tenant, *key)
        if record is None:
            return None
        tr.clear(self._record_key(tenant, key))
        for entry in self.index_entries(tenant, record).values():
            tr.clear(entry[0])
        return record

    async def by_index(
        self, tr: Reader, tenant: str, name: str, *values: KeyPart, limit: int = 0, reverse: bool = False
    ) -> list[R]:
        """Records whose indexed fields begin with `values`, in the order of the index.

        Args:
            name: the index.
            values: one for each indexed field, or for the first few of them, or none at all.
            limit: at most this many; 0 means all.
        """
        index = self.indexes[name]
        entries = keyspace.index(tenant, self.name, name)
        prefix = entries + keyspace.pack(*values)
        keys: list[bytes] = []
        if index.unique and len(values) == len(index.fields):
            entry = await tr.get(prefix)
            if entry is not None:
                keys.append(entry)
        else:
            rows = tr.get_range(*keyspace.range_of(prefix), limit=limit, reverse=reverse)
            async for entry_key, entry in rows:
                if index.unique:
                    keys.append(entry)
                else:
                    keys.append(keyspace.pack(*keyspace.unpack(entry_key, entries)[len(index.fields) :]))
        records = keyspace.records(tenant, self.name)
        # Issued together: on a cluster they cost one round trip.
        reads = [tr.get(records + key) for key in keys]
        found = [await read for read in reads]
        return [self.decode(value) for value in found if value is not None]

    async def after(self, tr: Reader, tenant: str, *key: KeyPart, limit: int) -> list[R]:
        """At most `limit` records whose primary keys come behind `key`, in their order."""
        begin = self._record_key(tenant, key) + b"\x00"
        _, end = keyspace.range_of(keyspace.records(tenant, self.name))
        return [self.decode(value) async for _, value in tr.get_range(begin, end, limit=limit)]

    async def list(
        self, tr: Reader, tenant: str, *prefix: KeyPart, limit: int = 0, reverse: bool = False
    ) -> list[R]:
        """Records in the order of their primary keys, all or those whose key begins with `prefix`.

        Args:
            limit: at most this many; 0 means all.
        """
        begin, end = keyspace.range_of(keyspace.records(tenant, self.name) + keyspace.pack(*prefix))
        rows = tr.get_range(begin, end, limit=limit, reverse=reverse)
        return [self.decode(value) async for _, value in rows]

    async def _write(self, tr: Transaction, tenant: str, record: R, *, replace: bool) -> bool:
        """Writes the record and its entries; True when it was there already and may not be replaced."""
        key = tuple(getattr(record, field) for field in self.key)
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
        tr.set(record_key, self._encoder.encode(record))
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
        entries: dict[str, tuple[bytes, bytes]] = {}
        for name, index in self.indexes.items():
            values = [getattr(record, field) for field in index.fields]
            if any(value is None for value in values):
                continue
            prefix = keyspace.index(tenant, self.name, name) + keyspace.pack(*values)
            entries[name] = (prefix, primary) if index.unique else (prefix + primary, b"")
        return entries
