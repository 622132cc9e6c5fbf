"""Entries with all below them: taken out of the tree, moved and copied.

Every function works inside a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import FileExists, InvalidPath, TransactionTooLarge
from fdb_provider.files import history, mark, tree, usage
from fdb_provider.files.content import add_reference
from fdb_provider.files.entry import DIRECTORY, FILE, Entry, copied, decode, encode
from fdb_provider.files.paths import PATH_LIMIT, Location, check_length
from fdb_provider.files.retention import Retention
from fdb_provider.files.steps import STEPS, Steps, weight
from fdb_provider.files.usage import Usage
from fdb_provider.scope import Scope


async def remove(
    tr: Transaction,
    scope: Scope,
    at: Location,
    recursive: bool,
    now: int,
    *,
    if_match: str | None = None,
    steps: Steps = STEPS,
    prepared: Usage | None = None,
) -> None:
    """Takes an entry, with `recursive` all below it too, out of the tree and gives up contents and versions.

    Args:
        prepared: what is below the folder, if an intent sees to the contents.

    Raises:
        FileNotFound: nothing is there.
        DirectoryNotEmpty: a folder with entries, without `recursive`.
        TransactionTooLarge: a folder with more than one transaction takes (`steps`).
        NoPermissions: a read-only file. (Those in a folder go with it, as on a disk.)
        Conflict: its etag is not `if_match`.
    """
    root = tree.root_of(scope, at)
    entry = await tree.get_changeable(tr, scope, at, if_match)
    tree.check_writable(entry, at)
    gone = Usage(entry.size, 1)
    if entry.kind == DIRECTORY:
        if prepared is not None:
            gone = gone.plus(prepared)
            clear_below(tr, root, at)
        elif not recursive:
            await tree.check_empty(tr, scope, at)
        elif rows := await _few_below(tr, root, at, steps):
            gone = gone.plus(discard(tr, scope.tenant, [value for _, value in rows], now))
            clear_below(tr, root, at)
    history.discard(tr, scope.tenant, entry, now)
    tr.clear(keyspace.entry(root, at.directory, at.name))
    usage.count(tr, scope, at.root, -gone.bytes, -gone.files)


def discard(tr: Transaction, tenant: str, values: Iterable[bytes], now: int) -> Usage:
    """Gives up contents and versions of entries that are taken out of the tree; returns what they were."""
    size = count = 0
    for value in values:
        entry = tree.decode(value)
        history.discard(tr, tenant, entry, now)
        size += entry.size
        count += 1
    return Usage(size, count)


@dataclass(frozen=True, slots=True)
class Moved:
    """What `transfer` did.

    Args:
        entry: what is at the target now.
        replaced: whether something was there before.
        usage: what was moved or copied.
    """

    entry: Entry
    replaced: bool
    usage: Usage


async def transfer(
    tr: Transaction,
    scope: Scope,
    source: Location,
    target: Location,
    *,
    keep: bool,
    overwrite: bool,
    retention: Retention,
    now: int,
    if_match: str | None = None,
    steps: Steps = STEPS,
    prepared: Usage | None = None,
) -> Moved:
    """Moves an entry and all below it to another name, or copies it there (`keep`).

    Only names are written, never bytes. A file that is replaced by a file leaves its content in the history
    of what is there now; a replaced folder goes for good.

    Args:
        prepared: what is below the folder, if an intent has written all that to the target already.

    Raises:
        FileNotFound: the source or the target's folder is missing.
        FileExists: the target is there and `overwrite` is not given.
        InvalidPath: a folder into itself, or onto a folder that holds it.
        TransactionTooLarge: a folder with more than one transaction takes (`steps`).
        NoPermissions: the target is a read-only file.
        Conflict: the source's etag is not `if_match`.
    """
    to_root = tree.root_of(scope, target)
    from_root = tree.root_of(scope, source)
    tree.check_no_root(source)
    reads = tree.issue(tr, scope, source), tree.issue_parent(tr, scope, target), tree.issue(tr, scope, target)
    entry = tree.existing(await tree.settle(reads[0]), source)
    tree.check_match(entry, source, if_match)
    if source == target:
        return Moved(entry, True, Usage(0, 0))
    if source.contains(target):
        raise InvalidPath(f"{source.path} cannot be put into itself ({target.path})")
    if target.contains(source):
        raise InvalidPath(f"{source.path} cannot replace {target.path}, the folder it is in")
    await tree.check_parent(reads[1], target)
    replaced = await tree.settle(reads[2])
    top = copied(entry, now) if keep else entry
    if replaced is not None:
        if not overwrite:
            raise FileExists(f"{target.path} exists already")
        tree.check_writable(replaced, target)
        if entry.kind == replaced.kind == FILE:
            top = history.supersede(tr, scope.tenant, target.path, replaced, top, retention, now)
            usage.count(tr, scope, target.root, -replaced.size, -1)
        elif prepared is None:
            await remove(tr, scope, target, recursive=True, now=now, steps=steps)
        else:  # a file, link or empty folder: below it is only what an intent has put there
            history.discard(tr, scope.tenant, replaced, now)
            usage.count(tr, scope, target.root, -replaced.size, -1)
    moved = Usage(entry.size, 1)
    if entry.kind == DIRECTORY:
        if prepared is None:
            rows = await _few_below(tr, from_root, source, steps)
            prepared = write_below(tr, scope, source, target, rows, keep=keep, now=now)
        if not keep:
            clear_below(tr, from_root, source)
        moved = moved.plus(prepared)
    elif keep and entry.kind == FILE:
        add_reference(tr, scope.tenant, entry.sha256)
    if not keep:
        tr.clear(keyspace.entry(from_root, source.directory, source.name))
    tr.set(keyspace.entry(to_root, target.directory, target.name), encode(top))
    if keep or source.root != target.root:
        usage.count(tr, scope, target.root, *moved)
        if not keep:
            usage.count(tr, scope, source.root, -moved.bytes, -moved.files)
    return Moved(top, replaced is not None, moved)


def write_below(
    tr: Transaction,
    scope: Scope,
    source: Location,
    target: Location,
    rows: Iterable[tuple[bytes, bytes]],
    *,
    keep: bool,
    now: int,
    intent: bytes = b"",
) -> Usage:
    """Writes names that are below one folder below another; returns what they are.

    Args:
        keep: they are copies, and refer to the contents once more.
        intent: marks them as not to be seen until that intent says so.

    Raises:
        InvalidPath: a path becomes too long.
    """
    old = keyspace.branch(tree.root_of(scope, source), source.relative)
    new = keyspace.branch(tree.root_of(scope, target), target.relative)
    # Of a path: its key less what is before the directory, and its separators, which are a byte more.
    longest = PATH_LIMIT + len(keyspace.branch(tree.root_of(scope, target), "")) + 2 - len(f"/{target.root}/")
    cut = len(old)
    size = count = 0
    for key, stored in rows:
        value = mark.unmarked(stored)
        entry = decode(value)
        if keep:
            value = encode(copied(entry, now))
            if entry.kind == FILE:
                add_reference(tr, scope.tenant, entry.sha256)
        at = new + key[cut:]
        if len(at) > longest:
            directory, name = keyspace.entry_path(at, len(keyspace.entries(tree.root_of(scope, target))))
            check_length(Location(target.root, directory, name).path)
        tr.set(at, mark.marked(intent, value) if intent else value)
        size += entry.size
        count += 1
    return Usage(size, count)


def clear_below(tr: Transaction, root: bytes, at: Location) -> None:
    """Clears all names below a folder, and nothing else."""
    tr.clear_range(*keyspace.directory(root, at.relative))
    tr.clear_range(*keyspace.below(root, at.relative))


async def _few_below(tr: Reader, root: bytes, at: Location, steps: Steps) -> list[tuple[bytes, bytes]]:
    """The names below a folder. Raises `TransactionTooLarge` if they are too many for one transaction."""
    rows = await tree.below(tr, root, at.relative, None, steps.whole + 1)()
    if len(rows) > steps.whole or weight(rows) > steps.weight:
        raise TransactionTooLarge(f"{at.path} has too many entries for one transaction")
    return rows
