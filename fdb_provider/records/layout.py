"""How the records of a collection and the entries of its indexes are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from fdb_provider import keyspace
from fdb_provider.errors import Conflict
from fdb_provider.records.index import BY_DELETED, DELETED_AT, Index, KeyPart

R = TypeVar("R", bound=msgspec.Struct)

Row = tuple[bytes, bytes]
"""A key and its value."""


class Layout(Generic[R]):
    """What a collection is declared as, and the keys and values that follow from it."""

    def __init__(
        self, name: str, type: type[R], key: tuple[str, ...], indexes: Sequence[Index], soft_delete: bool
    ) -> None:
        if soft_delete:
            indexes = (*indexes, BY_DELETED)
        fields = set(type.__struct_fields__)
        for used in (key, *(index.fields for index in indexes)):
            if not used or not fields.issuperset(used):
                raise TypeError(f"{name}: {used} are not fields of {type.__name__}")
        if len({index.name for index in indexes}) != len(indexes):
            raise TypeError(f"{name}: two indexes have one name")
        self.name = name
        self.type = type
        self.key = key
        self.indexes = {index.name: index for index in indexes}
        self.soft_delete = soft_delete
        self.encode = msgspec.msgpack.Encoder().encode
        self.decode = msgspec.msgpack.Decoder(type).decode

    def deleted_at(self, record: R) -> int | None:
        """When the record was discarded; None when it was not."""
        return getattr(record, DELETED_AT) if self.soft_delete else None

    def etag(self, record: R) -> str:
        """A name of the record's value: values that are stored differently have different ones."""
        return hashlib.blake2b(self.encode(record), digest_size=12).hexdigest()

    def expect(self, record: R, if_match: str | None) -> None:
        """Lets a change pass that was made to this very value of the record, or to any (None).

        Raises:
            Conflict: the record has another etag.
        """
        if if_match is not None and if_match != self.etag(record):
            raise Conflict(f"This {self.name} has been changed meanwhile: read it again, then change it.")

    def record_key(self, tenant: str, key: tuple[KeyPart, ...]) -> bytes:
        """Where the record with that primary key is."""
        if len(key) != len(self.key):
            raise TypeError(f"{self.name}: the primary key is {self.key}, got {len(key)} parts")
        return keyspace.records(tenant, self.name) + keyspace.pack(*key)

    def key_of(self, record: R) -> tuple[KeyPart, ...]:
        """A record's primary key."""
        return tuple(getattr(record, field) for field in self.key)

    def index_entries(self, tenant: str, record: R) -> dict[str, Row]:
        """Key and value of the record's entry in each index that has it."""
        primary = keyspace.pack(*self.key_of(record))
        discarded = self.deleted_at(record) is not None
        found = {
            name: self._entry(tenant, index, record, primary, discarded)
            for name, index in self.indexes.items()
        }
        return {name: entry for name, entry in found.items() if entry is not None}

    def entry(self, tenant: str, index: Index, record: R) -> Row | None:
        """Key and value of the record's entry in one index; None when that leaves it out."""
        primary = keyspace.pack(*self.key_of(record))
        return self._entry(tenant, index, record, primary, self.deleted_at(record) is not None)

    def _entry(self, tenant: str, index: Index, record: R, primary: bytes, discarded: bool) -> Row | None:
        values = [getattr(record, field) for field in index.fields]
        if None in values or discarded != (index is BY_DELETED):
            return None
        key = keyspace.index(tenant, self.name, index.name) + keyspace.pack(*values)
        return (key, primary) if index.unique else (key + primary, b"")
