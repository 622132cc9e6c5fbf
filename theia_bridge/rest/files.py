"""`/api/v5/files/...`: files and folders as downloads, for the browser's own download manager."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import web
from stream_zip import ZIP_AUTO, AsyncMemberFile, async_stream_zip

from fdb_provider.errors import FileIsADirectory, FileNotFound
from fdb_provider.files import tree
from fdb_provider.files.paths import parse
from fdb_provider.files.service import FileService
from fdb_provider.files.tree import Entry
from fdb_provider.scope import Scope
from theia_bridge.middleware.authentication import USER
from theia_bridge.state import FILES

routes = web.RouteTableDef()

_REGULAR = 0o100000
_FOLDER = 0o040000
_COMPRESSION_LEVEL = 6
"""zlib's own default: 9 takes several times as long for a percent."""


@routes.get("/api/v5/files/{path:.+}", allow_head=False)
async def download(request: web.Request) -> web.StreamResponse:
    """A file; with `?archive=zip` a folder, or those of its entries that `name=` gives, as a zip file."""
    path = "/" + request.match_info["path"]
    match request.query.get("archive"):
        case None:
            return await _file(request, path)
        case "zip":
            return await _archive(request, path, request.query.getall("name", []))
        case other:
            raise web.HTTPBadRequest(text=f"archive={other!r} is not known: it may be `zip`")


async def _file(request: web.Request, path: str) -> web.StreamResponse:
    files, scope = request.app[FILES], request[USER].scope
    entry = await files.stat(scope, path)
    if entry.kind == tree.DIRECTORY:
        raise FileIsADirectory(f"{path} is a folder: add ?archive=zip")
    etag = f'"{entry.etag}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    # Of no type a page could use: a user's script must not pass for one of the server's own.
    response = _attachment(parse(path).name, "application/octet-stream")
    response.content_length = entry.size
    response.headers["ETag"] = etag
    await response.prepare(request)
    async for part in files.parts(scope, entry):
        await response.write(part)
    await response.write_eof()
    return response


async def _archive(request: web.Request, path: str, names: list[str]) -> web.StreamResponse:
    files, scope = request.app[FILES], request[USER].scope
    at = parse(path)
    listed = await files.walk(scope, path)
    top = {relative for relative, _ in listed if "/" not in relative}
    for name in names:
        if name not in top:
            raise FileNotFound(f"nothing is at {path}/{name}")
    chosen = [
        (relative, entry) for relative, entry in listed if not names or relative.partition("/")[0] in names
    ]
    response = _attachment(f"{at.name or at.root}.zip", "application/zip")
    await response.prepare(request)
    async for part in async_stream_zip(_members(files, scope, chosen)):
        await response.write(part)
    await response.write_eof()
    return response


async def _members(
    files: FileService, scope: Scope, entries: list[tuple[str, Entry]]
) -> AsyncIterator[AsyncMemberFile]:
    for path, entry in entries:
        changed = datetime.fromtimestamp(entry.mtime / 1000, UTC)
        if entry.kind == tree.DIRECTORY:
            method = ZIP_AUTO(0, level=_COMPRESSION_LEVEL)
            yield path + "/", changed, _FOLDER | entry.mode, method, _nothing()
        elif entry.kind == tree.FILE:
            method = ZIP_AUTO(entry.size, level=_COMPRESSION_LEVEL)
            yield path, changed, _REGULAR | entry.mode, method, files.parts(scope, entry)


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for part in empty:
        yield part


def _attachment(name: str, content_type: str) -> web.StreamResponse:
    # Always as a download: a user's HTML shown under this origin could act with the user's cookie.
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "private, no-cache",
    }
    response = web.StreamResponse(headers=headers)
    response.content_type = content_type
    return response
