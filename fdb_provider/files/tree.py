"""Names: the entries of one root, and what keeps them a tree.

Every function works inside a transaction. What always holds: the parent of an entry is a folder entry or
the root, so only the parent has to be looked at when something is made. A folder's own times do not
change with its entries: keeping them would make every two writers in one folder conflict.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import (
    DirectoryNotEmpty,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    InvalidPath,
    NoPermissions,
)
from fdb_provider.files import usage
from fdb_provider.files.content import Content, add_reference, release
from fdb_provider.files.paths import Location, check_length
from fdb_provider.scope import Scope

FILE: Final = 0
DIRECTORY: Final = 1
SYMLINK: Final = 2


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a name stands for.

    Args:
        kind: `FILE`, `DIRECTORY` or `SYMLINK` (its content is the target's path).
        size: bytes of the content; 0 for a folder.
        ctime: when it was made, in milliseconds since 1970.
        mtime: when its content was last written; rises with every write of the same name.
        mode: POSIX permission bits.
        etag: names this version; every write makes another, also one of equal bytes.
        blob: where the content's chunks are; empty for one that is kept in its own record.
        sha256: of the content.
    """

    kind: int
    size: int
    ctime: int
    mtime: int
    mode: int
    etag: str
    blob: bytes = b""
    sha256: bytes = b""

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.blob, self.size)


def new_etag() -> str:
    """The name of a new version of an entry: 64 random bits, so that no two versions share one."""
    return secrets.token_hex(8)


ROOT = Entry(DIRECTORY, 0, 0, 0, 0o755, "root")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def root_of(scope: Scope, at: Location) -> bytes:
    """The key prefix of a location's root.

    Raises:
        NoPermissions: the location is `/`, which holds only the two roots.
    """
    if at.root == "":
        raise NoPermissions("/ holds only /workspace and /home and cannot be changed")
    return keyspace.root(scope, at.root)


def issue(tr: Reader, scope: Scope, at: Location) -> Awaitable[bytes | None] | None:
    """Begins reading the entry at a location, so that other reads can be issued beside it."""
    return tr.get(keyspace.entry(root_of(scope, at), at.directory, at.name)) if at.name else None


async def settle(read: Awaitable[bytes | None] | None) -> Entry | None:
    """The entry that `issue` began to read, or None where nothing is."""
    if read is None:
        return ROOT
    value = await read
    return None if value is None else _decode(value)


async def find(tr: Reader, scope: Scope, at: Location) -> Entry | None:
    """The entry at a location, or None."""
    return await settle(issue(tr, scope, at))


async def get(tr: Reader, scope: Scope, at: Location) -> Entry:
    """The entry at a location. Raises `FileNotFound`."""
    entry = await find(tr, scope, at)
    if entry is None:
        raise FileNotFound(f"nothing is at {at.path}")
    return entry


def parent(at: Location) -> Location:
    """The folder a location is in."""
    directory, _, name = at.directory.rpartition("/")
    return Location(at.root, directory, name)


def issue_parent(tr: Reader, scope: Scope, at: Location) -> Awaitable[bytes | None] | None:
    """Begins reading the folder a location is in. Raises `NoPermissions` for a root itself."""
    if not at.name:
        raise NoPermissions(f"{at.path} is a root and cannot be replaced, moved or deleted")
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
    tr.set(keyspace.entry(root_of(scope, at), at.directory, at.name), _encode(entry))
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
    _expect_directory(await settle(own), at)
    length = len(begin) - 1
    name = keyspace.entry_name
    return [(name(key, length), _decode(value)) async for key, value in pairs]


async def remove(tr: Transaction, scope: Scope, at: Location, recursive: bool, now: int) -> None:
    """Takes an entry, with `recursive` all below it too, out of the tree and releases the contents.

    Raises:
        FileNotFound: nothing is there.
        DirectoryNotEmpty: a folder with entries, without `recursive`.
    """
    root = root_of(scope, at)
    if not at.name:
        raise NoPermissions(f"{at.path} is a root and cannot be replaced, moved or deleted")
    entry = await get(tr, scope, at)
    size, files = entry.size, 1
    if entry.kind == DIRECTORY:
        if not recursive:
            async for _ in tr.get_range(*keyspace.directory(root, at.relative), limit=1):
                raise DirectoryNotEmpty(f"{at.path} is not empty: delete it with `recursive`")
        else:
            async for key, child in _subtree(tr, root, at.relative):
                if child.kind != DIRECTORY:
                    release(tr, scope.tenant, child.sha256, child.etag, now)
                tr.clear(key)
                size += child.size
                files += 1
    else:
        release(tr, scope.tenant, entry.sha256, entry.etag, now)
    tr.clear(keyspace.entry(root, at.directory, at.name))
    usage.count(tr, scope, at.root, -size, -files)


async def transfer(
    tr: Transaction,
    scope: Scope,
    source: Location,
    target: Location,
    *,
    keep: bool,
    overwrite: bool,
    now: int,
) -> bool:
    """Moves an entry and all below it to another name, or copies it there (`keep`).

    Only names are written, never bytes. Returns whether something was replaced.

    Raises:
        FileNotFound: the source or the target's folder is missing.
        FileExists: the target is there and `overwrite` is not given.
        InvalidPath: a folder into itself, or onto a folder that holds it.
    """
    to_root = root_of(scope, target)
    from_root = root_of(scope, source)
    if not source.name:
        raise NoPermissions(f"{source.path} is a root and cannot be replaced, moved or deleted")
    reads = issue(tr, scope, source), issue_parent(tr, scope, target), issue(tr, scope, target)
    entry = await settle(reads[0])
    if entry is None:
        raise FileNotFound(f"nothing is at {source.path}")
    if source == target:
        return False
    if source.contains(target):
        raise InvalidPath(f"{source.path} cannot be put into itself ({target.path})")
    if target.contains(source):
        raise InvalidPath(f"{source.path} cannot replace {target.path}, the folder it is in")
    await check_parent(reads[1], target)
    replaced = await settle(reads[2])
    if replaced is not None:
        if not overwrite:
            raise FileExists(f"{target.path} exists already")
        await remove(tr, scope, target, recursive=True, now=now)
    entries = [
        (target.directory, target.name, entry, keyspace.entry(from_root, source.directory, source.name))
    ]
    if entry.kind == DIRECTORY:
        cut = len(source.relative)
        prefix = keyspace.entries(from_root)
        async for key, child in _subtree(tr, from_root, source.relative):
            directory, name = keyspace.unpack(key, prefix)
            new = Location(target.root, target.relative + directory[cut:], name)
            check_length(new.path)
            entries.append((new.directory, name, child, key))
    size, files = sum(child.size for _, _, child, _ in entries), len(entries)
    if keep:
        usage.count(tr, scope, target.root, size, files)
    elif source.root != target.root:
        usage.count(tr, scope, source.root, -size, -files)
        usage.count(tr, scope, target.root, size, files)
    for directory, name, child, key in entries:
        if not keep:
            tr.clear(key)
        elif child.kind != DIRECTORY:
            add_reference(tr, scope.tenant, child.sha256)
        tr.set(keyspace.entry(to_root, directory, name), _encode(_stamped(child, now) if keep else child))
    return replaced is not None


def check_target(entry: Entry | None, at: Location, *, create: bool, overwrite: bool) -> None:
    """Raises unless a file may be written where `entry` is: FileNotFound, FileExists, FileIsADirectory."""
    if entry is None:
        if not create:
            raise FileNotFound(f"{at.path} does not exist, and `create` is not given")
    elif entry.kind == DIRECTORY:
        raise FileIsADirectory(f"{at.path} is a folder")
    elif not overwrite:
        raise FileExists(f"{at.path} exists already, and `overwrite` is not given")


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
    _expect_directory(await settle(own), at)
    rows = await read()
    length = len(keyspace.entries(root))
    cut = len(at.relative) + 1 if at.relative else 0
    found: list[tuple[str, Entry]] = []
    for key, value in rows:
        directory, name = keyspace.entry_path(key, length)
        found.append(((f"{directory}/{name}" if directory else name)[cut:], _decode(value)))
    return found, rows[-1][0] if len(rows) == limit else None


def below(
    tr: Reader, root: bytes, path: str, after: bytes | None, limit: int
) -> Callable[[], Awaitable[list[tuple[bytes, bytes]]]]:
    """Begins reading the next names below a folder, at most `limit`, behind the key `after`; call the
    result to have them, in key order."""
    ranges = [keyspace.directory(root, path), keyspace.below(root, path)]
    if after is not None:
        ranges = [(max(begin, after + b"\x00"), end) for begin, end in ranges if after < end]
    reads = [tr.get_range(begin, end, limit=limit) for begin, end in ranges]

    async def rows() -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        for read in reads:
            if len(found) < limit:
                found += [row async for row in read]
        return found[:limit]

    return rows


def _expect_directory(entry: Entry | None, at: Location) -> None:
    if entry is None:
        raise FileNotFound(f"nothing is at {at.path}")
    if entry.kind != DIRECTORY:
        raise FileNotADirectory(f"{at.path} is not a folder")


def _stamped(entry: Entry, now: int) -> Entry:
    return msgspec.structs.replace(entry, ctime=now, mtime=now, etag=new_etag())


async def _subtree(tr: Reader, root: bytes, path: str) -> AsyncIterator[tuple[bytes, Entry]]:
    # Both ranges are read to their ends before the caller may write: what it writes is not met again.
    ranges = [tr.get_range(*keyspace.directory(root, path)), tr.get_range(*keyspace.below(root, path))]
    found = [pair for pairs in ranges async for pair in pairs]
    for key, value in found:
        yield key, _decode(value)
