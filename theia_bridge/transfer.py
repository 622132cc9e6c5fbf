"""Whole folders in and out of a session, over the same channel the IDE uses."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

from fdb_provider.files.entry import MODE_BITS
from rpc import RpcError
from rpc.client import Client
from theia_bridge import rest_client
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    CreateSymlinkParams,
    DeleteParams,
    Directory,
    DirectoryEntry,
    FileContent,
    PathParams,
    ReadDirectoryParams,
    ReadFileParams,
    SetAttributesParams,
    Stat,
    WorkspaceInfo,
    WriteFileParams,
)
from theia_bridge.signin import Connection

IN_FLIGHT = 32
"""Files under way at a time: enough for the server to commit them in groups."""
PART = 4 * 1024 * 1024
"""Bytes of a large file that are read at a time; a larger file is sent over HTTP."""
_FRAME_OVERHEAD = 16 * 1024
"""Bytes of a frame that are not content: the longest path, the envelope."""
_SILENCE = ClientTimeout(total=None, sock_connect=30, sock_read=300)
"""An upload may take any time, but not without a sign of life."""


@dataclass
class Report:
    """What a transfer did. `failed` and `skipped` are pairs of a path and the reason."""

    files: int = 0
    links: int = 0
    folders: int = 0
    size: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


Progress = Callable[[int], None]
"""Called with the bytes done since the last call."""


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    relative: str
    size: int
    mode: int


@dataclass
class Plan:
    """What there is to import.

    Args:
        folders: paths and modes, parents first.
        links: paths and targets of symbolic links.
        skipped: what cannot be imported, and why.
    """

    folders: list[tuple[str, int]]
    files: list[_Found]
    links: list[tuple[str, str]]
    skipped: list[tuple[str, str]]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(found.size for found in self.files)


def plan_import(source: Path) -> Plan:
    """Looks through a folder on the disk; blocks.

    Raises:
        NotADirectoryError
    """
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder")
    plan = Plan([], [], [], [])
    _scan(source, "", plan)
    return plan


def _scan(folder: Path, relative: str, plan: Plan) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        plan.skipped.append((relative or ".", error.strerror or str(error)))
        return
    for entry in entries:
        path = f"{relative}{entry.name}"
        try:
            path.encode()
        except UnicodeEncodeError:
            plan.skipped.append((os.fsencode(path).decode(errors="replace"), "its name is not UTF-8"))
            continue
        info = entry.stat(follow_symlinks=False)
        mode = stat.S_IMODE(info.st_mode) & MODE_BITS
        if stat.S_ISDIR(info.st_mode):
            plan.folders.append((path, mode))
            _scan(Path(entry.path), path + "/", plan)
        elif stat.S_ISREG(info.st_mode):
            plan.files.append(_Found(Path(entry.path), path, info.st_size, mode))
        elif stat.S_ISLNK(info.st_mode):
            _scan_link(Path(entry.path), path, plan)
        else:
            plan.skipped.append((path, "it is a device, socket or pipe"))


def _scan_link(path: Path, relative: str, plan: Plan) -> None:
    try:
        target = os.readlink(path)
        target.encode()
    except OSError as error:
        plan.skipped.append((relative, error.strerror or str(error)))
    except UnicodeEncodeError:
        plan.skipped.append((relative, "it is a symbolic link to a name that is not UTF-8"))
    else:
        plan.links.append((relative, target))


async def import_plan(server: Connection, plan: Plan, target: str, progress: Progress) -> Report:
    """Writes what was planned below the folder `target`; what is there already is replaced."""
    async with ClientSession(timeout=_SILENCE) as http:
        return await _import(server, http, plan, target, progress)


async def _import(
    server: Connection, http: ClientSession, plan: Plan, target: str, progress: Progress
) -> Report:
    client = server.client
    report = Report(skipped=list(plan.skipped))
    info = await client.call("workspace.info", None, WorkspaceInfo)
    limit = min(info.max_frame - _FRAME_OVERHEAD, PART)
    await _make_folders(client, target, report)
    for relative, mode in plan.folders:
        await _make_folder(client, f"{target}/{relative}", report, mode)

    async def write(found: _Found, path: str) -> int:
        if found.size > limit:
            await _upload(server, http, found, path, progress)
            await client.call("fs.setAttributes", SetAttributesParams(path=path, mode=found.mode), Stat)
            return found.size
        content = await asyncio.to_thread(found.path.read_bytes)
        params = WriteFileParams(path=path, content=content, mode=found.mode)
        await client.call("fs.writeFile", params, Stat)
        progress(len(content))
        return len(content)

    async def send(found: _Found) -> None:
        path = f"{target}/{found.relative}"
        try:
            try:
                size = await write(found, path)
            except RpcError as error:
                if error.kind != "NoPermissions":
                    raise
                await _make_way(client, path)
                size = await write(found, path)
        except (OSError, RpcError, ClientError) as error:
            report.failed.append((found.relative, getattr(error, "message", str(error))))
            return
        report.files += 1
        report.size += size

    async def link(relative: str, leads_to: str) -> None:
        try:
            await _make_link(client, f"{target}/{relative}", leads_to)
        except RpcError as error:
            report.failed.append((relative, error.message))
        else:
            report.links += 1

    await _side_by_side(send(found) for found in plan.files)
    await _side_by_side(link(*pair) for pair in plan.links)
    return report


async def _upload(
    server: Connection, http: ClientSession, found: _Found, path: str, progress: Progress
) -> None:
    """Sends a file over HTTP, a part at a time.

    Raises:
        OSError: it cannot be read, or was changed meanwhile.
        RpcError: the server's answer.
    """

    async def parts() -> AsyncIterator[bytes]:
        left = found.size
        with await asyncio.to_thread(found.path.open, "rb") as file:
            while left and (part := await asyncio.to_thread(file.read, min(PART, left))):
                yield part
                left -= len(part)
                progress(len(part))
        if left:
            raise OSError("it became shorter while it was read; import it again")

    headers = {"Authorization": f"Bearer {server.token()}", "Content-Length": str(found.size)}
    url = rest_client.file_url(server.url, path)
    async with http.put(url, data=parts(), headers=headers) as response:
        await rest_client.check(response)


async def _make_way(client: Client, path: str) -> None:
    """Sees that a link or a read-only file can be replaced."""
    if (await client.call("fs.stat", PathParams(path=path), Stat)).type == "symlink":
        await client.call("fs.delete", DeleteParams(path=path))
    else:
        await client.call("fs.setAttributes", SetAttributesParams(path=path, readonly=False), Stat)


async def _make_link(client: Client, path: str, target: str) -> None:
    params = CreateSymlinkParams(path=path, target=target)
    try:
        await client.call("fs.createSymlink", params, Stat)
    except RpcError as error:
        if error.kind != "FileExists":
            raise
        there = await client.call("fs.stat", PathParams(path=path), Stat)
        if (there.type, there.target) == ("symlink", target):
            return
        if there.readonly:
            await client.call("fs.setAttributes", SetAttributesParams(path=path, readonly=False), Stat)
        # Never recursively: a folder that holds something is not replaced.
        await client.call("fs.delete", DeleteParams(path=path))
        await client.call("fs.createSymlink", params, Stat)


async def export(client: Client, source: str, target: Path, progress: Progress) -> Report:
    """Writes everything below the folder `source` into the folder `target`, which is made if need be.

    Raises:
        FileExistsError: `target` is there and not empty: nothing on the disk is replaced.
    """
    if await asyncio.to_thread(_occupied, target):
        raise FileExistsError(f"{target} is not empty; name a new folder")
    report = Report()

    async def fetch(path: str, info: Stat, to: Path) -> None:
        try:
            written = 0
            with await asyncio.to_thread(to.open, "wb") as file:
                async for part in _parts(client, path, info.size):
                    await asyncio.to_thread(file.write, part)
                    written += len(part)
            await asyncio.to_thread(to.chmod, info.mode)
        except (OSError, RpcError) as error:
            report.failed.append((path, getattr(error, "message", str(error))))
            return
        report.files += 1
        report.size += written
        progress(written)

    folders = [(source, target)]
    links: list[tuple[str, str, Path]] = []
    modes: list[tuple[Path, int]] = []
    while folders:
        path, to = folders.pop()
        await asyncio.to_thread(to.mkdir, parents=True, exist_ok=True)
        report.folders += 1
        prefix = "" if path == "/" else path
        listed = await _list(client, path)
        children = [(f"{prefix}/{child.name}", to / child.name, child.stat) for child in listed]
        folders += [(path, to) for path, to, info in children if info.type == "directory"]
        modes += [(to, info.mode) for _, to, info in children if info.type == "directory"]
        links += [(path, info.target or "", to) for path, to, info in children if info.type == "symlink"]
        await _side_by_side(fetch(path, info, to) for path, to, info in children if info.type == "file")
    # Last, so that nothing is written through a link, nor into a folder that may not be written.
    await asyncio.to_thread(_finish_export, links, modes, report)
    return report


async def _list(client: Client, path: str) -> list[DirectoryEntry]:
    entries: list[DirectoryEntry] = []
    after: str | None = ""
    while after is not None:
        page = await client.call("fs.readDirectory", ReadDirectoryParams(path=path, after=after), Directory)
        entries += page.entries
        after = page.next
    return entries


def _finish_export(links: list[tuple[str, str, Path]], modes: list[tuple[Path, int]], report: Report) -> None:
    """Makes links (path, target and where), and gives folders their modes, the deepest first; blocks."""
    for path, target, to in links:
        try:
            to.symlink_to(target)
            report.links += 1
        except OSError as error:
            report.failed.append((path, error.strerror or str(error)))
    for to, mode in reversed(modes):
        to.chmod(mode)


async def _parts(client: Client, path: str, size: int) -> AsyncIterator[bytes]:
    etag: str | None = None
    for offset in range(0, max(size, 1), PART):
        part = await client.call(
            "fs.readFile", ReadFileParams(path=path, offset=offset, length=PART), FileContent
        )
        if etag not in (None, part.etag):
            raise OSError("it was changed while it was read; export again")
        etag = part.etag
        yield part.content


async def _make_folders(client: Client, path: str, report: Report) -> None:
    parts = path.strip("/").split("/")
    for depth in range(2, len(parts) + 1):
        await _make_folder(client, "/" + "/".join(parts[:depth]), report)


async def _make_folder(client: Client, path: str, report: Report, mode: int | None = None) -> None:
    try:
        await client.call("fs.createDirectory", CreateDirectoryParams(path=path, mode=mode), Stat)
        report.folders += 1
    except RpcError as error:
        if error.kind != "FileExists":
            report.failed.append((path, error.message))


async def _side_by_side(work: Iterator[Coroutine[None, None, None]]) -> None:
    """Runs at most `IN_FLIGHT` at a time, drawing the next when one is done."""

    async def draw() -> None:
        for item in work:
            await item

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(draw())


def _occupied(folder: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(folder.iterdir())
    return False
