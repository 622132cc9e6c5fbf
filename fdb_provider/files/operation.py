"""What may concern a folder of any size: moving, copying and deleting, as data.

Being data it can be kept in the store, and so be brought to its end by another gateway.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Transaction
from fdb_provider.files import feed, tree
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.paths import Location, Region
from fdb_provider.files.steps import Steps
from fdb_provider.files.tree import Entry
from fdb_provider.files.usage import Usage
from fdb_provider.scope import Scope

MOVE: Final = 0
COPY: Final = 1
DELETE: Final = 2


class Operation(msgspec.Struct, array_like=True, frozen=True):
    """A change of a whole folder, or of a file.

    Args:
        kind: `MOVE`, `COPY` or `DELETE`.
        source: what is moved, copied or deleted.
        target: where to; the source for a deletion.
        option: of a deletion `recursive`, else `overwrite`.
        key: the caller's idempotency key; "" for none.
    """

    kind: int
    scope: Scope
    source: Location
    target: Location
    option: bool
    key: str

    @property
    def roots(self) -> list[bytes]:
        """The prefixes of the roots it changes, each once."""
        names = dict.fromkeys((self.source.root, self.target.root))
        return [keyspace.root(self.scope, name) for name in names]

    @property
    def regions(self) -> list[Region]:
        """What it reads or changes as a whole."""
        return [
            Region(tree.root_of(self.scope, at), at.relative, True)
            for at in dict.fromkeys((self.source, self.target))
        ]

    @property
    def doing(self) -> str:
        """What is going on, for those who have to wait."""
        if self.kind == DELETE:
            return f"the folder {self.source.path} is being deleted"
        done = "copied" if self.kind == COPY else "moved"
        return f"the folder {self.source.path} is being {done} to {self.target.path}"


async def perform(
    tr: Transaction, operation: Operation, now: int, steps: Steps, prepared: Usage | None = None
) -> tuple[Entry | None, list[Change]]:
    """Does all of it in one transaction; the entry that is at the target now, and the changes of its root.

    Args:
        prepared: what is below the source, if an intent has prepared all that; nothing there is read then.

    Raises:
        TransactionTooLarge: it needs an intent. Every other reason to refuse it comes first.
    """
    scope, source, target = operation.scope, operation.source, operation.target
    if operation.kind == DELETE:
        await tree.remove(tr, scope, source, operation.option, now, steps=steps, prepared=prepared)
        return None, [Change(ChangeType.DELETED, source.relative)]
    replaced = await tree.transfer(
        tr,
        scope,
        source,
        target,
        keep=operation.kind == COPY,
        overwrite=operation.option,
        now=now,
        steps=steps,
        prepared=prepared,
    )
    changes: list[Change] = []
    if source != target:
        if operation.kind == MOVE:
            changes.append(Change(ChangeType.DELETED, source.relative))
        if source.root != target.root and changes:
            feed.append(tr, tree.root_of(scope, source), now, changes)
            changes = []
        changes.append(Change(ChangeType.UPDATED if replaced else ChangeType.ADDED, target.relative))
    return await tree.get(tr, scope, target), changes
