"""What callers do with what was deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from fdb_provider import keyspace
from fdb_provider.engine import Database
from fdb_provider.errors import RecordNotFound
from fdb_provider.files import content, once, trash
from fdb_provider.files.changes import Answer, Emptied, Restored
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

    def __init__(self, db: Database, run: Callable[[Operation], Awaitable[Answer]]) -> None:
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
        self,
        scope: Scope,
        trash_id: str,
        target: str | None = None,
        *,
        overwrite: bool = False,
        idempotency_key: str | None = None,
    ) -> tuple[str, Entry]:
        """Moves a deleted thing back to where it was, or to `target`; returns the path and what is there.

        Folders it was in are made again where they are gone. With `overwrite`, what took its name goes into
        the trash.

        Raises:
            RecordNotFound: nothing of that id is in the trash.
            FileExists: the name is taken, without `overwrite`.
            FileNotADirectory: something else is where a folder is needed.
        """
        try:
            root, item = await self._db.read(partial(trash.find, scope=scope, trash_id=trash_id))
        except RecordNotFound:
            # Where it went is not known without the item, so that its answer may be in either root.
            roots = [keyspace.root(scope, name) for name in ROOTS]
            answer = await once.answered(self._db, roots, idempotency_key) if idempotency_key else None
            if not isinstance(answer, Restored):
                raise
        else:
            at = parse(item.path if target is None else target)
            source = Location(root, "", parse(item.path).name, trash_id)
            key = idempotency_key or ""
            answer = await self._run(Operation(Kind.RESTORE, scope, source, at, overwrite, key))
            assert isinstance(answer, Restored)
        return answer.path, answer.entry

    async def delete(self, scope: Scope, trash_id: str, *, idempotency_key: str | None = None) -> None:
        """Forgets one deleted thing for good. Raises `RecordNotFound`."""
        forget = partial(trash.forget, scope=scope, trash_id=trash_id)
        await once.run(self._db, _answers(scope), idempotency_key, forget)

    async def empty(self, scope: Scope, *, idempotency_key: str | None = None) -> int:
        """Forgets for good all that was deleted until now; returns how many things."""
        until: int | None = None
        count = step = 0
        while True:
            # Each step has an answer of its own, so that a repetition takes up where the first one ended.
            key = idempotency_key and f"{idempotency_key}/{step}"
            forget = partial(trash.empty, scope=scope, until=until)
            emptied = await once.run(self._db, _answers(scope), key, forget)
            assert isinstance(emptied, Emptied)
            count += emptied.items
            if emptied.ended:
                return count
            until, step = emptied.until, step + 1


def _answers(scope: Scope) -> bytes:
    """The root that keeps the answers of changes of the trash, which is that of both roots."""
    return keyspace.root(scope, "workspace")
