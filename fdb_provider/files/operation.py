"""What may concern a folder of any size: moving, copying and deleting, as data.

Being data it can be kept in the store, and so be brought to its end by another gateway.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import IntEnum

import msgspec
from msgspec.structs import replace

from fdb_provider import keyspace
from fdb_provider.engine import Transaction
from fdb_provider.errors import FileExists
from fdb_provider.files import feed, subtree, trash, tree
from fdb_provider.files.changes import Done, Restored
from fdb_provider.files.entry import DIRECTORY
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.paths import Location, Region
from fdb_provider.files.retention import Retention
from fdb_provider.files.steps import Steps
from fdb_provider.files.usage import Usage
from fdb_provider.scope import Scope


class Kind(IntEnum):
    MOVE = 0
    COPY = 1
    DELETE = 2
    DISCARD = 3
    """Moves into the trash."""
    RESTORE = 4
    """Moves out of the trash."""


class Operation(msgspec.Struct, array_like=True, frozen=True):
    """A change of a whole folder, or of a file.

    Args:
        source: what is moved, copied or deleted.
        target: where to; the source for a deletion.
        option: of a deletion `recursive`, also of one into the trash; else `overwrite`.
        key: the caller's idempotency key; "" for none.
        if_match: the etag the source must have; None for any.
    """

    kind: Kind
    scope: Scope
    source: Location
    target: Location
    option: bool
    key: str
    if_match: str | None = None

    @property
    def at(self) -> Location:
        """Where a name changes that callers see, so that the root's feed tells of it."""
        return self.source if self.kind == Kind.DISCARD else self.target

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
        if self.kind == Kind.DELETE:
            return f"the folder {self.source.path} is being deleted"
        if self.kind == Kind.DISCARD:
            return f"the folder {self.source.path} is being moved into the trash"
        if self.kind == Kind.RESTORE:
            return f"the folder {self.target.path} is being moved out of the trash"
        done = "copied" if self.kind == Kind.COPY else "moved"
        return f"the folder {self.source.path} is being {done} to {self.target.path}"


@dataclass(frozen=True, slots=True)
class Means:
    """With what an operation is performed.

    Args:
        now: in milliseconds since 1970.
        steps: how much one transaction takes on.
        prepared: what is below the source, if an intent has prepared all that; nothing there is read then.
    """

    now: int
    steps: Steps
    retention: Retention
    prepared: Usage | None = None


async def perform(tr: Transaction, operation: Operation, means: Means) -> Done:
    """Does all of it in one transaction; what to answer, and the changes of its root.

    Raises:
        TransactionTooLarge: it needs an intent. Every other reason to refuse it comes first.
    """
    match operation.kind:
        case Kind.DELETE:
            return await _delete(tr, operation, means)
        case Kind.DISCARD:
            return await _discard(tr, operation, means)
        case Kind.RESTORE:
            return await _restore(tr, operation, means)
        case _:
            return await _transfer(tr, operation, means)


async def _delete(tr: Transaction, operation: Operation, means: Means) -> Done:
    source = operation.source
    await subtree.remove(
        tr,
        operation.scope,
        source,
        operation.option,
        means.now,
        if_match=operation.if_match,
        steps=means.steps,
        prepared=means.prepared,
    )
    return None, [Change(ChangeType.DELETED, source.relative)]


async def _discard(tr: Transaction, operation: Operation, means: Means) -> Done:
    scope, source = operation.scope, operation.source
    entry = await tree.get_changeable(tr, scope, source, operation.if_match)
    tree.check_writable(entry, source)
    if entry.kind == DIRECTORY and not operation.option:
        await tree.check_empty(tr, scope, source)
    moved = await _move(tr, operation, means)
    trash.put(tr, scope, source, operation.target, moved, means.now)
    return None, [Change(ChangeType.DELETED, source.relative)]


async def _restore(tr: Transaction, operation: Operation, means: Means) -> Done:
    scope, source, target = operation.scope, operation.source, operation.target
    await trash.take(tr, scope, source)
    made = await tree.make_parents(tr, scope, target, means.now)
    taken = await tree.find(tr, scope, target)
    if taken is not None and not operation.option:
        raise FileExists(f"{target.path} exists already")
    if taken is not None and (means.prepared is None or taken.kind != DIRECTORY):
        # It can be had again itself. (Only an empty folder is there where an intent has prepared something.)
        aside = replace(operation, kind=Kind.DISCARD, source=target, target=trash.place(target, means.now))
        await _discard(tr, aside, dataclasses.replace(means, prepared=None))
    moved = await _move(tr, operation, means)
    changes = [] if made is None else [Change(ChangeType.ADDED, made.relative)]
    kind = ChangeType.ADDED if taken is None else ChangeType.UPDATED
    return Restored(target.path, moved.entry), [*changes, Change(kind, target.relative)]


async def _transfer(tr: Transaction, operation: Operation, means: Means) -> Done:
    source, target = operation.source, operation.target
    moved = await _move(tr, operation, means)
    changes: list[Change] = []
    if source != target:
        if operation.kind == Kind.MOVE:
            changes.append(Change(ChangeType.DELETED, source.relative))
        if source.root != target.root and changes:
            feed.append(tr, tree.root_of(operation.scope, source), means.now, changes)
            changes = []
        changes.append(Change(ChangeType.UPDATED if moved.replaced else ChangeType.ADDED, target.relative))
    return moved.entry, changes


async def _move(tr: Transaction, operation: Operation, means: Means) -> subtree.Moved:
    return await subtree.transfer(
        tr,
        operation.scope,
        operation.source,
        operation.target,
        keep=operation.kind == Kind.COPY,
        overwrite=operation.option,
        retention=means.retention,
        now=means.now,
        if_match=operation.if_match,
        steps=means.steps,
        prepared=means.prepared,
    )
