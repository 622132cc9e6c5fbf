"""What is asked of a collection.

A query by an index that has not all records yet (see `indexes`) looks through the records themselves, and so
is answered as it will be later.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic

from fdb_provider import cursors, keyspace
from fdb_provider.engine import Reader
from fdb_provider.errors import StoreUnavailable
from fdb_provider.records.index import BY_DELETED, Index, KeyPart
from fdb_provider.records.layout import Layout, R

UNBUILT = 20_000
"""Records that a query looks through in place of an index that is not complete: 0.15 s."""
SCAN = 2000
"""Records that are looked at for one page, when it has a filter."""
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A part of the answer to a query.

    Args:
        next: the cursor to continue behind `items`; None when nothing more was there.
    """

    items: list[R]
    next: str | None


class _Reading(Generic[R]):
    """A record on its way, which like any read may be left unawaited."""

    __slots__ = ("_shown", "_value")

    def __init__(self, value: Awaitable[bytes | None], shown: Callable[[bytes], R | None]) -> None:
        self._value = value
        self._shown = shown

    def __await__(self) -> Generator[Any, Any, R | None]:
        value = yield from self._value.__await__()
        return None if value is None else self._shown(value)


class Queries(Layout[R]):
    """Reads of one collection. Every method takes the tenant the records belong to."""

    def get(self, tr: Reader, tenant: str, *key: KeyPart, deleted: bool = False) -> Awaitable[R | None]:
        """The record with that primary key. Read from when this is called, so several cost one round trip.

        Args:
            deleted: also when it was discarded.
        """

        def shown(value: bytes) -> R | None:
            record = self.decode(value)
            return record if deleted or self.deleted_at(record) is None else None

        return _Reading(tr.get(self.record_key(tenant, key)), shown)

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

    async def places(
        self, tr: Reader, tenant: str, name: str, *values: KeyPart, limit: int = 0
    ) -> builtins.list[bytes]:
        """Where an index has the records whose indexed fields begin with `values`: for each the other fields
        and its primary key, packed. Costs far less than the records themselves.

        Args:
            limit: at most this many; 0 means all.
        """
        index = self.indexes[name]
        base = keyspace.index(tenant, self.name, name) + keyspace.pack(*values)
        complete = self.issue_complete(tr, index)
        rows = tr.get_range(*keyspace.range_of(base), limit=limit)
        if await complete == index.definition:
            keys = [key async for key, _ in rows]
        else:
            keys = [key for key, _ in await self.look_through(tr, tenant, index, *keyspace.range_of(base))]
        return [key[len(base) :] for key in (keys[:limit] if limit else keys)]

    async def purgeable(self, tr: Reader, tenant: str, before: int, limit: int) -> list[R]:
        """Records that were discarded before a time in milliseconds, the oldest first.

        Args:
            limit: at most this many; 0 means all.
        """
        if not self.soft_delete:
            return []
        rows = await self._rows(tr, tenant, BY_DELETED.name, (), limit=limit, bounds=(None, before))
        return [record for _, record in rows]

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
            begin = self.record_key(tenant, self.key_of(behind)) + b"\x00"
        return [self.decode(value) async for _, value in tr.get_range(begin, end, limit=limit)]

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
        index = None if name is None else self.indexes[name]
        base = keyspace.records(tenant, self.name)
        if index is not None:
            base = keyspace.index(tenant, self.name, index.name)
        prefix = base + keyspace.pack(*values)
        begin, end = keyspace.range_of(prefix)
        if index is not None and index.unique and len(values) == len(index.fields):
            begin, end = prefix, prefix + b"\x00"
        least, below = bounds
        if least is not None:
            begin = prefix + keyspace.pack(least)
        if below is not None:
            end = prefix + keyspace.pack(below)
        if behind is not None and reverse:
            end = min(end, prefix + behind)
        elif behind is not None:
            begin = max(begin, prefix + behind + b"\x00")
        if begin >= end:
            return []
        if index is None:
            found = await self._live(tr, begin, end, limit, reverse)
        else:
            found = await self._by_entries(tr, tenant, index, begin, end, limit, reverse)
        return [(key[len(prefix) :], record) for key, record in found]

    async def _live(
        self, tr: Reader, begin: bytes, end: bytes, limit: int, reverse: bool
    ) -> builtins.list[tuple[bytes, R]]:
        """Keys in a range, and their records, of those that were not discarded."""
        found: builtins.list[tuple[bytes, R]] = []
        rows = tr.get_range(begin, end, limit=0 if self.soft_delete else limit, reverse=reverse)
        async for key, value in rows:
            record = self.decode(value)
            if self.deleted_at(record) is None:
                found.append((key, record))
                if len(found) == limit:
                    break
        return found

    async def _by_entries(
        self, tr: Reader, tenant: str, index: Index, begin: bytes, end: bytes, limit: int, reverse: bool
    ) -> builtins.list[tuple[bytes, R]]:
        """Keys of entries of an index in a range, and the records they lead to."""
        complete = self.issue_complete(tr, index)
        entries = tr.get_range(begin, end, limit=limit, reverse=reverse)
        if await complete != index.definition:
            found = await self.look_through(tr, tenant, index, begin, end)
            found = found[::-1] if reverse else found
            return found[:limit] if limit else found
        base = keyspace.index(tenant, self.name, index.name)
        records = keyspace.records(tenant, self.name)
        # Issued together: on a cluster they cost one round trip.
        reads = [(key, tr.get(records + _primary(index, base, key, value))) async for key, value in entries]
        values = [(key, await read) for key, read in reads]
        return [(key, self.decode(value)) for key, value in values if value is not None]

    def issue_complete(self, tr: Reader, index: Index) -> Awaitable[bytes | None]:
        """Begins reading the mark of an index: its definition, once it has all records."""
        return tr.get(keyspace.index_complete(self.name, index.name))

    async def look_through(
        self, tr: Reader, tenant: str, index: Index, begin: bytes, end: bytes
    ) -> builtins.list[tuple[bytes, R]]:
        """Keys of entries that an index has in a range, or will have, in their order, and the records.

        Raises:
            StoreUnavailable: there are too many for that.
        """
        rows = tr.get_range(*keyspace.range_of(keyspace.records(tenant, self.name)), limit=UNBUILT + 1)
        found: builtins.list[tuple[bytes, R]] = []
        count = 0
        async for _, value in rows:
            count += 1
            record = self.decode(value)
            keys = [key for key, _ in self.entries(tenant, index, record)]
            found += [(key, record) for key in keys if begin <= key < end]
        if count > UNBUILT:
            raise StoreUnavailable(
                f"{self.name}: the index {index.name} is still being built: try again in a few minutes"
            )
        found.sort(key=itemgetter(0))
        return found


def _primary(index: Index, base: bytes, key: bytes, value: bytes) -> bytes:
    """The packed primary key that an entry of an index, whose keys begin with `base`, leads to."""
    return value if index.unique else keyspace.pack(*keyspace.unpack(key, base)[len(index.fields) :])
