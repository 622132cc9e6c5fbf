"""Records against the entries of their indexes, of those that have all records.

What an index has that is being built or cleared may be wrong, and nobody goes by it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.fsck.finding import Finding
from fdb_provider.indexes import catalogue
from fdb_provider.indexes.catalogue import Job
from fdb_provider.indexes.filling import holder
from fdb_provider.records import Collection, Index, KeyPart
from fdb_provider.repositories import COLLECTIONS
from fdb_provider.scan import Tell, pages


async def look_at_indexes(db: Database) -> set[Finding]:
    """What is wrong with the indexes as such: nothing while one is being built."""

    async def body(tr: Reader) -> tuple[list[Job], list[tuple[str, Index]]]:
        jobs = await catalogue.jobs(tr)
        known = {(job.collection, job.name) for job in jobs}
        marks = [
            (collection.name, index, collection.issue_complete(tr, index))
            for collection in COLLECTIONS
            for index in collection.indexes.values()
            if (collection.name, index.name) not in known
        ]
        return jobs, [(name, index) for name, index, mark in marks if await mark != index.definition]

    jobs, unmarked = await db.read(body)
    findings = {
        Finding(keyspace.SYSTEM, "value not unique", f"{job.collection} {job.name}", job.work.clash)
        for job in jobs
        if job.work.clash
    }
    for collection, index in unmarked:
        detail = "it is not complete, and nobody builds it"
        repair = partial(catalogue.begin, collection=collection, name=index.name, definition=index.definition)
        findings.add(
            Finding(keyspace.SYSTEM, "index not built", f"{collection} {index.name}", detail, repair)
        )
    return findings


async def look(db: Database, tenant: str, collection: Collection[Any], tell: Tell) -> set[Finding]:
    """What is wrong with one collection of a tenant."""
    findings: set[Finding] = set()
    unfinished = await db.read(partial(catalogue.unfinished, collection=collection))
    passed_over = tuple(keyspace.index(tenant, collection.name, name) for name in unfinished)
    expected: dict[bytes, tuple[bytes, tuple[KeyPart, ...]]] = {}
    prefix = keyspace.records(tenant, collection.name)
    async for page in pages(db, *keyspace.range_of(prefix)):
        for key, value in page:
            primary: tuple[KeyPart, ...] = keyspace.unpack(key, prefix)
            try:
                record = collection.decode(value)
            except msgspec.MsgspecError as error:
                subject = f"{collection.name} {primary}"
                findings.add(Finding(tenant, "unreadable record", subject, str(error)))
                continue
            for index, (entry, held) in collection.index_entries(tenant, record):
                if index.name not in unfinished:
                    expected[entry] = held, primary
        tell(len(page))
    async for page in pages(db, *keyspace.range_of(keyspace.indexes(tenant, collection.name))):
        for key, value in page:
            if expected.get(key, (None,))[0] == value:
                del expected[key]
            elif key not in expected and not key.startswith(passed_over):
                findings.add(
                    Finding(
                        tenant,
                        "index entry without record",
                        f"{collection.name} {key.hex()}",
                        "no record has these values",
                        partial(_drop, tenant=tenant, collection=collection, key=key, was=value),
                    )
                )
        tell(len(page))
    for key, (_, primary) in expected.items():
        findings.add(
            Finding(
                tenant,
                "index entry missing",
                f"{collection.name} {primary}",
                f"not found by {key.hex()}",
                partial(_index, tenant=tenant, collection=collection, primary=primary),
            )
        )
    return findings


async def _index(
    tr: Transaction, tenant: str, collection: Collection[Any], primary: tuple[KeyPart, ...]
) -> None:
    """Sets a record's index entries, but for a unique one that another record has taken."""
    record = await collection.get(tr, tenant, *primary, deleted=True)
    if record is not None:
        for index, (key, value) in collection.index_entries(tenant, record):
            if not index.unique or await holder(tr, collection, index, tenant, key, value) is None:
                tr.set(key, value)


async def _drop(tr: Transaction, tenant: str, collection: Collection[Any], key: bytes, was: bytes) -> None:
    """Clears an index entry, unless there is a record for it by now."""
    if await tr.get(key) != was:
        return
    name, *parts = keyspace.unpack(key, keyspace.indexes(tenant, collection.name))
    index = collection.indexes.get(name)
    if index is not None:
        primary = keyspace.unpack(was) if index.unique else tuple(parts[len(index.fields) :])
        record = None
        if len(primary) == len(collection.key):
            record = await collection.get(tr, tenant, *primary, deleted=True)
        if record is not None and (key, was) in collection.entries(tenant, index, record):
            return
    tr.clear(key)
