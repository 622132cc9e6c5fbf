"""From 1 to 2: what is kept is counted, answers to idempotency keys lie in terms, indexes are written down.

Programs of version 1 wrote names without counting them, or some of them; all are counted anew.
"""

from __future__ import annotations

from functools import partial

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.files import once, tenant_roots, trash, tree, usage
from fdb_provider.files.usage import Usage
from fdb_provider.formats import version
from fdb_provider.indexes import catalogue
from fdb_provider.scan import pages, parts

KEPT = {
    "user": {"by_email": keyspace.pack(1, "email_key")},
    "auth-session": {"by_user_expiry": keyspace.pack(0, "user", "expires_at")},
    "workspace-session": {"by_user_used": keyspace.pack(0, "user", "used_at")},
}
"""The indexes that every program of version 1 kept, and no others."""
_PAGE = 500
"""Answers moved in one transaction."""


async def tenant(db: Database, tenant: str) -> None:
    """Counts all a tenant keeps, and moves the answers in its roots."""
    total = Usage(0, 0)
    for root in await tenant_roots.of(db, tenant):
        await tenant_roots.finish(db, [root])
        used = await _used(db, tenant, root)
        await _correct(db, root, used)
        total = total.plus(used)
        while await db.run(partial(_move_answers, root=root)):
            pass
    if tenant != keyspace.SYSTEM:
        await _correct(db, keyspace.tenant(tenant), total)


async def end(tr: Transaction) -> None:
    """Writes down which indexes there are, all of them complete."""
    await catalogue.declare(tr, KEPT, complete=True)


async def _used(db: Database, tenant: str, root: bytes) -> Usage:
    """What a root and its trash keep."""
    doomed = set(await db.read(partial(trash.doomed, tenant=tenant)))
    thrown = [keyspace.all_trashed(root) + part async for part in parts(db, keyspace.all_trashed(root))]
    size = files = 0
    for names in (root, *(one for one in thrown if one not in doomed)):
        async for page in pages(db, *keyspace.range_of(keyspace.entries(names))):
            files += len(page)
            size += sum(_size(value) for _, value in page)
    return Usage(size, files)


def _size(value: bytes) -> int:
    try:
        return tree.decode(value).size
    except msgspec.MsgspecError:  # fsck names it, and counts it like this
        return 0


async def _correct(db: Database, owner: bytes, right: Usage) -> None:
    async def body(tr: Transaction) -> None:
        counted = await usage.of(tr, owner)
        if counted != right and await _due(tr):
            usage.correct(tr, owner, right - counted)

    await db.run(body)


async def _move_answers(tr: Transaction, *, root: bytes) -> bool:
    """Puts answers where `once` looks for them; False when none is left where they were.

    They were kept at (root, "done", key), and (root, "done-at", ms, key) told when to forget them.
    """
    notes = root + keyspace.pack("done-at")
    rows = [key async for key, _ in tr.get_range(*keyspace.range_of(notes), limit=_PAGE)]
    if not rows or not await _due(tr):
        return False
    told = [keyspace.unpack(key, notes) for key in rows]
    reads = [tr.get(root + keyspace.pack("done", key)) for _, key in told]
    for note, (until, key), read in zip(rows, told, reads, strict=True):
        if (answer := await read) is not None:
            tr.set(keyspace.done(root, (until - once.REMEMBER) // once.TERM, key), answer)
        tr.clear(root + keyspace.pack("done", key))
        tr.clear(note)
    return True


async def _due(tr: Transaction) -> bool:
    """Whether the store is still to be brought to this version; another gateway may have been quicker."""
    return (await version.read(tr)).version == version.UNMARKED
