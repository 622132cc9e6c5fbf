"""What a path stands for: in the store, on the disk, and what both were when they last agreed."""

from __future__ import annotations

from typing import Literal

import msgspec

from theia_bridge.methods.protocol import FileType, Stat

Kind = Literal["file", "directory", "symlink", "other"]
"""Of something on the disk: `other` are sockets, pipes and devices, which cannot be stored."""
UNKNOWN = 0
"""As the time of a change: what is on the disk may be another content than was read."""


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What was found on the disk. Times are in nanoseconds since 1970."""

    kind: Kind
    mode: int
    ino: int
    size: int
    mtime: int
    ctime: int
    target: str = ""

    def is_still(self, other: Seen) -> bool:
        """Whether it is the same thing with the same content; `ctime` also changes when it is moved."""
        return (self.kind, self.ino, self.size, self.mtime) == (
            other.kind,
            other.ino,
            other.size,
            other.mtime,
        )


class Stored(msgspec.Struct, frozen=True, gc=False):
    """What the store has. Times are in milliseconds since 1970."""

    kind: FileType
    etag: str
    mode: int
    size: int
    ctime: int
    mtime: int
    target: str = ""

    @classmethod
    def of(cls, stat: Stat) -> Stored:
        return cls(stat.type, stat.etag, stat.mode, stat.size, stat.ctime, stat.mtime, stat.target or "")


class Agreed(msgspec.Struct, frozen=True, gc=False):
    """What both sides were when they last agreed.

    Args:
        digest: SHA-256 of a file's content.
        ino, size, mtime, ctime: as on the disk; `ctime` is `UNKNOWN` if the content may have changed since.
        made: when the store says it was made, in milliseconds since 1970.
    """

    kind: FileType
    etag: str
    mode: int
    target: str
    digest: bytes
    ino: int
    size: int
    mtime: int
    ctime: int
    made: int = 0

    @classmethod
    def on(cls, stored: Stored, seen: Seen, digest: bytes = b"") -> Agreed:
        """What is remembered of both when they agree."""
        return cls(
            stored.kind,
            stored.etag,
            stored.mode,
            stored.target,
            digest,
            seen.ino,
            seen.size,
            seen.mtime,
            seen.ctime,
            stored.ctime,
        )

    @property
    def stored(self) -> Stored:
        """What the store had; when it was last written is not remembered."""
        return Stored(self.kind, self.etag, self.mode, self.size, self.made, 0, self.target)

    @property
    def seen(self) -> Seen:
        """What the disk had."""
        return Seen(self.kind, self.mode, self.ino, self.size, self.mtime, self.ctime, self.target)

    def now_on_disk(self, seen: Seen) -> Agreed:
        """The same after the disk's file was found to have the same content still."""
        return msgspec.structs.replace(self, ino=seen.ino, size=seen.size, mtime=seen.mtime, ctime=seen.ctime)

    def is_stored(self, stored: Stored | None) -> bool:
        """Whether the store still has that, its mode aside."""
        if stored is None or stored.kind != self.kind:
            return False
        return self.kind == "directory" or stored.etag == self.etag

    def is_on_disk(self, seen: Seen | None) -> bool:
        """Whether the disk surely still has that, its mode aside."""
        if seen is None or seen.kind != self.kind:
            return False
        if self.kind == "file":
            return (self.ino, self.size, self.mtime, self.ctime) == (
                seen.ino,
                seen.size,
                seen.mtime,
                seen.ctime,
            )
        return self.kind == "directory" or seen.target == self.target
