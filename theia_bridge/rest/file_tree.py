"""`/api/v5/files` and `/api/v5/folders`: files and folders listed, made, moved, copied and deleted.

What is in files is in `theia_bridge.rest.files`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fdb_provider.errors import (
    Conflict,
    DirectoryNotEmpty,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    InvalidPath,
    NoPermissions,
    QuotaExceeded,
)
from fdb_provider.files.entry import Entry
from theia_bridge.methods.fs import to_stat
from theia_bridge.methods.protocol import FileType
from theia_bridge.rest.files import FilePath, IdempotencyKey, idempotency_key
from theia_bridge.rest.resource import Call, Page, Paging, Resource

api = Resource("file-tree", "Files and folders listed, made, moved, copied and deleted")

Path = Annotated[str, msgspec.Meta(extra_json_schema={"format": "file-path", "examples": ["workspace/src"]})]


class Folder(Paging, frozen=True, forbid_unknown_fields=True):
    """Which folder.

    Args:
        path: below `/`; without it that of the two roots, `home` and `workspace`.
    """

    path: Path = ""


class NewFolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A folder to be made.

    Args:
        path: below `/`; the folder it is in must be there.
    """

    path: Path


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be moved or copied.

    Args:
        source: its path, below `/`.
        target: the path it gets; the folder that is in must be there.
        overwrite: whether what is there may be replaced.
    """

    operation: Literal["move", "copy"]
    source: Path
    target: Path
    overwrite: bool = False


class Removal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to delete.

    Args:
        recursive: a folder with all in it.
        permanent: for good, instead of into the trash.
    """

    recursive: bool = False
    permanent: bool = False


class Once(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    idempotency_key: the same request repeated with one key is applied once.
    """

    idempotency_key: IdempotencyKey | None = msgspec.field(name="Idempotency-Key", default=None)


class FileAnswer(msgspec.Struct, frozen=True):
    """A file, folder or symbolic link.

    Args:
        path: below `/`.
        size: in bytes.
        ctime, mtime: when it was made and changed, in milliseconds since 1970.
        mode: permission bits.
        target: where a link leads; nothing follows it here.
    """

    path: str
    name: str
    type: FileType
    size: int
    ctime: int
    mtime: int
    etag: str
    mode: int
    readonly: bool
    target: str | None


@api.get("/files", errors=(FileNotFound, FileNotADirectory, InvalidPath))
async def list_folder(call: Call, query: Folder) -> Page[FileAnswer]:
    """What is in a folder, by name."""
    found = await call.files.list_page(call.scope, f"/{query.path}", query.after or "", query.limit + 1)
    page = found[: query.limit]
    items = [_answer(f"{query.path}/{name}".lstrip("/"), entry) for name, entry in page]
    return Page(items, page[-1][0] if len(found) > len(page) else None)


@api.post(
    "/files",
    errors=(
        FileNotFound,
        FileExists,
        FileIsADirectory,
        FileNotADirectory,
        InvalidPath,
        NoPermissions,
        Conflict,
        QuotaExceeded,
    ),
)
async def transfer(call: Call, headers: Once, body: Transfer) -> FileAnswer:
    """Moves or copies a file or folder, with all in it, at once. Contents are shared, not copied."""
    act = call.files.rename if body.operation == "move" else call.files.copy
    entry = await act(
        call.scope,
        f"/{body.source}",
        f"/{body.target}",
        overwrite=body.overwrite,
        if_match=call.if_match,
        idempotency_key=idempotency_key(headers.idempotency_key),
    )
    return _answer(body.target, entry)


@api.delete(
    "/files/{path:(?s:.+)}",
    errors=(FileNotFound, FileNotADirectory, DirectoryNotEmpty, InvalidPath, NoPermissions, Conflict),
)
async def delete(call: Call, path: FilePath, query: Removal, headers: Once) -> None:
    """Deletes a file or folder, into the trash unless it is to be for good."""
    await call.files.delete(
        call.scope,
        f"/{path.path}",
        recursive=query.recursive,
        to_trash=not query.permanent,
        if_match=call.if_match,
        idempotency_key=idempotency_key(headers.idempotency_key),
    )


@api.post(
    "/folders",
    status=201,
    errors=(FileNotFound, FileExists, FileNotADirectory, InvalidPath, NoPermissions, QuotaExceeded),
)
async def make_folder(call: Call, headers: Once, body: NewFolder) -> FileAnswer:
    """Makes a folder in a folder that is there."""
    entry = await call.files.create_directory(
        call.scope, f"/{body.path}", idempotency_key=idempotency_key(headers.idempotency_key)
    )
    return _answer(body.path, entry)


def _answer(path: str, entry: Entry) -> FileAnswer:
    stat = msgspec.structs.asdict(to_stat(entry))
    return FileAnswer(path=path, name=path.rpartition("/")[2], **stat)
