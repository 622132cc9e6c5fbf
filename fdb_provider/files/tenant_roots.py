"""The file roots of a tenant, for who looks after all of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.files import intent, roots, trash, usage
from fdb_provider.files.service import FileService
from fdb_provider.scan import parts

Roots = dict[bytes, tuple[usage.Owner, str]]
"""The prefix of each root, and whose it is: a session or a user, and its id."""


async def of(db: Database, tenant: str) -> Roots:
    """All roots of a tenant that somebody can reach."""
    found: Roots = {}
    owners: tuple[usage.Owner, ...] = ("session", "user")
    for owner in owners:
        prefix = keyspace.roots(tenant, owner)
        async for part in parts(db, prefix):
            found[prefix + part] = owner, keyspace.unpack(part)[0]
    for root in await unreachable(db, tenant):
        found.pop(root, None)
    return found


async def unreachable(db: Database, tenant: str) -> list[bytes]:
    """The roots that count no names, but refer to contents: until they are collected, or are made."""

    async def body(tr: Reader) -> list[bytes]:
        return [*await trash.doomed(tr, tenant), *await roots.forming(tr, tenant)]

    return await db.read(body)


async def finish(db: Database, which: Iterable[bytes]) -> None:
    """Brings changes of large folders to their end that were cut off; waits for one that goes on."""
    for root in which:
        found = await db.read(partial(intent.find, root=root))
        if found is not None:
            files = FileService(db)
            try:
                await files.resume(found.operation.scope)
            finally:
                await files.close()
