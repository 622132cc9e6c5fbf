"""Parameters and results of the RPC methods: the one definition of what goes over the wire.

Names are snake_case here and camelCase on the wire. `bytes` are raw in MessagePack and base64 in JSON.
Paths are absolute: `/workspace/...` (the session's files) or `/home/...` (the user's).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fdb_provider.files.feed import ChangeType
from fdb_provider.models import Role


class Wire(msgspec.Struct, kw_only=True, rename="camel", frozen=True):
    """Base of results and notifications."""


class Params(Wire, forbid_unknown_fields=True, frozen=True):
    """Base of parameters: an unknown one is refused by name."""


IdempotencyKey = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
"""Names a version of a file, or a thing in the trash: as the server gave it."""
Glob = Annotated[str, msgspec.Meta(max_length=500)]
FileType = Literal["file", "directory", "symlink"]
Mode = Annotated[int, msgspec.Meta(ge=0, le=0o777)]
"""POSIX permission bits."""


class Stat(Wire, frozen=True, gc=False):
    """What is known of a file, folder or symbolic link.

    Times are milliseconds since 1970; `size` is in bytes. `readonly` is of files only, and told by `mode`.
    `target` is where a link leads, as it was given; nothing follows it here.
    """

    type: FileType
    size: int
    ctime: int
    mtime: int
    etag: str
    mode: int
    readonly: bool = False
    target: str | None = None


class PathParams(Params, frozen=True):
    path: str


class ReadDirectoryParams(Params, frozen=True):
    """The entries whose names come behind `after`; at most `limit`, and never more than 2,000."""

    path: str
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    after: str = ""


class DirectoryEntry(Wire, frozen=True, gc=False):
    name: str
    stat: Stat


class Directory(Wire, frozen=True):
    """A page of a folder's entries, ordered by the UTF-8 bytes of their names.

    `next` is what to give as `after` for the next page; null with the last one.
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
    Without `mode` a file keeps the one it has. A read-only file and a symbolic link are not written.
    """

    path: str
    content: bytes
    create: bool = True
    overwrite: bool = True
    mode: Mode | None = None
    if_match: str | None = None
    idempotency_key: IdempotencyKey | None = None


class CreateDirectoryParams(Params, frozen=True):
    path: str
    mode: Mode | None = None
    idempotency_key: IdempotencyKey | None = None


class CreateSymlinkParams(Params, frozen=True):
    """`target` is kept as given: absolute or relative, there or not."""

    path: str
    target: str
    idempotency_key: IdempotencyKey | None = None


class SetAttributesParams(Params, frozen=True):
    """`readonly` takes everybody's right to write a file, or gives it to the owner."""

    path: str
    mode: Mode | None = None
    readonly: bool | None = None
    if_match: str | None = None
    idempotency_key: IdempotencyKey | None = None


class DeleteParams(Params, frozen=True):
    """With `use_trash` it can be had again by `trash.restore`. `if_match` is the etag it must still have."""

    path: str
    recursive: bool = False
    use_trash: bool = False
    if_match: str | None = None
    idempotency_key: IdempotencyKey | None = None


class MoveParams(Params, frozen=True):
    """`if_match` is the etag that `source` must still have."""

    source: str
    target: str
    overwrite: bool = False
    if_match: str | None = None
    idempotency_key: IdempotencyKey | None = None


class FileVersion(Wire, frozen=True):
    """An earlier content of a file. `saved_at` is when it was written, in milliseconds since 1970."""

    version: str
    saved_at: int
    size: int
    etag: str


class FileHistory(Wire, frozen=True):
    """The earlier contents of a file that are kept, the newest first; the present one is not among them."""

    versions: list[FileVersion]


class ReadVersionParams(Params, frozen=True):
    """`offset` and `length` as in `fs.readFile`."""

    path: str
    version: Name
    offset: int = 0
    length: int | None = None


class RestoreParams(Params, frozen=True):
    """`if_match` is the etag the file must still have."""

    path: str
    version: Name
    if_match: str | None = None
    idempotency_key: IdempotencyKey | None = None


class TrashItem(Wire, frozen=True):
    """Something that was deleted.

    `path` is where it was, `deleted_at` is in milliseconds since 1970, `size` the bytes of all its files,
    `entries` how many names it has, with its own.
    """

    id: str
    path: str
    deleted_at: int
    type: FileType
    size: int
    entries: int


class TrashListParams(Params, frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1000


class TrashList(Wire, frozen=True):
    """What was deleted, the last deleted first."""

    items: list[TrashItem]


class TrashRestoreParams(Params, frozen=True):
    """Without `target` it goes where it was. With `overwrite`, what took its name goes into the trash."""

    id: Name
    target: str | None = None
    overwrite: bool = False
    idempotency_key: IdempotencyKey | None = None


class Restored(Wire, frozen=True):
    """Where it is now."""

    path: str
    stat: Stat


class TrashDeleteParams(Params, frozen=True):
    id: Name
    idempotency_key: IdempotencyKey | None = None


class TrashEmptyParams(Params, frozen=True):
    idempotency_key: IdempotencyKey | None = None


class Emptied(Wire, frozen=True):
    """How many things left the trash for good."""

    items: int


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
    """What has changed below a watched path. `cursor` resumes the watch behind it.

    There is one change for each path: what was added and deleted again is `deleted`, what was deleted and
    added again `updated`; nothing is told of what was in a folder that is `deleted`. There may be none: then
    only the cursor is new.
    """

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

    `role` is the user's as the answer was made: a viewer may call nothing that writes. `max_frame` is the
    size in bytes of the largest frame the server takes, and so bounds what can be saved.
    """

    session: str
    session_name: str
    user: str
    user_name: str
    role: Role
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


SearchPattern = Annotated[str, msgspec.Meta(max_length=10_000)]
SearchRoots = Annotated[list[str], msgspec.Meta(min_length=1, max_length=20)]
Globs = Annotated[list[Glob], msgspec.Meta(max_length=500)]


class SearchFilesParams(Params, frozen=True):
    """Finds files whose paths have all parts of `pattern`, which are between white space; with `fuzzy` also
    those that have the letters of each part in order. An empty pattern, or `*`, finds all.

    `includes` and `excludes` are globs as in .gitignore, relative to each root.
    """

    pattern: SearchPattern
    roots: SearchRoots = msgspec.field(default_factory=lambda: ["/workspace"])
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    includes: Globs = msgspec.field(default_factory=list)
    excludes: Globs = msgspec.field(default_factory=list)
    use_git_ignore: bool = True
    fuzzy: bool = True


class FoundFiles(Wire, frozen=True):
    """Absolute paths, the best match first. `limit_hit`: there are more."""

    paths: list[str]
    limit_hit: bool


class SearchTextParams(Params, frozen=True):
    """Searches the text of files for a literal text, or for a regular expression in the syntax of ripgrep.

    `multiline` lets a match go over several lines. `context` lines are told before and after each match.
    `limit` is in matches, `max_file_size` in bytes. `includes` and `excludes` are globs as in .gitignore,
    relative to each root. What .gitignore excludes is left out unless `use_git_ignore` is false.
    """

    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    roots: SearchRoots = msgspec.field(default_factory=lambda: ["/workspace"])
    regex: bool = False
    match_case: bool = False
    whole_word: bool = False
    multiline: bool = False
    includes: Globs = msgspec.field(default_factory=list)
    excludes: Globs = msgspec.field(default_factory=list)
    use_git_ignore: bool = True
    context: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 2000
    max_file_size: Annotated[int, msgspec.Meta(ge=0)] = 20 << 20


class Search(Wire, frozen=True):
    search_id: str


class CancelSearchParams(Params, frozen=True):
    search_id: str


class Match(Wire, frozen=True):
    """A match. `line`, `character` and `text_character` count from 1, characters and `length` in UTF-16 code
    units. `text` is the line, or of a long one what is around the match, which begins at `text_character`.
    """

    line: int
    character: int
    length: int
    text: str
    text_character: int


class ContextLine(Wire, frozen=True):
    """A line near a match; `line` counts from 1."""

    line: int
    text: str


class FileMatches(Wire, frozen=True):
    """All matches in a file, in order."""

    path: str
    matches: list[Match]
    context: list[ContextLine]


class DidFind(Wire, frozen=True):
    """Some of what a search has found; each file comes once."""

    search_id: str
    files: list[FileMatches]


class SearchError(Wire, frozen=True):
    """Why a search was not, or not fully, done: a kind as of answers, and a sentence for a person."""

    kind: str
    message: str


class DidFinish(Wire, frozen=True):
    """A search has ended by itself.

    `limit_hit`: there may be more than was told. `skipped`: files whose text is not searched though they may
    be text, because they are very large or have a very long line.
    """

    search_id: str
    limit_hit: bool
    skipped: int
    error: SearchError | None
