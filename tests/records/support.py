"""What tests of records ask of the store behind the collections."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.records import Collection

R = TypeVar("R", bound=msgspec.Struct)


async def rows(database: Database, prefix: bytes) -> list[tuple[bytes, bytes]]:
    """All keys below a prefix, and their values."""

    async def body(tr: Reader) -> list[tuple[bytes, bytes]]:
        return [row async for row in tr.get_range(*keyspace.range_of(prefix))]

    return await database.read(body)


async def entries(database: Database, tenant: str, collection: Collection[R]) -> list[R]:
    """Checks that the indexes of a collection have the entries of its records and no others; the records."""

    async def body(tr: Reader) -> tuple[list[R], dict[bytes, bytes]]:
        records = await collection.scan(tr, tenant, limit=0)
        begin, end = keyspace.range_of(keyspace.indexes(tenant, collection.name))
        return records, {key: value async for key, value in tr.get_range(begin, end)}

    records, found = await database.read(body)
    expected = [row for one in records for _, row in collection.index_entries(tenant, one)]
    assert len({key for key, _ in expected}) == len(expected), "a unique value is there twice"
    assert found == dict(expected)
    return records
