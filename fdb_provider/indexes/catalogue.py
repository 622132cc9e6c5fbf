"""Which indexes the writers of a store keep, which have all records, and what is to be done for the others.

All is kept for every collection by itself, and a program leaves alone what it has of collections that it does
not know: it writes no records there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.records import Collection

Collections = Iterable[Collection[Any]]


class Work(msgspec.Struct, array_like=True, frozen=True):
    """What is to be done for an index, and how far it is: tenant by tenant, each cleared, then filled.

    Args:
        id: changes whenever the work begins anew.
        definition: the index to be built; empty for one that was dropped and is only cleared.
        tenant: the tenant it is at; None before the first.
        filling: the tenant's old entries are cleared.
        after: packed primary key of the record that was dealt with last.
        records: how many were.
        holder: who makes the next step, until `until`, in milliseconds since 1970.
        clash: two records that have one value in a unique index, which is therefore never complete.
    """

    id: bytes
    definition: bytes
    tenant: str | None = None
    filling: bool = False
    after: bytes = b""
    records: int = 0
    holder: bytes = b""
    until: int = 0
    clash: str = ""


class Job(NamedTuple):
    """Work for one index."""

    collection: str
    name: str
    work: Work


_encode = msgspec.msgpack.Encoder().encode
_work = msgspec.msgpack.Decoder(Work).decode
_kept = msgspec.msgpack.Decoder(dict[str, bytes]).decode


def declared(collections: Collections) -> dict[str, dict[str, bytes]]:
    """The definition of each index of each collection."""
    return {one.name: {index.name: index.definition for index in one.indexes.values()} for one in collections}


async def kept(tr: Reader) -> dict[str, dict[str, bytes]]:
    """The same, as the store has it."""
    prefix = keyspace.indexes_kept()
    rows = tr.get_range(*keyspace.range_of(prefix))
    return {keyspace.unpack(key, prefix)[0]: _kept(value) async for key, value in rows}


def agrees(declared: dict[str, dict[str, bytes]], kept: dict[str, dict[str, bytes]]) -> bool:
    """Whether the store has for every declared collection what is declared."""
    return all(kept.get(collection) == indexes for collection, indexes in declared.items())


async def declare(
    tr: Transaction, declared: dict[str, dict[str, bytes]], *, complete: bool = False
) -> list[tuple[str, str]]:
    """Makes what is declared what the store has: new indexes are to be built, those left out to be cleared.

    Args:
        complete: the new ones have all records, as in a store without any.

    Returns:
        Collection and name of those indexes that were left out.
    """
    before = await kept(tr)
    dropped: list[tuple[str, str]] = []
    for collection, indexes in declared.items():
        old = before.get(collection)
        if old == indexes:
            continue
        tr.set(keyspace.indexes_kept() + keyspace.pack(collection), _encode(indexes))
        for name in {**(old or {}), **indexes}:
            definition = indexes.get(name, b"")
            if old is not None and old.get(name) == definition:
                continue
            if not definition:
                dropped.append((collection, name))
            if complete:
                tr.set(keyspace.index_complete(collection, name), definition)
            else:
                await begin(tr, collection, name, definition)
    return dropped


async def jobs(tr: Reader) -> list[Job]:
    """All that is to be done."""
    prefix = keyspace.index_work()
    rows = tr.get_range(*keyspace.range_of(prefix))
    found: list[Job] = []
    async for key, value in rows:
        collection, name = keyspace.unpack(key, prefix)
        found.append(Job(collection, name, _work(value)))
    return found


async def unfinished(tr: Reader, collection: Collection[Any]) -> set[str]:
    """Names of a collection's indexes that have not all records, or are to be cleared."""
    marks = {index.name: collection.issue_complete(tr, index) for index in collection.indexes.values()}
    names = {job.name for job in await jobs(tr) if job.collection == collection.name}
    return names | {name for name, mark in marks.items() if await mark != collection.indexes[name].definition}


async def begin(tr: Transaction, collection: str, name: str, definition: bytes) -> None:
    """Has an index built from the beginning, or cleared where the definition is empty."""
    tr.clear(keyspace.index_complete(collection, name))
    put(tr, Job(collection, name, Work(secrets.token_bytes(8), definition)))


async def current(tr: Reader, job: Job) -> Work | None:
    """The same work as it is now; None when it is done, or has begun anew."""
    value = await tr.get(_work_key(job))
    work = None if value is None else _work(value)
    return work if work is not None and work.id == job.work.id else None


def put(tr: Transaction, job: Job) -> None:
    """Keeps how far a job is."""
    tr.set(_work_key(job), _encode(job.work))


def end(tr: Transaction, job: Job) -> None:
    """Forgets a job that is done: an index that was built has all records from now on."""
    tr.clear(_work_key(job))
    if job.work.definition:
        tr.set(keyspace.index_complete(job.collection, job.name), job.work.definition)


def _work_key(job: Job) -> bytes:
    return keyspace.index_work() + keyspace.pack(job.collection, job.name)
