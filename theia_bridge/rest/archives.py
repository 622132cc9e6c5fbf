"""Folders as archives, made while they are sent: of each only a few parts are in memory at a time."""

from __future__ import annotations

import asyncio
import sys
import tarfile
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Literal

from aiohttp import web
from stream_zip import async_stream_zip

from fdb_provider.errors import FileNotFound
from fdb_provider.files.entry import DIRECTORY, SYMLINK
from fdb_provider.files.paths import parse
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope
from theia_bridge.middleware.authentication import USER
from theia_bridge.rest.streaming import attachment, stream
from theia_bridge.state import FILES
from theia_bridge.zips import LEVEL, Members, zip_members

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP = zlib.MAX_WBITS | 16
"""Makes zlib write gzip's header and trailer."""
_PIECE = 256 * 1024
"""Bytes that are collected before they are compressed: headers and small files come in little ones."""

Pack = Callable[[FileService, Scope, Members], AsyncIterable[bytes]]


Format = Literal["zip", "tar", "tar.gz", "tar.zst"]


async def respond(request: web.Request, path: str, archive: Format, names: list[str]) -> web.StreamResponse:
    """A folder as an archive.

    Args:
        names: those of its entries that go in; all without.

    Raises:
        FileNotFound, FileNotADirectory
    """
    content_type, pack = FORMATS[archive]
    files, scope = request.app[FILES], request[USER].scope
    at = parse(path)
    listed = await files.walk(scope, path)
    if names:
        top = {relative for relative, _ in listed if "/" not in relative}
        for name in names:
            if name not in top:
                raise FileNotFound(f"nothing is at {path}/{name}")
        wanted = set(names)
        listed = [(relative, entry) for relative, entry in listed if relative.partition("/")[0] in wanted]
    response = attachment(f"{at.name or at.root}.{archive}", content_type)
    return await stream(request, response, pack(files, scope, listed))


def _zip(files: FileService, scope: Scope, members: Members) -> AsyncIterable[bytes]:
    return async_stream_zip(zip_members(files, scope, members))


async def _tar(files: FileService, scope: Scope, members: Members) -> AsyncIterator[bytes]:
    """A tar file in POSIX.1-2001's format: names and times that the old one has no room for are in PAX
    headers, as UTF-8 and in milliseconds."""
    for path, entry in members:
        info = tarfile.TarInfo(path)
        info.mode = entry.mode
        info.mtime = entry.mtime / 1000
        if entry.kind == DIRECTORY:
            info.type = tarfile.DIRTYPE
        elif entry.kind == SYMLINK:
            info.type = tarfile.SYMTYPE
            info.linkname = entry.target
        else:
            info.size = entry.size
        yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
        if info.size:
            async for part in files.parts(scope, entry):
                yield part
            if rest := info.size % tarfile.BLOCKSIZE:
                yield bytes(tarfile.BLOCKSIZE - rest)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _compressed(pack: Pack, make: Callable[[], tuple[Callable[[bytes], bytes], Callable[[], bytes]]]) -> Pack:
    """The same archive, compressed in a thread, piece by piece."""

    async def packed(files: FileService, scope: Scope, members: Members) -> AsyncIterator[bytes]:
        compress, finish = make()
        pending = bytearray()
        async for part in pack(files, scope, members):
            pending += part
            if len(pending) >= _PIECE:
                piece = bytes(pending)
                pending.clear()
                if out := await asyncio.to_thread(compress, piece):
                    yield out
        yield await asyncio.to_thread(compress, bytes(pending)) + finish()

    return packed


def _gzip() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    compressor = zlib.compressobj(LEVEL, wbits=_GZIP)
    return compressor.compress, compressor.flush


def _zstd() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    compressor = zstd.ZstdCompressor()
    return compressor.compress, compressor.flush


FORMATS: dict[Format, tuple[str, Pack]] = {
    "zip": ("application/zip", _zip),
    "tar": ("application/x-tar", _tar),
    "tar.gz": ("application/gzip", _compressed(_tar, _gzip)),
    "tar.zst": ("application/zstd", _compressed(_tar, _zstd)),
}
"""Content type and maker of each kind of archive."""
