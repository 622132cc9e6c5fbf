"""Files of the store as members of a ZIP archive that is made while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from stream_zip import ZIP_AUTO, AsyncMemberFile

from fdb_provider.files.entry import DIRECTORY, SYMLINK, Entry
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope

Members = list[tuple[str, Entry]]
"""Paths relative to the folder that is packed, and what is there."""
REGULAR = 0o100000
_FOLDER = 0o040000
_LINK = 0o120000
LEVEL = 6
"""zlib's own default: 9 takes several times as long for a percent."""


async def zip_members(
    files: FileService, scope: Scope, members: Members, folder: str = ""
) -> AsyncIterator[AsyncMemberFile]:
    """What `async_stream_zip` packs.

    Args:
        folder: the one in the archive that they are put in, with a slash at its end; "" for its top.
    """
    for relative, entry in members:
        path = folder + relative
        changed = datetime.fromtimestamp(entry.mtime / 1000, UTC)
        if entry.kind == DIRECTORY:
            yield path + "/", changed, _FOLDER | entry.mode, ZIP_AUTO(0, level=LEVEL), _nothing()
        elif entry.kind == SYMLINK:
            method = ZIP_AUTO(entry.size, level=LEVEL)
            yield path, changed, _LINK | entry.mode, method, _once(entry.target.encode())
        else:
            method = ZIP_AUTO(entry.size, level=LEVEL)
            yield path, changed, REGULAR | entry.mode, method, files.parts(scope, entry)


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for part in empty:
        yield part


async def _once(part: bytes) -> AsyncIterator[bytes]:
    yield part
