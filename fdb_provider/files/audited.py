"""The changes of files in the audit.

A change's record in the feed, written in the transaction of the change, is what the audit rests on: a root
is one user's alone, so it tells who, and a save costs no write more. `drain` makes entries of the audit from
these records, and moves the root's cursor in the same transaction, so that each is told once, whoever
drains. The feed is trimmed up to that cursor at most, so none is lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from fdb_provider import keyspace
from fdb_provider.engine import VERSIONSTAMP_LENGTH, Database, Reader, Transaction
from fdb_provider.files import feed
from fdb_provider.files.feed import ChangeType, Record
from fdb_provider.models import Audit, new_id
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.scope import Scope

BATCH = 500
"""Records of the feed told in one transaction at most."""
WEIGHT = 300_000
"""Bytes of those records at most: an entry and its index entries take about three times as many."""
CLOSE = 10 * 60_000
"""Milliseconds within which like changes of one path are told as one."""
_ACTIONS = {
    ChangeType.ADDED: "file.add",
    ChangeType.UPDATED: "file.update",
    ChangeType.DELETED: "file.delete",
}


def resource(scope: Scope, root: str, path: str) -> str:
    """A file or folder as the audit names it; `path` is relative to the root."""
    owner = f"session/{scope.session}" if root == "workspace" else f"user/{scope.user}"
    return f"{owner}/{root}/{path}"


async def drain(db: Database, scope: Scope, name: str) -> int:
    """Makes entries of changes of one root (`workspace` or `home`) that have none yet.

    Returns of how many records of the feed; call it again while that is not 0.
    """
    root = keyspace.root(scope, name)

    async def body(tr: Transaction) -> int:
        # Two that drain conflict with each other by the cursor. The feed is read without conflicts, else
        # every change of the root meanwhile would be one.
        cursor = await tr.get(keyspace.feed_audited(root))
        rows = [row async for row in tr.get_range(*feed.after(root, cursor), limit=BATCH, snapshot=True)]
        records: list[Record] = []
        weight = 0
        for _, value in rows:
            weight += len(value)
            if weight > WEIGHT and records:
                break
            records.append(feed.decode(value))
        if records:
            for entry in _entries(scope, name, records):
                AUDIT.add(tr, scope.tenant, entry)
            last = rows[len(records) - 1][0]
            tr.set(keyspace.feed_audited(root), last[-VERSIONSTAMP_LENGTH:])
        return len(records)

    return await db.run(body)


async def behind(tr: Reader, scopes: Iterable[Scope], name: str) -> list[Scope]:
    """Those scopes in whose root of that name there are changes that the audit does not tell of yet."""
    roots = [(scope, keyspace.root(scope, name)) for scope in scopes]
    cursors = [tr.get(keyspace.feed_audited(root)) for _, root in roots]
    reads = [
        (scope, tr.get_range(*feed.after(root, await cursor), limit=1))
        for (scope, root), cursor in zip(roots, cursors, strict=True)
    ]
    return [scope for scope, rows in reads async for _ in rows]


def _entries(scope: Scope, name: str, records: list[Record]) -> list[Audit]:
    """Entries for the changes, like ones of a path in close succession as one."""
    runs: dict[str, list[tuple[ChangeType, int, int, int]]] = {}
    for record in records:
        for change in record.changes:
            of_path = runs.setdefault(change.path, [])
            kind, began, _, count = of_path[-1] if of_path else (None, 0, 0, 0)
            if kind == change.type and record.time - began <= CLOSE:
                of_path[-1] = (change.type, began, record.time, count + 1)
            else:
                of_path.append((change.type, record.time, record.time, 1))
    return [
        Audit(
            id=new_id(),
            at=ended,
            user=scope.user,
            session=scope.session if name == "workspace" else "",
            action=_ACTIONS[kind],
            resource=resource(scope, name, path),
            count=count,
        )
        for path, of_path in runs.items()
        for kind, _, ended, count in of_path
    ]
