"""A commit whose result is not known is applied once, whatever the file system was doing.

FoundationDB then runs the body again (`commit_unknown_result`). A change recognises that it was made by
its idempotency key; for one without, the engine leaves a mark.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.files import feed
from fdb_provider.files.feed import Change
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from tests import fdbserver
from tests.files.test_large import TINY, check_counts, expected_error
from tests.files.test_model import OPERATIONS, Operation, Tree, outcome, truth

if TYPE_CHECKING:
    from fdb_provider.engine.fdb_binding import Handle

T = TypeVar("T")


class Keyed(FileService):
    """Gives every change an idempotency key of its own, as the IDE does."""

    async def write(self, *given: Any, **options: Any) -> Any:
        return await super().write(*given, idempotency_key=new_id(), **options)

    async def create_directory(self, *given: Any, **options: Any) -> Any:
        return await super().create_directory(*given, idempotency_key=new_id(), **options)

    async def delete(self, *given: Any, **options: Any) -> Any:
        return await super().delete(*given, idempotency_key=new_id(), **options)

    async def rename(self, *given: Any, **options: Any) -> Any:
        return await super().rename(*given, idempotency_key=new_id(), **options)

    async def copy(self, *given: Any, **options: Any) -> Any:
        return await super().copy(*given, idempotency_key=new_id(), **options)


class Repeating:
    """A database in which every body that says it may be run again is, after it was committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.repeated = 0

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        result = await self._database.run(body, repeatable=repeatable)
        if not repeatable:
            return result
        self.repeated += 1
        return await self._database.run(body, repeatable=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def changes(
    files: FileService, database: Database, scope: Scope, operations: list[Operation]
) -> list[Change]:
    """Does them all, checks what came of it, and returns what watchers are told."""
    root = keyspace.root(scope, "workspace")
    cursor = await feed.position(database, root)
    model: Tree = {}
    for operation in operations:
        expected = expected_error(operation, model)
        assert await outcome(operation.run(files, scope)) == expected, operation
    assert await truth(files, scope) == model
    await check_counts(database, files, scope)
    return [change async for change in feed.since(database, root, cursor)]


def a_scope() -> Scope:
    return Scope(new_id(), new_id(), new_id())


OFTEN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@OFTEN
@given(st.lists(OPERATIONS, max_size=15))
async def test_a_change_recognises_itself(database: Database, operations: list[Operation]) -> None:
    """Run twice by the engine it is made once: in the tree, in every count, and in the feed."""
    plain = Keyed(database, steps=TINY)
    expected = await changes(plain, database, a_scope(), operations)
    repeating: Any = Repeating(database)
    files = Keyed(repeating, steps=TINY)
    assert await changes(files, database, a_scope(), operations) == expected
    assert repeating.repeated >= len(expected) // 2


@pytest.mark.fdb
@OFTEN
@given(st.lists(OPERATIONS, max_size=10), st.booleans())
async def test_every_commit_of_unknown_result(
    fdb_cluster: Path, operations: list[Operation], keyed: bool
) -> None:
    """Each commit on FoundationDB is made and reported as unknown, with and without idempotency keys."""
    async with unsure(fdb_cluster) as database:
        kind = Keyed if keyed else FileService
        database.unsure = False
        expected = await changes(kind(database, steps=TINY), database, a_scope(), operations)
        database.unsure = True
        assert await changes(kind(database, steps=TINY), database, a_scope(), operations) == expected


@asynccontextmanager
async def unsure(cluster: Path) -> AsyncIterator[Any]:
    """A database that, while it is `unsure`, says after the first commit of each transaction that its result
    is not known."""
    from fdb_provider.engine.fdb_binding import FDBError
    from fdb_provider.engine.foundationdb import FoundationDatabase

    class Unsure(FoundationDatabase):
        unsure = False
        told: list[Handle] = []  # noqa: RUF012 - one database at a time

        async def _commit(self, handle: Handle) -> None:
            await super()._commit(handle)
            if self.unsure and not any(handle is other for other in self.told):
                self.told.append(handle)
                raise FDBError(1021)

    fdbserver.empty(cluster)
    database = await Unsure.open(cluster)
    try:
        yield database
    finally:
        await database.close()
