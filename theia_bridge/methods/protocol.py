"""Parameters and results of the RPC methods: the one definition of what goes over the wire.

Names are snake_case here and camelCase on the wire. `bytes` are raw in MessagePack and base64 in JSON.
Paths are absolute: `/workspace/...` (the session's files) or `/home/...` (the user's).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fdb_provider.files.feed import ChangeType


class Wire(msgspec.Struct, kw_only=True, rename="camel", frozen=True):
    """Base of results and notifications."""


class Params(Wire, forbid_unknown_fields=True, frozen=True):
    """Base of parameters: an unknown one is refused by name."""


IdempotencyKey = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Glob = Annotated[str, msgspec.Meta(max_length=500)]
FileType = Literal["file", "directory", "symlink"]


class Stat(Wire, frozen=True, gc=False):
    """What is known of a file or folder. Times are milliseconds since 1970; `size` is in bytes."""

    type: FileType
    size: int
    ctime: int
    mtime: int
    etag: str
    readonly: bool = False


class PathParams(Params, frozen=True):
    path: str


class ReadDirectoryParams(Params, frozen=True):
    """With `limit` the answer is a page: at most so many entries, whose names come behind `after`."""

    path: str
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    after: str = ""


class DirectoryEntry(Wire, frozen=True, gc=False):
    name: str
    stat: Stat


class Directory(Wire, frozen=True):
    """A folder's entries, ordered by the UTF-8 bytes of their names.

    `next` is what to give as `after` for the next page; None behind the last entry.
    """

    entries: list[DirectoryEntry]
    next: str | None = None


class ReadFileParams(Params, frozen=True):
    """`offset` and `length` are in bytes; without `length` the file is read to its end."""

    path: str
    offset: int = 0
    length: int | None = None


class FileContent(Wire, frozen=True):
    """`content` is the range asked for; `size` is that of the whole file."""

    content: bytes
    etag: str
    size: int


class WriteFileParams(Params, frozen=True):
    """Writes a whole file.

    `create` allows making it, `overwrite` allows replacing it. `if_match` is the etag the file must still
    have, else the answer is Conflict. A write repeated with the same `idempotency_key` is applied once.
    """

    path: str
    content: bytes
    create: bool = True
    overwrite: bool = True
    if_match: str | None = None
    idempotency_key: IdempotencyKey | None = None


class CreateDirectoryParams(Params, frozen=True):
    path: str
    idempotency_key: IdempotencyKey | None = None


class DeleteParams(Params, frozen=True):
    """`use_trash` is accepted and has no effect yet."""

    path: str
    recursive: bool = False
    use_trash: bool = False
    idempotency_key: IdempotencyKey | None = None


class MoveParams(Params, frozen=True):
    source: str
    target: str
    overwrite: bool = False
    idempotency_key: IdempotencyKey | None = None


class WatchParams(Params, frozen=True):
    """`excludes` are globs relative to `path`. With a `cursor`, changes since it are delivered first."""

    path: str
    recursive: bool = True
    excludes: Annotated[list[Glob], msgspec.Meta(max_length=200)] = msgspec.field(default_factory=list)
    cursor: str | None = None


class Watch(Wire, frozen=True):
    watch_id: str
    cursor: str


class UnwatchParams(Params, frozen=True):
    watch_id: str


class Change(Wire, frozen=True):
    type: ChangeType
    path: str


class DidChange(Wire, frozen=True):
    """Changes below a watched path, in commit order. `cursor` resumes the watch behind them."""

    watch_id: str
    cursor: str
    changes: list[Change]


class RenewParams(Params, frozen=True):
    token: str


class Renewed(Wire, frozen=True):
    """When the channel will be closed unless it is renewed again, in milliseconds since 1970."""

    expires_at: int


class WorkspaceInfo(Wire, frozen=True):
    """The session this channel works on, and who is working.

    `max_frame` is the size in bytes of the largest frame the server takes, and so bounds what can be saved.
    """

    session: str
    session_name: str
    user: str
    user_name: str
    roots: list[str]
    max_frame: int


class Quota(Wire, frozen=True):
    """What is kept and what may be: bytes, and the number of files and folders; a limit of 0 is none."""

    bytes: int
    files: int
    bytes_limit: int
    files_limit: int


class WorkspaceUsage(Wire, frozen=True):
    """`session` is of `/workspace`, `user` of `/home`, `tenant` of all sessions and homes together.

    What is in the trash counts; earlier contents of files do not.
    """

    session: Quota
    user: Quota
    tenant: Quota
