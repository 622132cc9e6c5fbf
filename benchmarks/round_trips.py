"""How often an operation has to wait for the store, one wait after the other.

It does not depend on the machine, nor on the engine: the reads of a transaction are issued when they are
called, so what counts is which read was issued only after which other had been awaited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

from benchmarks import requests
from benchmarks.figures import Figure, Plan
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.description import Description
from fdb_provider.engine.url import open_database
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope

T = TypeVar("T")
R = TypeVar("R")

_SCOPE = Scope("tenant", "user", "session")


async def measure(plan: Plan) -> list[Figure]:
    """`trips`"""
    database = await open_database(f"embedded:{plan.folder / 'trips'}")
    try:
        counting = _Counting(database)
        files = FileService(counting)
        await files.write(_SCOPE, "/workspace/a.txt", requests.content_of(0))
        path, content = "/workspace/a.txt", requests.content_of(1)
        operations: list[tuple[str, Callable[[], Awaitable[object]], int, int | None]] = [
            ("fs.stat", lambda: files.stat(_SCOPE, path), 1, None),
            ("fs.readFile 4 KiB", lambda: files.read(_SCOPE, path), 2, None),
            ("fs.readDirectory", lambda: files.list_directory(_SCOPE, "/workspace"), 1, None),
            ("fs.writeFile 4 KiB", lambda: files.write(_SCOPE, path, content, idempotency_key="k"), 2, 1),
        ]
        figures: list[Figure] = []
        for name, operation, reads, commits in operations:  # with the most that each may take
            counting.reads = counting.commits = 0
            await operation()
            figures.append(
                Figure(measure="trips", name=f"{name}: reads", unit="", runs=[counting.reads], at_most=reads)
            )
            if commits is not None:
                figures.append(
                    Figure(
                        measure="trips",
                        name=f"{name}: commits",
                        unit="",
                        runs=[counting.commits],
                        at_most=commits,
                    )
                )
        return figures
    finally:
        await database.close()


class _Counting:
    """A database that counts what its callers wait for, one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.counts = database.counts
        self.reads = 0
        self.commits = 0

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        self.commits += 1
        return await self._counted(self._database.run, body)

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        return await self._counted(self._database.read, body)

    async def _counted(self, run: Callable[[Callable[[R], Awaitable[T]]], Awaitable[T]], body: Any) -> T:
        depth = 0

        async def counted(tr: R) -> T:
            nonlocal depth
            watched = _Watched(tr)
            result: T = await body(watched)
            depth = watched.depth
            return result

        result = await run(counted)
        self.reads += depth
        return result

    async def watch(self, key: bytes, seen: bytes | None) -> bytes | None:
        return await self._database.watch(key, seen)

    async def ready(self) -> None:
        await self._database.ready()

    async def describe(self) -> Description:
        return await self._database.describe()

    async def close(self) -> None:
        await self._database.close()


class _Watched:
    """A transaction whose reads know how many others had to end before they were issued."""

    def __init__(self, tr: Any) -> None:
        self._tr = tr
        self.depth = 0

    def get(self, key: bytes, *, snapshot: bool = False) -> _Read[bytes | None]:
        return _Read(self, self._tr.get(key, snapshot=snapshot))

    def get_range(self, *arguments: Any, **options: Any) -> AsyncIterator[tuple[bytes, bytes]]:
        return self._rows(self.depth + 1, self._tr.get_range(*arguments, **options))

    async def _rows(
        self, depth: int, rows: AsyncIterator[tuple[bytes, bytes]]
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        async for row in rows:
            self.depth = max(self.depth, depth)
            yield row
        self.depth = max(self.depth, depth)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tr, name)  # the writes wait for nothing


class _Read(Generic[T]):
    def __init__(self, tr: _Watched, result: Awaitable[T]) -> None:
        self._tr = tr
        self._depth = tr.depth + 1
        self._result = result

    def __await__(self) -> Generator[Any, Any, T]:
        result = yield from self._result.__await__()
        self._tr.depth = max(self._tr.depth, self._depth)
        return result
