"""Folders too large for one transaction, with transactions so small that nearly every folder is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import (
    DatabaseClosed,
    DirectoryNotEmpty,
    FileError,
    FileExists,
    FileNotFound,
    InvalidPath,
    QuotaExceeded,
    StoreUnavailable,
)
from fdb_provider.files import content, mark, trash, tree, usage
from fdb_provider.files.feed import Change
from fdb_provider.files.paths import NAME_LIMIT, ROOTS
from fdb_provider.files.service import FileService
from fdb_provider.files.steps import Steps
from fdb_provider.models import Limits, new_id
from fdb_provider.scope import Scope
from tests.files.test_model import (
    OPERATIONS,
    Delete,
    Operation,
    Transfer,
    Tree,
    Watcher,
    below,
    outcome,
    references,
    truth,
)
from tests.files.test_service import collected

T = TypeVar("T")

TINY = Steps(page=2, whole=2, entries=2, stall=0.005, patience=20.0)


@pytest.fixture
def scope() -> Scope:
    return Scope(new_id(), new_id(), new_id())


def expected_error(operation: Operation, model: Tree) -> type[Exception] | None:
    """What the operation is refused with, if it is; else the model has it done."""
    before = dict(model)
    try:
        operation.apply(model)
    except FileError as error:
        return type(error)
    if isinstance(operation, Transfer) and operation.source != operation.target:
        sizes = [len(below(before, path)) for path in (operation.source, operation.target)]
        if sizes[1] and max(sizes) > TINY.whole:
            model.clear()
            model.update(before)
            return DirectoryNotEmpty
    return None


async def settled(files: FileService, scope: Scope) -> None:
    """Waits until nothing is left to be tidied up."""
    await files.resume(scope)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=25))
async def test_operations_agree_with_a_dictionary(database: Database, operations: list[Operation]) -> None:
    """As in test_model: results, errors, what is there, what a watcher saw, references and usage."""
    files = FileService(database, steps=TINY)
    scope = Scope(new_id(), new_id(), new_id())
    cursor = (await files.watch(scope, "/workspace")).cursor
    model: Tree = {}
    for operation in operations:
        expected = expected_error(operation, model)
        assert await outcome(operation.run(files, scope)) == expected, operation
        assert dict(await files.walk(scope, "/workspace")).keys() == model.keys()
    assert await truth(files, scope) == model
    await files.write(scope, "/workspace/end", b"")
    watcher = Watcher(files, scope)
    await watcher.follow(cursor, "/workspace/end")
    assert watcher.picture == model | {"end": b""}
    await check_counts(database, files, scope)
    while await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE):
        pass
    assert await truth(files, scope) == model | {"end": b""}
    await check_counts(database, files, scope)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=16), st.lists(OPERATIONS, max_size=6))
async def test_operations_side_by_side_leave_a_tree(
    database: Database, first: list[Operation], then: list[Operation]
) -> None:
    """On two gateways, in whatever order: every entry's folder exists, and every content is counted."""
    gateways = [FileService(database, steps=TINY) for _ in range(2)]
    scope = Scope(new_id(), new_id(), new_id())
    for name in ("a", "b", "a/b", "a/a", "b/a", "b/ab"):
        await gateways[0].create_directory(scope, f"/workspace/{name}")
    for operations in (first, then):
        runs = (outcome(o.run(gateways[i % 2], scope)) for i, o in enumerate(operations))
        await asyncio.gather(*runs)
    found = await truth(gateways[0], scope)
    assert dict(await gateways[0].walk(scope, "/workspace")).keys() == found.keys()
    await check_counts(database, gateways[0], scope)


async def check_counts(database: Database, files: FileService, scope: Scope) -> None:
    """References of contents and usage are what a recount finds, and nothing is left behind."""
    await settled(files, scope)
    kept = await database.read(lambda tr: usage.read(tr, scope))
    items = await database.read(lambda tr: trash.listed(tr, scope, 100))
    counts: Counter[bytes] = Counter()
    owners: dict[usage.Owner, str] = {"session": "workspace", "user": "home"}
    for owner, name in owners.items():
        entries = [entry for _, entry in await files.walk(scope, f"/{name}")]
        for trash_id, item in items:
            prefix = keyspace.entries(keyspace.trashed(keyspace.root(scope, name), trash_id))
            deleted = [tree.decode(value) for _, value in await rows_of(database, prefix)]
            assert len(deleted) in (0, item.entries)
            entries += deleted
        counts.update(entry.sha256 for entry in entries if entry.sha256 not in (b"", content.EMPTY))
        assert kept[owner] == (sum(entry.size for entry in entries), len(entries))
    assert await references(database, scope) == counts
    roots = [keyspace.root(scope, name) for name in ROOTS]

    async def remains(tr: Reader) -> list[bytes]:
        found: list[bytes] = []
        for root in roots:
            keys = [keyspace.intent(root), keyspace.intent_progress(root)]
            found += [key for key in keys if await tr.get(key) is not None]
            found += [key async for key, _ in tr.get_range(*keyspace.range_of(keyspace.discarded(root)))]
            rows = tr.get_range(*keyspace.range_of(keyspace.entries(root)))
            found += [key async for key, value in rows if value[0] == mark.MARK]
        return found

    assert await database.read(remains) == []


async def rows_of(database: Database, prefix: bytes) -> list[tuple[bytes, bytes]]:
    async def body(tr: Reader) -> list[tuple[bytes, bytes]]:
        return [row async for row in tr.get_range(*keyspace.range_of(prefix))]

    return await database.read(body)


class Hooked:
    """A database in which something happens before each transaction that may write."""

    def __init__(self, database: Database, before: Callable[[int], Awaitable[None]]) -> None:
        self._database = database
        self._before = before
        self.runs = 0

    async def run(self, body: Callable[[Transaction], Awaitable[T]], **options: Any) -> T:
        self.runs += 1
        await self._before(self.runs)
        return await self._database.run(body, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class Dead(DatabaseClosed):
    """What a gateway gets from its database once it has died."""


FOLDERS = ["d", "d/sub", "d/sub/deep", "d/sub-", "empty", "elsewhere"]
FILES = {
    "d/a": b"shared",
    "d/b": b"own",
    "d/sub/a": b"shared",
    "d/sub/deep/z": b"",
    "d/sub-/c": b"large" * 20_000,
    "other": b"shared",
}


@dataclass(frozen=True)
class Large:
    """An operation on the large folder `d`, and what it leaves."""

    name: str
    run: Callable[[FileService, Scope], Awaitable[object]]
    apply: Callable[[Tree], None]
    home: bool = False

    def __repr__(self) -> str:
        return self.name


def moved(target: str, keep: bool = False) -> Callable[[Tree], None]:
    return Transfer("d", target, True, keep).apply


def transfer(act: str, target: str) -> Callable[[FileService, Scope], Awaitable[object]]:
    def run(files: FileService, scope: Scope) -> Awaitable[object]:
        transfers = {"move": files.rename, "copy": files.copy}
        return transfers[act](scope, "/workspace/d", target, overwrite=True, idempotency_key="once")

    return run


def delete(files: FileService, scope: Scope) -> Awaitable[object]:
    return files.delete(scope, "/workspace/d", recursive=True, idempotency_key="once")


def discard(files: FileService, scope: Scope) -> Awaitable[object]:
    return files.delete(scope, "/workspace/d", recursive=True, to_trash=True, idempotency_key="once")


LARGE = [
    Large("move", transfer("move", "/workspace/e"), moved("e")),
    Large("move-in", transfer("move", "/workspace/elsewhere/e"), moved("elsewhere/e")),
    Large("move-onto-folder", transfer("move", "/workspace/empty"), moved("empty")),
    Large("move-onto-file", transfer("move", "/workspace/other"), moved("other")),
    Large("move-home", transfer("move", "/home/d"), Delete("d", True).apply, home=True),
    Large("copy", transfer("copy", "/workspace/e"), moved("e", keep=True)),
    Large("copy-onto-folder", transfer("copy", "/workspace/empty"), moved("empty", keep=True)),
    Large("copy-home", transfer("copy", "/home/d"), lambda model: None, home=True),
    Large("delete", delete, Delete("d", True).apply),
    Large("discard", discard, Delete("d", True).apply),
]


async def prepare(database: Database, scope: Scope) -> Tree:
    files = FileService(database)
    for folder in FOLDERS:
        await files.create_directory(scope, f"/workspace/{folder}")
    for path, data in FILES.items():
        await files.write(scope, f"/workspace/{path}", data)
    return dict.fromkeys(FOLDERS) | FILES


async def picture(files: FileService, scope: Scope) -> tuple[Tree, Tree]:
    """Workspace and home as one walk and one look at each name shows them; both have to agree."""
    found: list[Tree] = []
    for root in ("workspace", "home"):
        seen = await truth(files, scope, f"/{root}")
        seen = {path.removeprefix("/home/"): data for path, data in seen.items()}
        assert dict(await files.walk(scope, f"/{root}")).keys() == seen.keys()
        found.append(seen)
    return found[0], found[1]


def pictures(operation: Large, before: Tree) -> list[tuple[Tree, Tree]]:
    """What may be seen: before it, and after it."""
    after = dict(before)
    operation.apply(after)
    home = {path: data for path, data in before.items() if path == "d" or path.startswith("d/")}
    return [(before, {}), (after, home if operation.home else {})]


@pytest.mark.parametrize("operation", LARGE, ids=repr)
async def test_nobody_ever_sees_a_half(database: Database, scope: Scope, operation: Large) -> None:
    """Before each transaction of it, everything is as before or as after, and nothing else can be reached."""
    legal = pictures(operation, await prepare(database, scope))
    others = [FileService(database), FileService(database, steps=TINY)]
    names = {f"/workspace/{path}" for workspace, _ in legal for path in workspace}
    names |= {f"/home/{path}" for _, home in legal for path in home}
    seen: list[int] = []

    async def look(_: int) -> None:
        for other in others:
            now = await picture(other, scope)
            assert now in legal
            seen.append(legal.index(now))
            there = {f"/workspace/{path}" for path in now[0]} | {f"/home/{path}" for path in now[1]}
            for path in names - there:
                for call in (other.stat, other.list_directory, other.walk, other.read):
                    with pytest.raises(FileNotFound):
                        await call(scope, path)

    hooked: Any = Hooked(database, look)
    mover = FileService(hooked, steps=TINY)
    await operation.run(mover, scope)
    await settled(mover, scope)
    await look(0)
    assert seen == sorted(seen)
    assert set(seen) == {0, 1}
    assert hooked.runs > 6
    await check_counts(database, mover, scope)


@pytest.mark.parametrize("operation", LARGE, ids=repr)
async def test_a_gateway_that_dies_is_taken_over(database: Database, operation: Large) -> None:
    """Whichever transaction is its last: another one brings it to its end, and knows what was answered."""
    expected = await told_once(database, operation)
    finished = False
    last = 0
    while not finished:
        scope = Scope(new_id(), new_id(), new_id())
        legal = pictures(operation, await prepare(database, scope))

        async def die(run: int, last: int = last) -> None:
            if run > last:
                raise Dead("dead")

        cursor = (await FileService(database).watch(scope, "/workspace")).cursor
        dying: Any = Hooked(database, die)
        gateway = FileService(dying, steps=TINY)
        try:
            await operation.run(gateway, scope)
            await settled(gateway, scope)
            finished = True
        except Dead:
            pass
        other = FileService(database, steps=TINY)
        assert await picture(other, scope) in legal
        await settled(other, scope)
        # One run is the small attempt, the next one begins the intent.
        assert await picture(other, scope) == legal[last >= 2]
        await check_counts(database, other, scope)
        await operation.run(other, scope)
        assert await picture(other, scope) == legal[1]
        await check_counts(database, other, scope)
        await other.write(scope, "/workspace/end", b"")
        told = await collected(await other.watch(scope, "/workspace", cursor=cursor), "/workspace/end")
        assert told == expected
        last += 1
    assert last > 6


async def told_once(database: Database, operation: Large) -> list[Change]:
    """What a watcher is told of it when nothing goes wrong and the folder is not too large."""
    scope = Scope(new_id(), new_id(), new_id())
    await prepare(database, scope)
    files = FileService(database)
    watch = await files.watch(scope, "/workspace")
    await operation.run(files, scope)
    await files.write(scope, "/workspace/end", b"")
    return await collected(watch, "/workspace/end")


async def test_the_rest_of_the_root_stays_writable(database: Database, scope: Scope) -> None:
    """What concerns the folder waits until it is done, and is refused when that takes too long."""
    await prepare(database, scope)
    other = FileService(database, steps=Steps(patience=0.05, stall=60))
    patient = FileService(database, steps=Steps(stall=60))
    waiting: list[asyncio.Task[Any]] = []

    async def intrude(run: int) -> None:
        if run != 4:
            return
        for path in ("free", "elsewhere/free"):
            await other.write(scope, f"/workspace/{path}", b"")
        refused: list[Awaitable[object]] = [
            other.write(scope, "/workspace/d/new", b""),
            other.write(scope, "/workspace/d/sub/a", b""),
            other.create_directory(scope, "/workspace/e"),
            other.create_directory(scope, "/workspace/e/x"),
            other.delete(scope, "/workspace/d/a"),
            other.delete(scope, "/workspace/d", recursive=True),
            other.rename(scope, "/workspace/d/b", "/workspace/b"),
            other.rename(scope, "/workspace/empty", "/workspace/d/sub/empty"),
            other.copy(scope, "/workspace/d", "/workspace/f"),
        ]
        for change in refused:
            with pytest.raises(StoreUnavailable, match="/workspace/d is being moved to /workspace/e"):
                await change
        waiting.append(asyncio.create_task(patient.write(scope, "/workspace/e/new", b"")))
        waiting.append(asyncio.create_task(patient.delete(scope, "/workspace/d/a")))
        await asyncio.sleep(0)

    hooked: Any = Hooked(database, intrude)
    mover = FileService(hooked, steps=TINY)
    await mover.rename(scope, "/workspace/d", "/workspace/e")
    await waiting[0]
    with pytest.raises(FileNotFound):
        await waiting[1]
    assert {"free", "elsewhere/free", "e/new"} < (await truth(mover, scope)).keys()
    await check_counts(database, mover, scope)


@pytest.mark.parametrize("act", ["rename", "copy"])
async def test_what_turns_out_to_be_impossible_is_undone(database: Database, scope: Scope, act: str) -> None:
    """A path that becomes too long in the middle; a quota that is exceeded at the end."""
    limits = Limits(user_files=3)
    files = FileService(database, limits, steps=TINY)
    before = await prepare(database, scope)
    long = "n" * NAME_LIMIT
    path = "/workspace/d/sub"
    for _ in range(10):
        path += f"/{long}"
        before[path.removeprefix("/workspace/")] = None
        await files.create_directory(scope, path)
    deep = "/workspace/" + long
    before[long] = None
    await files.create_directory(scope, deep)
    for _ in range(6):
        deep += f"/{long}"
        before[deep.removeprefix("/workspace/")] = None
        await files.create_directory(scope, deep)
    transfer = getattr(files, act)
    with pytest.raises(InvalidPath):
        await transfer(scope, "/workspace/d", f"{deep}/d")
    assert await picture(files, scope) == (before, {})
    await check_counts(database, files, scope)
    with pytest.raises(QuotaExceeded):
        await transfer(scope, "/workspace/d", "/home/d")
    assert await picture(files, scope) == (before, {})
    await check_counts(database, files, scope)


async def test_a_large_folder_neither_replaces_nor_is_replaced(database: Database, scope: Scope) -> None:
    files = FileService(database, steps=TINY)
    before = await prepare(database, scope)
    await files.write(scope, "/workspace/elsewhere/f", b"")
    before["elsewhere/f"] = b""
    for act in (files.rename, files.copy):
        for source, target in (("d", "elsewhere"), ("elsewhere", "d"), ("other", "d")):
            with pytest.raises(DirectoryNotEmpty):
                await act(scope, f"/workspace/{source}", f"/workspace/{target}", overwrite=True)
            with pytest.raises(FileExists):
                await act(scope, f"/workspace/{source}", f"/workspace/{target}")
    assert await picture(files, scope) == (before, {})
    await check_counts(database, files, scope)


async def test_one_operation_asked_for_twice_at_once(database: Database, scope: Scope) -> None:
    """As by a client that has lost its connection and sends it again, to another gateway."""
    legal = pictures(LARGE[0], await prepare(database, scope))
    gateways = [FileService(database, steps=TINY) for _ in range(2)]
    answers = await asyncio.gather(*(LARGE[0].run(gateways[i % 2], scope) for i in range(4)))
    assert len(set(answers)) == 1
    assert await picture(gateways[0], scope) == legal[1]
    await check_counts(database, gateways[0], scope)
