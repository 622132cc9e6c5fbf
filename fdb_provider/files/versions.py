"""What callers do with the earlier contents of files."""

from __future__ import annotations

from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import FileIsADirectory
from fdb_provider.files import content, history, tree
from fdb_provider.files.changes import Apply
from fdb_provider.files.entry import DIRECTORY, Entry
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.history import Version
from fdb_provider.files.paths import Location, parse
from fdb_provider.files.retention import MOST_VERSIONS, Retention
from fdb_provider.scope import Scope


class Versions:
    """The earlier contents of every scope's files.

    Args:
        change: see `Apply`.
    """

    def __init__(self, db: Database, retention: Retention, change: Apply) -> None:
        self._db = db
        self._retention = retention
        self._change = change

    async def list(self, scope: Scope, path: str) -> list[Version]:
        """The earlier contents of a file that are kept, the newest first.

        Raises:
            FileNotFound, FileIsADirectory
        """
        at = parse(path)
        limit = self._retention.versions or MOST_VERSIONS

        async def body(tr: Reader) -> list[Version]:
            entry = await _file(tr, scope, at)
            return await history.listed(tr, scope.tenant, entry, limit)

        return await self._db.read(body)

    async def read(
        self, scope: Scope, path: str, version: str, offset: int = 0, length: int | None = None
    ) -> tuple[Version, bytes]:
        """An earlier content of a file, as `FileService.read` reads the present one.

        Args:
            version: its `Version.name`.

        Raises:
            RecordNotFound: there is no such version, or it is no longer kept.
            FileNotFound, FileIsADirectory
        """
        at = parse(path)

        async def body(tr: Reader) -> Version:
            return await history.find(tr, scope.tenant, await _file(tr, scope, at), version)

        found = await self._db.read(body)
        start, size = content.clip(found.size, offset, length)
        parts = content.read_parts(self._db, scope.tenant, found.content, start, size)
        return found, b"".join([part async for part in parts])

    async def restore(
        self,
        scope: Scope,
        path: str,
        version: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Entry:
        """Writes an earlier content of a file anew; the present one becomes a version itself.

        Raises:
            RecordNotFound: there is no such version, or it is no longer kept.
            FileNotFound, FileIsADirectory
            NoPermissions: the file is read-only.
        """
        at = parse(path)

        async def body(tr: Transaction, now: int) -> tuple[Entry, list[Change]]:
            old = await _file(tr, scope, at)
            tree.check_match(old, at, if_match)
            tree.check_writable(old, at)
            found = await history.find(tr, scope.tenant, old, version)
            entry = history.revived(tr, scope.tenant, found, now)
            entry = history.supersede(
                tr, scope.tenant, at.path, old, entry, self._retention, now, always=True
            )
            tree.put(tr, scope, at, entry, old)
            return entry, [Change(ChangeType.UPDATED, at.relative)]

        entry = await self._change(scope, at, idempotency_key, body)
        assert isinstance(entry, Entry)
        return entry


async def _file(tr: Reader, scope: Scope, at: Location) -> Entry:
    entry = await tree.get(tr, scope, at)
    if entry.kind == DIRECTORY:
        raise FileIsADirectory(f"{at.path} is a folder")
    return entry
