"""The record of one deleted thing against the names it has."""

from __future__ import annotations

from functools import partial

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.files import content, trash, tree
from fdb_provider.files.trash import Item
from fdb_provider.files.usage import Usage
from fdb_provider.fsck.finding import Finding


async def look(
    db: Database, tenant: str, root: bytes, mount: str, trash_id: str, used: Usage
) -> set[Finding]:
    """What is wrong with a deleted thing.

    Args:
        root: what it was deleted from, and `mount` where users see that.
        used: what its names are.
    """

    async def body(tr: Reader) -> tuple[bytes | None, Item | None]:
        value = await tr.get(keyspace.trash(root) + keyspace.pack(trash_id))
        begin, end = keyspace.directory(keyspace.trashed(root, trash_id), "")
        async for key, entry in tr.get_range(begin, end, limit=1):
            path = f"{mount}/{keyspace.entry_name(key, len(begin) - 1)}"
            now, kind = content.now(), tree.decode(entry).kind
            found = Item(path, now, kind, used.bytes, used.files)
            break
        else:
            found = None
        return value, found

    value, found = await db.read(body)
    kept = None if value is None else trash.decode(value)
    if kept is not None and found is not None:
        found = Item(kept.path, kept.deleted, found.kind, used.bytes, used.files)
    if kept == found:
        return set()
    detail = "no record of it" if kept is None else f"its record says {kept.entries} names, {kept.size} bytes"
    return {
        Finding(
            tenant,
            "wrong trash",
            f"{mount} trash {trash_id}",
            f"{detail}; there are {used.files} names, {used.bytes} bytes",
            partial(_note, key=keyspace.trash(root) + keyspace.pack(trash_id), was=value, right=found),
        )
    }


async def _note(tr: Transaction, key: bytes, was: bytes | None, right: Item | None) -> None:
    """Makes the record say what there is, so that it can be restored; forgets it where nothing is."""
    if await tr.get(key) != was:
        return
    if right is None:
        tr.clear(key)
    else:
        tr.set(key, trash.encode(right))
