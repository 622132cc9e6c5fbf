"""`fs.*`: the files of the caller's session and home."""

from __future__ import annotations

import asyncio

from fdb_provider.files import tree
from fdb_provider.files.tree import Entry
from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DeleteParams,
    DidChange,
    Directory,
    DirectoryEntry,
    FileContent,
    FileType,
    MoveParams,
    PathParams,
    ReadDirectoryParams,
    ReadFileParams,
    Stat,
    UnwatchParams,
    Watch,
    WatchParams,
    WriteFileParams,
)

registry: Registry[Context] = Registry()
registry.notification("fs.didChange", DidChange, "Changes below a watched path, in commit order.")

PAGE = 2000
"""Entries of a page of a folder at most."""
SLICE = 2000
"""Entries put on the wire in one go, before other channels have their turn."""

_TYPES: dict[int, FileType] = {tree.FILE: "file", tree.DIRECTORY: "directory", tree.SYMLINK: "symlink"}


def to_stat(entry: Entry) -> Stat:
    """An entry as it goes over the wire."""
    return Stat(
        type=_TYPES[entry.kind], size=entry.size, ctime=entry.ctime, mtime=entry.mtime, etag=entry.etag
    )


@registry.method("fs.stat")
async def stat(context: Context, params: PathParams) -> Stat:
    """What is known of a file or folder."""
    return to_stat(await context.files.stat(context.user.scope, params.path))


@registry.method("fs.readDirectory")
async def read_directory(context: Context, params: ReadDirectoryParams) -> Directory:
    """The entries of a folder with what is known of each; with `limit`, a page of them."""
    scope, limit = context.user.scope, params.limit
    if limit is None and not params.after:
        found = await context.files.list_directory(scope, params.path)
    else:
        limit = min(limit or PAGE, PAGE)
        found = await context.files.list_page(scope, params.path, params.after, limit)
    entries: list[DirectoryEntry] = []
    for start in range(0, len(found), SLICE):
        if start:
            await asyncio.sleep(0)
        part = found[start : start + SLICE]
        entries += [DirectoryEntry(name=name, stat=to_stat(entry)) for name, entry in part]
    return Directory(entries=entries, next=found[-1][0] if len(found) == limit else None)


@registry.method("fs.readFile")
async def read_file(context: Context, params: ReadFileParams) -> FileContent:
    """A file's content, or a range of it."""
    entry, data = await context.files.read(context.user.scope, params.path, params.offset, params.length)
    return FileContent(content=data, etag=entry.etag, size=entry.size)


@registry.method("fs.writeFile", shielded=True)
async def write_file(context: Context, params: WriteFileParams) -> Stat:
    """Writes a whole file at once; answers when it is durable."""
    entry = await context.files.write(
        context.user.scope,
        params.path,
        params.content,
        create=params.create,
        overwrite=params.overwrite,
        if_match=params.if_match,
        idempotency_key=params.idempotency_key,
    )
    return to_stat(entry)


@registry.method("fs.createDirectory", shielded=True)
async def create_directory(context: Context, params: CreateDirectoryParams) -> Stat:
    """Makes one folder in a folder that exists."""
    entry = await context.files.create_directory(
        context.user.scope, params.path, idempotency_key=params.idempotency_key
    )
    return to_stat(entry)


@registry.method("fs.delete", shielded=True)
async def delete(context: Context, params: DeleteParams) -> None:
    """Deletes a file, or a folder and with `recursive` all in it."""
    await context.files.delete(
        context.user.scope, params.path, recursive=params.recursive, idempotency_key=params.idempotency_key
    )


@registry.method("fs.rename", shielded=True)
async def rename(context: Context, params: MoveParams) -> Stat:
    """Moves a file or folder to another name, folder or root, at once."""
    entry = await context.files.rename(
        context.user.scope,
        params.source,
        params.target,
        overwrite=params.overwrite,
        idempotency_key=params.idempotency_key,
    )
    return to_stat(entry)


@registry.method("fs.copy", shielded=True)
async def copy(context: Context, params: MoveParams) -> Stat:
    """Copies a file or folder, at once; contents are shared, not copied."""
    entry = await context.files.copy(
        context.user.scope,
        params.source,
        params.target,
        overwrite=params.overwrite,
        idempotency_key=params.idempotency_key,
    )
    return to_stat(entry)


@registry.method("fs.watch")
async def watch(context: Context, params: WatchParams) -> Watch:
    """Notifies of changes by `fs.didChange`, from the cursor on, or from now."""
    followed = await context.files.watch(
        context.user.scope,
        params.path,
        recursive=params.recursive,
        excludes=params.excludes,
        cursor=params.cursor,
    )
    cursor = followed.cursor
    return Watch(watch_id=context.watches.start(followed), cursor=cursor)


@registry.method("fs.unwatch")
async def unwatch(context: Context, params: UnwatchParams) -> None:
    """Ends a watch."""
    await context.watches.stop(params.watch_id)
