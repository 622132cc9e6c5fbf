"""What callers do with what was deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from fdb_provider import keyspace
from fdb_provider.engine import Database
from fdb_provider.files import content, trash
from fdb_provider.files.entry import Entry
from fdb_provider.files.operation import Kind, Operation
from fdb_provider.files.paths import ROOTS, Location, parse
from fdb_provider.files.trash import Item
from fdb_provider.scope import Scope


class Deleted:
    """The trash of every scope: what was deleted from both of its roots.

    Args:
        run: runs an operation on a folder of any size.
    """

    def __init__(self, db: Database, run: Callable[[Operation], Awaitable[Entry | None]]) -> None:
        self._db = db
        self._run = run

    async def put(
        self, scope: Scope, at: Location, recursive: bool, if_match: str | None, key: str | None
    ) -> None:
        """Moves a file or folder into the trash. Raises as `FileService.delete`."""
        place = trash.place(at, content.now())
        await self._run(Operation(Kind.DISCARD, scope, at, place, recursive, key or "", if_match))

    async def list(self, scope: Scope, limit: int = trash.PAGE) -> list[tuple[str, Item]]:
        """Ids and what they are, at most `limit`, the last deleted first."""
        return await self._db.read(partial(trash.listed, scope=scope, limit=limit))

    async def restore(
        self, scope: Scope, trash_id: str, target: str | None = None, *, overwrite: bool = False
    ) -> tuple[str, Entry]:
        """Moves a deleted thing back to where it was, or to `target`; returns the path and what is there.

        Folders it was in are made again where they are gone. With `overwrite`, what took its name goes into
        the trash.

        Raises:
            RecordNotFound: nothing of that id is in the trash.
            FileExists: the name is taken, without `overwrite`.
            FileNotADirectory: something else is where a folder is needed.
        """
        root, item = await self._db.read(partial(trash.find, scope=scope, trash_id=trash_id))
        at = parse(item.path if target is None else target)
        source = Location(root, "", parse(item.path).name, trash_id)
        entry = await self._run(Operation(Kind.RESTORE, scope, source, at, overwrite, ""))
        assert entry is not None
        return at.path, entry

    async def delete(self, scope: Scope, trash_id: str) -> None:
        """Forgets one deleted thing for good. Raises `RecordNotFound`."""
        await self._db.run(partial(trash.forget, scope=scope, trash_id=trash_id))

    async def empty(self, scope: Scope) -> int:
        """Forgets for good all that was deleted until now; returns how many things."""
        until = content.now() + 1
        count = 0
        for name in ROOTS:
            root = keyspace.root(scope, name)
            forget = partial(trash.forget_until, tenant=scope.tenant, root=root, until=until)
            while forgotten := await self._db.run(forget):
                count += forgotten
        return count
