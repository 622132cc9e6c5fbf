"""Paths as the file system takes them.

A path is absolute: `/workspace/...` (the session's files), `/home/...` (the user's), or `/` itself, the
folder of those two. Names are kept exactly as given: no normalisation, no case folding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec

from fdb_provider.errors import InvalidPath

NAME_LIMIT = 255
"""Bytes of UTF-8 a name may have (NAME_MAX of Linux, so that every name can be exported)."""
PATH_LIMIT = 4096
"""Bytes of UTF-8 a path may have (PATH_MAX of Linux)."""
CACHED = 200
"""Characters up to which a parsed path is kept."""
ROOTS = ("home", "workspace")


class Location(msgspec.Struct, frozen=True):
    """Where a path leads.

    Args:
        root: one of `ROOTS`, or "" for `/` itself.
        directory: the folder the name is in, relative to the root: "" or `a/b`.
        name: the last part; "" for the root itself.
        trash: the deleted thing among whose entries it is, as a root of its own; "" outside the trash.
    """

    root: str
    directory: str
    name: str
    trash: str = ""

    @property
    def relative(self) -> str:
        """The path relative to the root: "" for the root itself."""
        return f"{self.directory}/{self.name}" if self.directory else self.name

    @property
    def path(self) -> str:
        """The path this was parsed from."""
        return "/" + "/".join(part for part in (self.root, self.directory, self.name) if part)

    def contains(self, other: Location) -> bool:
        """Whether `other` is this location or below it."""
        return (self.root, self.trash) == (other.root, other.trash) and (
            self.relative in ("", other.relative) or other.relative.startswith(self.relative + "/")
        )


class Region(NamedTuple):
    """A name of a root, and if `deep` all below it.

    Args:
        root: key prefix.
        path: relative to the root; "" for the root itself.
    """

    root: bytes
    path: str
    deep: bool

    def meets(self, other: Region) -> bool:
        """Whether they have a name in common."""
        return self.root == other.root and (
            self.path == other.path or self._holds(other.path) or other._holds(self.path)
        )

    def _holds(self, path: str) -> bool:
        return self.deep and (self.path == "" or path.startswith(self.path + "/"))


def overlap(one: str, other: str) -> bool:
    """Whether one relative path is the other, or leads to it."""
    short, long = sorted((one, other), key=len)
    return short in ("", long) or long.startswith(short + "/")


def parse(path: str) -> Location:
    """Reads a path.

    Raises:
        InvalidPath: it is not absolute, too long, not valid Unicode, has an empty name, `.`, `..` or NUL,
            or leads to neither root.
    """
    # Long paths are rare, and must not fill the memory.
    return _parse_once(path) if len(path) <= CACHED else _parse(path)


def check_length(path: str) -> None:
    """Raises `InvalidPath` for a path that is too long or not valid Unicode."""
    try:
        length = len(path) if path.isascii() else len(path.encode())
    except UnicodeEncodeError:
        raise InvalidPath(f"{path!a} is not valid Unicode (a lone surrogate)") from None
    if length > PATH_LIMIT:
        raise InvalidPath(f"the path has {length} bytes, at most {PATH_LIMIT} are allowed: {path[:60]}…")


def _parse(path: str) -> Location:
    check_length(path)
    if "\0" in path:
        raise InvalidPath(f"a path must not contain NUL: {path!a}")
    if not path.startswith("/"):
        raise InvalidPath(f"a path must begin with /workspace or /home: {path!r}")
    if path == "/":
        return Location("", "", "")
    parts = path[1:].split("/")
    for name in parts:
        if name in ("", ".", ".."):
            raise InvalidPath(f"a path must not contain empty names, '.' or '..': {path!r}")
        if len(name) > NAME_LIMIT // 4 and len(name.encode()) > NAME_LIMIT:
            raise InvalidPath(f"a name must not be longer than {NAME_LIMIT} bytes: {name[:60]}…")
    root = parts[0]
    if root not in ROOTS:
        raise InvalidPath(f"a path must begin with /workspace or /home: {path!r}")
    if len(parts) == 1:
        return Location(root, "", "")
    return Location(root, "/".join(parts[1:-1]), parts[-1])


_parse_once = lru_cache(maxsize=8192)(_parse)
