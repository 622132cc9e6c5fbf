"""The transactions of an intent, phase by phase; each says whether its phase has more to do."""

from __future__ import annotations

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Transaction
from fdb_provider.errors import DirectoryNotEmpty, StoreError
from fdb_provider.files import content, intent, mark, subtree, tree
from fdb_provider.files.changes import Done
from fdb_provider.files.intent import Intent, Progress
from fdb_provider.files.operation import Kind, Means, perform
from fdb_provider.files.retention import Retention
from fdb_provider.files.steps import Rows, Steps, within
from fdb_provider.files.usage import Usage

_LISTED = 60_000
"""Bytes of entries listed in one value: below FoundationDB's 100 kB."""

_encode = msgspec.msgpack.Encoder().encode
_entries = msgspec.msgpack.Decoder(list[bytes]).decode


class Lost(StoreError):
    """The intent is gone, or no longer to be carried out."""


async def begin(tr: Transaction, *, begun: Intent) -> None:
    """Keeps an intent. Raises `Busy`, or `DirectoryNotEmpty` for a target with entries."""
    operation = begun.operation
    intents = intent.issue(tr, operation.roots)
    if operation.kind != Kind.DELETE:
        target = operation.target
        root = tree.root_of(operation.scope, target)
        taken = await tree.below(tr, root, target.relative, None, 1)()
    else:
        taken = []
    await intent.check_none(intents)
    if taken:
        raise DirectoryNotEmpty(
            f"{operation.target.path} is not empty and cannot be replaced, there are too many entries: "
            "delete it first"
        )
    intent.put(tr, begun)


async def fill(tr: Transaction, *, of: Intent, steps: Steps) -> bool:
    """Writes the next names below the target, not to be seen yet, or lists what is to be deleted."""
    found, progress = await intent.current(tr, of)
    if found is None or found.phase != mark.FILLING or progress.ended:
        return False
    operation = of.operation
    scope, source = operation.scope, operation.source
    # Snapshot reads: the intent keeps everybody's changes away.
    read = tree.below(
        tr, tree.root_of(scope, source), source.relative, progress.after, steps.entries, snapshot=True
    )
    rows, ended = within(await read(), steps)
    if operation.kind == Kind.DELETE:
        used = _list(tr, of, progress, rows)
    else:
        used = subtree.write_below(
            tr,
            scope,
            source,
            operation.target,
            rows,
            keep=operation.kind == Kind.COPY,
            now=of.began,
            intent=of.id,
        )
    intent.put_progress(tr, of, progress.next(rows, used, ended))
    return not ended


async def flip(tr: Transaction, now: int, *, of: Intent, steps: Steps, retention: Retention) -> Done:
    """Makes the whole change, so that it is seen. Raises `Lost`."""
    found, progress = await intent.current(tr, of)
    if found is None or found.phase != mark.FILLING or not progress.ended:
        raise Lost(f"no longer true: {of.operation.doing}")
    done = await perform(tr, of.operation, Means(now, steps, retention, progress.usage))
    intent.put(tr, msgspec.structs.replace(of, phase=mark.SHOWN))
    return done


async def tidy(tr: Transaction, *, of: Intent, steps: Steps) -> bool:
    """Takes off marks, or releases contents."""
    found, progress = await intent.current(tr, of)
    if found is None or found.phase != mark.SHOWN:
        return False
    operation = of.operation
    scope, target = operation.scope, operation.target
    if operation.kind == Kind.DELETE:
        rows = [row async for row in tr.get_range(*keyspace.range_of(_discarded(of)), limit=1)]
        ended = not rows
        for key, value in rows:
            subtree.discard(tr, scope.tenant, _entries(value), content.now())
            tr.clear(key)
    else:
        # No snapshot reads: whoever writes to the folder meanwhile must not be overwritten.
        read = tree.below(tr, tree.root_of(scope, target), target.relative, progress.after, steps.entries)
        rows, ended = within(await read(), steps)
        for key, value in rows:
            if mark.carries(value, of.id):
                tr.set(key, mark.unmarked(value))
    if ended:
        intent.clear(tr, of)
    else:
        intent.put_progress(tr, of, progress.next(rows, Usage(0, 0), ended))
    return not ended


async def give_up(tr: Transaction, *, of: Intent) -> None:
    """Begins to undo it, unless it is seen already."""
    found, _ = await intent.current(tr, of)
    if found is not None and found.phase == mark.FILLING:
        intent.put(tr, msgspec.structs.replace(of, phase=mark.UNDOING))


async def take_back(tr: Transaction, *, of: Intent, steps: Steps) -> bool:
    """Takes away what was written, with the references of copies."""
    found, progress = await intent.current(tr, of)
    if found is None or found.phase != mark.UNDOING:
        return False
    operation = of.operation
    scope, target = operation.scope, operation.target
    root = tree.root_of(scope, target)
    if operation.kind == Kind.DELETE:
        tr.clear_range(*keyspace.range_of(_discarded(of)))
    elif operation.kind != Kind.COPY:
        subtree.clear_below(tr, root, target)
    else:
        rows, ended = within(
            await tree.below(tr, root, target.relative, None, steps.entries, snapshot=True)(), steps
        )
        subtree.discard(tr, scope.tenant, [value for _, value in rows], content.now())
        for key, _ in rows:
            tr.clear(key)
        if not ended:
            intent.put_progress(tr, of, progress.next(rows, Usage(0, 0), ended))
            return True
    intent.clear(tr, of)
    return False


def _discarded(of: Intent) -> bytes:
    return keyspace.discarded(of.operation.roots[0])


def _list(tr: Transaction, of: Intent, progress: Progress, rows: Rows) -> Usage:
    """Lists entries that are to be discarded once they are gone; returns what they are."""
    listed: list[bytes] = []
    size = used = part = 0
    for _, value in rows:
        size += tree.decode(value).size
        if used + len(value) > _LISTED:
            tr.set(_discarded(of) + keyspace.pack(progress.steps, part), _encode(listed))
            listed, used, part = [], 0, part + 1
        listed.append(value)
        used += len(value) + 5
    if listed:
        tr.set(_discarded(of) + keyspace.pack(progress.steps, part), _encode(listed))
    return Usage(size, len(rows))
