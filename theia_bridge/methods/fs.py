"""`fs.*`: the files of the caller's session and home."""

from __future__ import annotations

from fdb_provider.files.entry import DIRECTORY, FILE, SYMLINK, Entry
from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    CreateSymlinkParams,
    DeleteParams,
    DidChange,
    Directory,
    DirectoryEntry,
    FileContent,
    FileHistory,
    FileType,
    FileVersion,
    MoveParams,
    PathParams,
    ReadDirectoryParams,
    ReadFileParams,
    ReadVersionParams,
    RestoreParams,
    SetAttributesParams,
    Stat,
    UnwatchParams,
    Watch,
    WatchParams,
    WriteFileParams,
)

registry: Registry[Context] = Registry()
registry.notification("fs.didChange", DidChange, "Changes below a watched path, in commit order.")

PAGE = 2000
"""Entries of a page of a folder at most: a few milliseconds, in which others wait."""

TYPES: dict[int, FileType] = {FILE: "file", DIRECTORY: "directory", SYMLINK: "symlink"}


def to_stat(entry: Entry) -> Stat:
    """An entry as it goes over the wire."""
    return Stat(
        type=TYPES[entry.kind],
        size=entry.size,
        ctime=entry.ctime,
        mtime=entry.mtime,
        etag=entry.etag,
        mode=entry.mode,
        readonly=entry.readonly,
        target=entry.target or None,
    )


@registry.method("fs.stat")
async def stat(context: Context, params: PathParams) -> Stat:
    """What is known of a file or folder."""
    return to_stat(await context.files.stat(context.user.scope, params.path))


@registry.method("fs.readDirectory")
async def read_directory(context: Context, params: ReadDirectoryParams) -> Directory:
    """A page of a folder's entries with what is known of each; `next` leads to the next page."""
    limit = min(params.limit or PAGE, PAGE)
    found = await context.files.list_page(context.user.scope, params.path, params.after, limit)
    return Directory(
        entries=[DirectoryEntry(name=name, stat=to_stat(entry)) for name, entry in found],
        next=found[-1][0] if len(found) == limit else None,
    )


@registry.method("fs.readFile")
async def read_file(context: Context, params: ReadFileParams) -> FileContent:
    """A file's content, or a range of it."""
    entry, data = await context.files.read(context.user.scope, params.path, params.offset, params.length)
    context.tell_of_read("fs.readFile", params.path)
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
        mode=params.mode,
        if_match=params.if_match,
        idempotency_key=params.idempotency_key,
    )
    return to_stat(entry)


@registry.method("fs.createDirectory", shielded=True)
async def create_directory(context: Context, params: CreateDirectoryParams) -> Stat:
    """Makes one folder in a folder that exists."""
    entry = await context.files.create_directory(
        context.user.scope, params.path, mode=params.mode, idempotency_key=params.idempotency_key
    )
    return to_stat(entry)


@registry.method("fs.createSymlink", shielded=True)
async def create_symlink(context: Context, params: CreateSymlinkParams) -> Stat:
    """Makes a symbolic link, which is kept for exports and never followed here."""
    entry = await context.files.create_symlink(
        context.user.scope, params.path, params.target, idempotency_key=params.idempotency_key
    )
    return to_stat(entry)


@registry.method("fs.setAttributes", shielded=True)
async def set_attributes(context: Context, params: SetAttributesParams) -> Stat:
    """Changes the permission bits of a file or folder; content, times and etag stay."""
    entry = await context.files.set_attributes(
        context.user.scope,
        params.path,
        mode=params.mode,
        readonly=params.readonly,
        if_match=params.if_match,
        idempotency_key=params.idempotency_key,
    )
    return to_stat(entry)


@registry.method("fs.delete", shielded=True)
async def delete(context: Context, params: DeleteParams) -> None:
    """Deletes a file, or a folder and with `recursive` all in it, for good or into the trash."""
    await context.files.delete(
        context.user.scope,
        params.path,
        recursive=params.recursive,
        to_trash=params.use_trash,
        if_match=params.if_match,
        idempotency_key=params.idempotency_key,
    )


@registry.method("fs.rename", shielded=True)
async def rename(context: Context, params: MoveParams) -> Stat:
    """Moves a file or folder to another name, folder or root, at once."""
    entry = await context.files.rename(
        context.user.scope,
        params.source,
        params.target,
        overwrite=params.overwrite,
        if_match=params.if_match,
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
        if_match=params.if_match,
        idempotency_key=params.idempotency_key,
    )
    return to_stat(entry)


@registry.method("fs.history")
async def history(context: Context, params: PathParams) -> FileHistory:
    """The earlier contents of a file that are kept, the newest first."""
    versions = await context.files.history.list(context.user.scope, params.path)
    return FileHistory(
        versions=[FileVersion(version=v.name, saved_at=v.saved, size=v.size, etag=v.etag) for v in versions]
    )


@registry.method("fs.readVersion")
async def read_version(context: Context, params: ReadVersionParams) -> FileContent:
    """An earlier content of a file, or a range of it."""
    version, data = await context.files.history.read(
        context.user.scope, params.path, params.version, params.offset, params.length
    )
    context.tell_of_read("fs.readVersion", params.path)
    return FileContent(content=data, etag=version.etag, size=version.size)


@registry.method("fs.restore", shielded=True)
async def restore(context: Context, params: RestoreParams) -> Stat:
    """Writes an earlier content of a file anew; the present one joins the history."""
    entry = await context.files.history.restore(
        context.user.scope,
        params.path,
        params.version,
        if_match=params.if_match,
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
