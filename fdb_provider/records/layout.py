"""How the records of a collection and the entries of its indexes are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

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
        for index in indexes:
            if index.each and (index.unique or index.each not in index.fields):
                raise TypeError(f"{name}: {index.name} cannot have an entry for each of {index.each!r}")
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

    def index_entries(self, tenant: str, record: R) -> list[tuple[Index, Row]]:
        """Key and value of each entry of the record, with the index that has it."""
        return [
            (index, row) for index in self.indexes.values() for row in self.entries(tenant, index, record)
        ]

    def entries(self, tenant: str, index: Index, record: R) -> list[Row]:
        """Key and value of the record's entries in one index: as a rule one, none when that leaves it out."""
        values = [getattr(record, field) for field in index.fields]
        if None in values or (self.deleted_at(record) is not None) != (index is BY_DELETED):
            return []
        prefix = keyspace.index(tenant, self.name, index.name)
        primary = keyspace.pack(*self.key_of(record))
        return [
            (prefix + keyspace.pack(*parts), primary)
            if index.unique
            else (prefix + keyspace.pack(*parts) + primary, b"")
            for parts in _each(index, values)
        ]


def _each(index: Index, values: list[Any]) -> list[list[KeyPart]]:
    """The values of each entry."""
    if not index.each:
        return [values]
    at = index.fields.index(index.each)
    return [[*values[:at], one, *values[at + 1 :]] for one in dict.fromkeys(values[at])]
