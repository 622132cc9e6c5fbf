"""What a name of the tree stands for."""

from __future__ import annotations

import os
from typing import Final

import msgspec

from fdb_provider.files.content import EMPTY, Content

FILE: Final = 0
DIRECTORY: Final = 1
SYMLINK: Final = 2

FILE_MODE: Final = 0o644
DIRECTORY_MODE: Final = 0o755
SYMLINK_MODE: Final = 0o777
MODE_BITS: Final = 0o777
"""The bits a mode may have: who may read, write and execute."""
_OWNER_WRITES: Final = 0o200
_ANYONE_WRITES: Final = 0o222


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a name stands for.

    Args:
        kind: `FILE`, `DIRECTORY` or `SYMLINK`.
        size: bytes of the content, for a link of its target's path; 0 for a folder.
        ctime: when it was made, in milliseconds since 1970.
        mtime: when its content was last written; rises with every write of the same file.
        mode: POSIX permission bits.
        etag: names this version; every write makes another, also one of equal bytes.
        blob: where the content's chunks are; empty for one that is kept in its own record.
        sha256: of the content.
        id: of the file, the same through writes and renames; a copy has another. Empty for a folder, and
            for a file last written before there were ids.
        kept: when an earlier version was last kept in the history, at first when the file was made.
        versions: how many versions were ever kept.
        target: where a link leads, as it was given; no path of ours need be meant.
    """

    kind: int
    size: int
    ctime: int
    mtime: int
    mode: int
    etag: str
    blob: bytes = b""
    sha256: bytes = b""
    id: bytes = b""
    kept: int = 0
    versions: int = 0
    target: str = ""

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.blob, self.size)

    @property
    def readonly(self) -> bool:
        """A file its owner may not write. Folders and links are never read-only."""
        return self.kind == FILE and not self.mode & _OWNER_WRITES


_NAME_LENGTH: Final = 12
_names: list[bytes] = []
"""Random names not used yet: the system is asked for many at once, as asking takes as long as a read."""


def _random_name() -> bytes:
    while True:
        try:
            return _names.pop()  # in one step, so no two threads get the same
        except IndexError:
            fresh = os.urandom(_NAME_LENGTH * 256)
            _names.extend(fresh[at : at + _NAME_LENGTH] for at in range(0, len(fresh), _NAME_LENGTH))


def new_etag() -> str:
    """The name of a new version of an entry: 64 random bits, so that no two versions share one."""
    return _random_name()[:8].hex()


def new_file_id() -> bytes:
    """96 random bits, so that no two files share an id."""
    return _random_name()


def new_file(content: Content, now: int, mode: int | None = None) -> Entry:
    """A file that was not there before."""
    return Entry(
        FILE,
        content.size,
        now,
        now,
        FILE_MODE if mode is None else mode,
        new_etag(),
        content.blob,
        content.sha256,
        new_file_id(),
        now,
    )


def new_directory(now: int, mode: int | None = None) -> Entry:
    return Entry(DIRECTORY, 0, now, now, DIRECTORY_MODE if mode is None else mode, new_etag())


def new_symlink(target: str, now: int) -> Entry:
    size = len(target.encode())
    return Entry(
        SYMLINK,
        size,
        now,
        now,
        SYMLINK_MODE,
        new_etag(),
        sha256=EMPTY,
        id=new_file_id(),
        kept=now,
        target=target,
    )


def copied(entry: Entry, now: int) -> Entry:
    """The entry of a copy: another file, with the same content and mode and no history."""
    return msgspec.structs.replace(
        entry,
        ctime=now,
        mtime=now,
        etag=new_etag(),
        id=b"" if entry.kind == DIRECTORY else new_file_id(),
        kept=now,
        versions=0,
    )


def forked(entry: Entry, now: int) -> Entry:
    """The entry of the same file in a copy of its whole root: as `copied`, but as old as the one it is of."""
    return msgspec.structs.replace(
        entry,
        etag=new_etag(),
        id=b"" if entry.kind == DIRECTORY else new_file_id(),
        kept=now,
        versions=0,
    )


def with_mode(entry: Entry, mode: int | None, readonly: bool | None) -> Entry:
    """The entry with other permission bits; `readonly` takes the right to write, or gives it to the owner."""
    bits = entry.mode if mode is None else mode
    if readonly is not None:
        bits = bits & ~_ANYONE_WRITES if readonly else bits | _OWNER_WRITES
    return msgspec.structs.replace(entry, mode=bits)


ROOT = Entry(DIRECTORY, 0, 0, 0, DIRECTORY_MODE, "root")

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode
