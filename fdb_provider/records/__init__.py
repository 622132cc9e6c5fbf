"""Typed records with declared secondary indexes.

A record is a `msgspec.Struct`, kept as a MessagePack map, so that a reader passes over fields it does not
know and fills those it misses from their defaults: within one format version a store may be read by a
program a little older or newer than the one that wrote it. A record and all its index entries change in
the one transaction that the caller brings.

Where users delete, a collection keeps what was discarded until it is purged: such a record is in no index
but `BY_DELETED`, so that nothing finds it except by its key and on purpose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.records.index import BY_DELETED, DELETED_AT, Index, KeyPart
from fdb_provider.records.layout import R, Row
from fdb_provider.records.queries import Page, Queries

__all__ = ["BY_DELETED", "Collection", "Index", "KeyPart", "Page", "Purge"]

Purge = Callable[[Transaction, str, R], Awaitable[bool]]
"""Removes what has to go with a record of a tenant: at most a bounded part of it. True when nothing is left;
else it is called again, in another transaction, before the record itself goes."""
PURGING = 0
"""When a record is said to have been discarded of which a part is purged already."""


class Collection(Queries[R]):
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
        super().__init__(name, type, key, indexes, soft_delete)
        self._purge = purge

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
        self._check_nothing_unique()
        tr.set(self.record_key(tenant, self.key_of(record)), self.encode(record))
        for _, row in self.index_entries(tenant, record):
            tr.set(*row)

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
            The record as it is then; None when there was none, or it is being purged.

        Raises:
            RecordExists: another record has taken its value in a unique index.
        """
        record = await self.get(tr, tenant, *key, deleted=True)
        if record is None or self.deleted_at(record) == PURGING:
            return None
        if self.deleted_at(record) is not None:
            record = msgspec.structs.replace(record, **{DELETED_AT: None})
            await self.put(tr, tenant, record)
        return record

    async def purge(self, tr: Transaction, tenant: str, *key: KeyPart) -> bool:
        """Removes a record, discarded or not, for good, with what has to go with it.

        Returns:
            Whether it is gone (or never was). If not, call it again in another transaction, see `Purge`;
            with soft delete nobody sees the record any more, nor can it be restored, and should nobody call
            it again, then the collector does.
        """
        record = await self.get(tr, tenant, *key, deleted=True)
        if record is None:
            return True
        if self._purge is not None and not await self._purge(tr, tenant, record):
            if self.soft_delete and self.deleted_at(record) != PURGING:
                await self.put(tr, tenant, msgspec.structs.replace(record, **{DELETED_AT: PURGING}))
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
        tr.clear(self.record_key(tenant, key))
        await self._clear(tr, self.index_entries(tenant, record))
        return record

    def remove(self, tr: Transaction, tenant: str, record: R) -> None:
        """Removes a record that this transaction has read, as `delete` does, without further reads.

        Raises:
            TypeError: the collection has a unique index.
        """
        self._check_nothing_unique()
        tr.clear(self.record_key(tenant, self.key_of(record)))
        for _, (entry, _) in self.index_entries(tenant, record):
            tr.clear(entry)

    async def _write(self, tr: Transaction, tenant: str, record: R, *, replace: bool) -> bool:
        """Writes the record and its entries; True when it was there already and may not be replaced."""
        key = self.key_of(record)
        record_key = self.record_key(tenant, key)
        packed = keyspace.pack(*key)
        entries = self.index_entries(tenant, record)
        reading = tr.get(record_key)
        unique = [
            (index, row, tr.get(row[0]), self.issue_complete(tr, index))
            for index, row in entries
            if index.unique
        ]
        value = await reading
        if value is not None and not replace:
            return True
        before = [] if value is None else self.index_entries(tenant, self.decode(value))
        for index, row, holding, complete in unique:
            holder = await holding
            if holder is None and (index, row) not in before:
                holder = await self._unbuilt_holder(tr, tenant, index, row[0], complete)
            if holder not in (None, packed):
                raise RecordExists(f"{self.name}: this {' and '.join(index.fields)} is taken.")
        await self._clear(tr, [entry for entry in before if entry not in entries])
        tr.set(record_key, self.encode(record))
        # Set again even if nothing changed: an entry missing from an index still being built appears.
        for _, row in entries:
            tr.set(*row)
        return False

    async def _clear(self, tr: Transaction, entries: Sequence[tuple[Index, Row]]) -> None:
        """Clears entries of a record.

        A unique one only where it is this record's: before the index is complete two may have one value.
        """
        held = {key: tr.get(key) for index, (key, _) in entries if index.unique}
        for _, (key, primary) in entries:
            if key not in held or await held[key] == primary:
                tr.clear(key)

    def _check_nothing_unique(self) -> None:
        if any(index.unique for index in self.indexes.values()):
            raise TypeError(f"{self.name}: values of its unique indexes have to be looked up")

    async def _unbuilt_holder(
        self, tr: Transaction, tenant: str, index: Index, entry: bytes, complete: Awaitable[bytes | None]
    ) -> bytes | None:
        """Who has the value of an entry that is not there; nobody, where the index has all records."""
        if await complete == index.definition:
            return None
        for _, record in await self.look_through(tr, tenant, index, entry, entry + b"\x00"):
            return keyspace.pack(*self.key_of(record))
        return None
