"""Names: the entries of one root, and what keeps them a tree.

Every function works inside a transaction. What always holds: the parent of an entry is a folder entry or
the root, so only the parent has to be looked at when something is made. A folder's own times do not
change with its entries: keeping them would make every two writers in one folder conflict.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import (
    Conflict,
    DirectoryNotEmpty,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    NoPermissions,
)
from fdb_provider.files import mark, usage
from fdb_provider.files.entry import (
    DIRECTORY,
    ROOT,
    SYMLINK,
    Entry,
    encode,
    new_directory,
)
from fdb_provider.files.entry import decode as _decode
from fdb_provider.files.paths import Location
from fdb_provider.scope import Scope


def decode(value: bytes) -> Entry:
    """An entry from its stored value."""
    return _decode(mark.unmarked(value))


def root_of(scope: Scope, at: Location) -> bytes:
    """The key prefix of a location's root.

    Raises:
        NoPermissions: the location is `/`, which holds only the two roots.
    """
    if at.root == "":
        raise NoPermissions("/ holds only /workspace and /home and cannot be changed")
    root = keyspace.root(scope, at.root)
    return keyspace.trashed(root, at.trash) if at.trash else root


def issue(tr: Reader, scope: Scope, at: Location) -> Awaitable[bytes | None] | None:
    """Begins reading the entry at a location, so that other reads can be issued beside it."""
    return tr.get(keyspace.entry(root_of(scope, at), at.directory, at.name)) if at.name else None


async def settle(read: Awaitable[bytes | None] | None) -> Entry | None:
    """The entry that `issue` began to read, or None where nothing is.

    For changes, which are kept away from entries that are not to be seen yet (`large`); who only reads needs
    `find`.
    """
    if read is None:
        return ROOT
    value = await read
    return None if value is None else decode(value)


async def find(tr: Reader, scope: Scope, at: Location) -> Entry | None:
    """The entry at a location, or None."""
    return await _seen(tr, scope, at, issue(tr, scope, at))


async def _seen(tr: Reader, scope: Scope, at: Location, read: Awaitable[bytes | None] | None) -> Entry | None:
    if read is None:
        return ROOT
    value = await read
    if value is None:
        return None
    if value[0] == mark.MARK and not mark.shown(value, await _intent(tr, scope, at)):
        return None
    return decode(value)


async def _all_seen(
    tr: Reader, scope: Scope, at: Location, rows: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, Entry]]:
    return await seen(tr, keyspace.root(scope, at.root), rows)


async def seen(tr: Reader, root: bytes, rows: list[tuple[bytes, bytes]]) -> list[tuple[bytes, Entry]]:
    """Keys and entries of those rows of a root that are to be seen."""
    try:
        return [(key, _decode(value)) for key, value in rows]
    except msgspec.DecodeError:  # a mark is no MessagePack, so that those without pay nothing for it
        record = await tr.get(keyspace.intent(root))
        return [
            (key, decode(value)) for key, value in rows if value[0] != mark.MARK or mark.shown(value, record)
        ]


def _intent(tr: Reader, scope: Scope, at: Location) -> Awaitable[bytes | None]:
    return tr.get(keyspace.intent(keyspace.root(scope, at.root)))


async def get(tr: Reader, scope: Scope, at: Location) -> Entry:
    """The entry at a location. Raises `FileNotFound`."""
    return existing(await find(tr, scope, at), at)


def parent(at: Location) -> Location:
    """The folder a location is in."""
    directory, _, name = at.directory.rpartition("/")
    return Location(at.root, directory, name, at.trash)


def issue_parent(tr: Reader, scope: Scope, at: Location) -> Awaitable[bytes | None] | None:
    """Begins reading the folder a location is in. Raises `NoPermissions` for a root itself."""
    check_no_root(at)
    return issue(tr, scope, parent(at))


async def check_parent(read: Awaitable[bytes | None] | None, at: Location) -> None:
    """Raises `FileNotFound` or `FileNotADirectory` unless the folder `issue_parent` read is one."""
    entry = await settle(read)
    if entry is None:
        raise FileNotFound(f"the folder {parent(at).path} does not exist")
    if entry.kind != DIRECTORY:
        raise FileNotADirectory(f"{parent(at).path} is not a folder")


def put(tr: Transaction, scope: Scope, at: Location, entry: Entry, old: Entry | None) -> None:
    """Puts an entry under a name whose parent was checked, in place of `old`."""
    tr.set(keyspace.entry(root_of(scope, at), at.directory, at.name), encode(entry))
    if old is None:
        usage.count(tr, scope, at.root, entry.size, 1)
    else:
        usage.count(tr, scope, at.root, entry.size - old.size, 0)


async def list_directory(
    tr: Reader, scope: Scope, at: Location, *, after: str = "", limit: int = 0
) -> list[tuple[str, Entry]]:
    """Names and entries of a folder, in the order of their UTF-8 bytes.

    Args:
        after: only the names behind this one.
        limit: at most so many; 0 means all.
    """
    if at.root == "":
        names = [name for name in ("home", "workspace") if name > after]
        return [(name, ROOT) for name in (names[:limit] if limit else names)]
    root = keyspace.root(scope, at.root)
    begin, end = keyspace.directory(root, at.relative)
    start = keyspace.entry(root, at.relative, after) + b"\x00" if after else begin
    own = issue(tr, scope, at)
    pairs = tr.get_range(start, end, limit=limit)
    _expect_directory(await _seen(tr, scope, at, own), at)
    length = len(begin) - 1
    name = keyspace.entry_name
    rows = await _all_seen(tr, scope, at, [row async for row in pairs])
    return [(name(key, length), entry) for key, entry in rows]


async def check_empty(tr: Reader, scope: Scope, at: Location) -> None:
    """Raises `DirectoryNotEmpty` for a folder with entries."""
    async for _ in tr.get_range(*keyspace.directory(root_of(scope, at), at.relative), limit=1):
        raise DirectoryNotEmpty(f"{at.path} is not empty: delete it with `recursive`")


def check_target(entry: Entry | None, at: Location, *, create: bool, overwrite: bool) -> None:
    """Raises unless a file may be written where `entry` is.

    Raises:
        FileNotFound, FileExists: as `create` and `overwrite` have it.
        FileIsADirectory
        NoPermissions: a read-only file, or a symbolic link: nothing is written through one.
    """
    if entry is None:
        if not create:
            raise FileNotFound(f"{at.path} does not exist, and `create` is not given")
        return
    if entry.kind == DIRECTORY:
        raise FileIsADirectory(f"{at.path} is a folder")
    if not overwrite:
        raise FileExists(f"{at.path} exists already, and `overwrite` is not given")
    check_changeable(entry, at)


def check_changeable(entry: Entry, at: Location) -> None:
    """Raises `NoPermissions` for what has no content that can be replaced: read-only files and links."""
    check_no_link(entry, at)
    check_writable(entry, at)


def check_content(entry: Entry, at: Location) -> None:
    """Raises `FileIsADirectory`, or `NoPermissions` for a symbolic link, which have no content to read."""
    if entry.kind == DIRECTORY:
        raise FileIsADirectory(f"{at.path} is a folder")
    check_no_link(entry, at)


def check_no_link(entry: Entry, at: Location) -> None:
    """Raises `NoPermissions` for a symbolic link: the server follows none."""
    if entry.kind == SYMLINK:
        raise NoPermissions(
            f"{at.path} is a symbolic link to {entry.target!r}, and links are not followed here: "
            "use its target's own path"
        )


def check_writable(entry: Entry, at: Location) -> None:
    """Raises `NoPermissions` for a read-only file."""
    if entry.readonly:
        raise NoPermissions(f"{at.path} is read-only: make it writable first")


def check_match(entry: Entry | None, at: Location, if_match: str | None) -> None:
    """Raises `Conflict` unless the entry is the version the caller expects; None expects nothing."""
    if if_match is not None and (entry is None or entry.etag != if_match):
        raise Conflict(f"{at.path} has changed since it was read" if entry else f"{at.path} is gone")


async def get_changeable(tr: Reader, scope: Scope, at: Location, if_match: str | None) -> Entry:
    """The entry at a location, to be changed.

    Raises:
        FileNotFound
        NoPermissions: it is a root.
        Conflict: its etag is not `if_match`.
    """
    check_no_root(at)
    entry = await get(tr, scope, at)
    check_match(entry, at, if_match)
    return entry


async def make_parents(tr: Transaction, scope: Scope, at: Location, now: int) -> Location | None:
    """Makes the folders a location is in, as far as they are missing; the topmost that was made.

    Raises:
        FileNotADirectory: one of them is something else.
    """
    ancestors: list[Location] = []
    above = parent(at)
    while above.name:
        ancestors.append(above)
        above = parent(above)
    reads = [issue(tr, scope, ancestor) for ancestor in ancestors]
    made: Location | None = None
    for ancestor, read in zip(reversed(ancestors), reversed(reads), strict=True):
        entry = await settle(read)
        if entry is None:
            put(tr, scope, ancestor, new_directory(now), None)
            made = made or ancestor
        elif entry.kind != DIRECTORY:
            raise FileNotADirectory(f"{ancestor.path} is not a folder")
    return made


async def walk(
    tr: Reader, scope: Scope, at: Location, *, after: bytes | None, limit: int
) -> tuple[list[tuple[str, Entry]], bytes | None]:
    """The next entries below a folder, at most `limit`: paths relative to it, in key order.

    Args:
        after: what the call before returned; None for the first one.

    Returns:
        The entries, and what the next call goes on from, or None behind the last.
    """
    root = root_of(scope, at)
    own = issue(tr, scope, at)
    read = below(tr, root, at.relative, after, limit)
    _expect_directory(await _seen(tr, scope, at, own), at)
    rows = await read()
    length = len(keyspace.entries(root))
    cut = len(at.relative) + 1 if at.relative else 0
    found: list[tuple[str, Entry]] = []
    for key, entry in await _all_seen(tr, scope, at, rows):
        directory, name = keyspace.entry_path(key, length)
        found.append(((f"{directory}/{name}" if directory else name)[cut:], entry))
    return found, rows[-1][0] if len(rows) == limit else None


def below(
    tr: Reader, root: bytes, path: str, after: bytes | None, limit: int, *, snapshot: bool = False
) -> Callable[[], Awaitable[list[tuple[bytes, bytes]]]]:
    """Begins reading the next names below a folder, at most `limit`, behind the key `after`; call the
    result to have them, in key order."""
    ranges = [keyspace.directory(root, path), keyspace.below(root, path)]
    if after is not None:
        ranges = [(max(begin, after + b"\x00"), end) for begin, end in ranges if after < end]
    reads = [tr.get_range(begin, end, limit=limit, snapshot=snapshot) for begin, end in ranges]

    async def rows() -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        for read in reads:
            if len(found) < limit:
                found += [row async for row in read]
        return found[:limit]

    return rows


def existing(entry: Entry | None, at: Location) -> Entry:
    """The entry read at a location. Raises `FileNotFound` if nothing is there."""
    if entry is None:
        raise FileNotFound(f"nothing is at {at.path}")
    return entry


def check_no_root(at: Location) -> None:
    """Raises `NoPermissions` for a root itself."""
    if not at.name:
        raise NoPermissions(f"{at.path} is a root and cannot be replaced, moved or deleted")


def _expect_directory(entry: Entry | None, at: Location) -> None:
    if entry is None:
        raise FileNotFound(f"nothing is at {at.path}")
    if entry.kind != DIRECTORY:
        raise FileNotADirectory(f"{at.path} is not a folder")
