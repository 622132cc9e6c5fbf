"""Copies of whole workspaces, made while these are written to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import DatabaseClosed, FileError, QuotaExceeded, StoreUnavailable
from fdb_provider.files import content, doomed, roots, usage
from fdb_provider.files import fork as fork_module
from fdb_provider.files.service import FileService
from fdb_provider.fsck.check import check
from fdb_provider.models import Limits, WorkspaceSession, new_id
from fdb_provider.repositories import accounts, workspace_sessions
from fdb_provider.scan import parts
from fdb_provider.scope import Scope
from fdb_provider.store import open_store
from tests.files.conftest import KEEPING, Clock, sweep
from tests.files.test_large import (
    FILES,
    LARGE,
    TINY,
    Hooked,
    Large,
    expected_error,
    pictures,
    prepare,
    rows_of,
    settled,
)
from tests.files.test_model import Delete, Make, Operation, Transfer, Tree, Write, outcome, truth

T = TypeVar("T")


class Watched:
    """A database in which something happens before each transaction, reading or writing."""

    def __init__(self, database: Database, before: Callable[[], Awaitable[object]]) -> None:
        self._database = database
        self._before = before

    async def run(self, body: Callable[[Transaction], Awaitable[T]], **options: Any) -> T:
        await self._before()
        return await self._database.run(body, **options)

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        await self._before()
        return await self._database.read(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def watched(database: Database, before: Callable[[], Awaitable[object]]) -> Any:
    return Watched(database, before)


async def registered(database: Database) -> Scope:
    """An account with an empty session."""
    new = accounts.registration(f"{new_id()}@example.com", "Ada", "hash")
    await database.run(lambda tr: accounts.register(tr, new))
    return new.scope


@pytest.fixture
async def scope(database: Database) -> Scope:
    return await registered(database)


async def fork(files: FileService, scope: Scope) -> Scope:
    """Copies the scope's session into a new one."""
    session = new_id()

    async def finish(tr: Transaction, now: int) -> Scope:
        await workspace_sessions.create(
            tr, scope.tenant, WorkspaceSession(session, scope.user, "fork", created_at=now, used_at=now)
        )
        return Scope(scope.tenant, scope.user, session)

    return await files.fork(scope, session, finish)


async def assert_clean(database: Database) -> None:
    """Names, contents, references and usage agree with each other."""
    report = await check(database)
    assert (report.found, report.unjudged) == ([], [])


FOLDERS = ["a", "b", "a/a", "a/b", "b/a"]
NAMED = ["ab", "a/0", "a/z", "a/a/0", "a/a/z", "a/b/0", "a-", "b/a/0", "b/a/z", "b/0"]
FULL: list[Operation] = [
    *(Make(path) for path in FOLDERS),
    *(Write(path, path.encode(), True, True) for path in NAMED),
]
MEANWHILE: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        Write, st.sampled_from(NAMED), st.sampled_from([b"", b"x", b"shared"]), st.just(True), st.just(True)
    ),
    st.builds(Delete, st.sampled_from([*FOLDERS, *NAMED]), st.just(True)),
    st.builds(Make, st.sampled_from(FOLDERS)),
    st.builds(Transfer, st.sampled_from("abc"), st.sampled_from("abc"), st.just(False), st.booleans()),
    st.builds(
        Transfer,
        st.sampled_from([*FOLDERS, *NAMED]),
        st.sampled_from([*FOLDERS, *NAMED, "new"]),
        st.just(True),
        st.booleans(),
    ),
)


CHANGES = st.lists(MEANWHILE, min_size=5, max_size=30)
TURNS = st.lists(st.sampled_from([0, 0, 0, 1, 4, 15]), min_size=1, max_size=10)
PAGES = st.sampled_from([1, 2, 5])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, TURNS, PAGES)
async def test_a_fork_is_what_its_parent_was_at_one_instant(
    database: Database, meanwhile: list[Operation], turns: list[int], page: int
) -> None:
    """Whatever is done to the parent meanwhile, in transactions of its own among those of the fork."""
    await check_fork(database, meanwhile, turns, page)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, TURNS, PAGES)
async def test_the_same_more_often(
    embedded: Database, meanwhile: list[Operation], turns: list[int], page: int
) -> None:
    await check_fork(embedded, meanwhile, turns, page)


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_store(f"embedded:{tmp_path / 'store'}")
    yield database
    await database.close()


async def check_fork(database: Database, meanwhile: list[Operation], turns: list[int], page: int) -> None:
    """
    Args:
        meanwhile: what is done to the parent.
        turns: how many transactions of that are let through before each transaction of the fork; over again
            behind the last.
        page: names that the fork takes on at a time.
    """
    scope = await registered(database)
    model: Tree = {}
    for operation in FULL:
        assert expected_error(operation, model) is None
        await operation.run(FileService(database), scope)
    states = [dict(model)]
    gate = asyncio.Semaphore(0)
    writer = FileService(watched(database, gate.acquire), steps=TINY)

    async def write() -> None:
        for operation in meanwhile:
            expected = expected_error(operation, model)
            states.append(dict(model))
            assert await outcome(operation.run(writer, scope)) == expected, operation

    numbers = itertools.cycle(turns)

    async def let_through() -> None:
        for _ in range(next(numbers)):
            gate.release()
            while not gate.locked() and not writing.done():  # noqa: ASYNC110 - a semaphore tells no more
                await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    steps = replace(TINY, page=page, entries=page, whole=page)
    made = await fork(FileService(watched(database, let_through), steps=steps), scope)
    for _ in range(10_000):
        gate.release()
    await writing
    files = FileService(database, steps=TINY)
    copy = await truth(files, made)
    assert copy in states
    # It is a workspace like any other.
    await files.write(made, "/workspace/own", b"own")
    assert await truth(files, scope) == model
    while await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE):
        pass
    assert await truth(files, made) == copy | {"own": b"own"}
    await assert_clean(database)


async def test_a_fork_never_shows_half_of_what_is_written_in_order(database: Database, scope: Scope) -> None:
    """A writer that keeps two files equal, one always first, with many others between them."""
    files = FileService(database)
    for folder in ("a", "m", "z"):
        await files.create_directory(scope, f"/workspace/{folder}")
    for i in range(30):
        await files.write(scope, f"/workspace/m/{i}", b"%d" % i)
    first, second = "/workspace/z/first", "/workspace/a/second"
    written = asyncio.Event()
    ended = False

    async def write() -> int:
        for i in itertools.count():
            for path in (first, second):
                await files.write(scope, path, b"%d" % i)
            written.set()
            if ended:
                return i
        raise AssertionError

    writer = asyncio.create_task(write())
    await written.wait()
    seen: list[int] = []
    for _ in range(4):
        for forker in (files, FileService(database, steps=TINY)):
            made = await fork(forker, scope)
            one, other = [int((await files.read(made, path))[1]) for path in (first, second)]
            assert one - other in (0, 1)
            seen.append(one)
    ended = True
    assert seen == sorted(seen)
    assert seen[-1] <= await writer
    assert seen[0] < seen[-1], "nothing was written meanwhile"


async def test_a_large_folder_that_moves_meanwhile(database: Database, scope: Scope) -> None:
    """The same where the two files are at both ends of a folder that must be read anew in many parts."""
    writer = FileService(database)
    await writer.create_directory(scope, "/workspace/m")
    for i in range(20):
        await writer.write(scope, f"/workspace/m/{i}", b"")

    async def steps() -> AsyncIterator[int]:
        folder = "m"
        for i in itertools.count():
            if i in (3, 20):
                other = "n" if folder == "m" else "m"
                await writer.rename(scope, f"/workspace/{folder}", f"/workspace/{other}")
                folder = other
            for name in ("0-first", "z-second"):
                await writer.write(scope, f"/workspace/{folder}/{name}", b"%d" % i)
                yield i

    step = steps()
    await anext(step), await anext(step)
    made = await fork(FileService(watched(database, lambda: anext(step)), steps=TINY), scope)
    (folder,) = await writer.list_directory(made, "/workspace")
    names = dict(await writer.list_directory(made, f"/workspace/{folder[0]}"))
    assert len(names) == 22
    one, other = [
        int((await writer.read(made, f"/workspace/{folder[0]}/{name}"))[1])
        for name in ("0-first", "z-second")
    ]
    assert one - other in (0, 1)
    assert one > 20
    await assert_clean(database)


@pytest.mark.parametrize("operation", LARGE[:8], ids=repr)
async def test_a_fork_shows_no_half_of_a_large_change(
    database: Database, scope: Scope, operation: Large
) -> None:
    """Made before each of its transactions, and of the tidying up behind it."""
    legal = [workspace for workspace, _ in pictures(operation, await prepare(database, scope))]
    files = FileService(database)
    seen: list[int] = []

    async def look(run: int) -> None:
        forker = FileService(database, steps=TINY) if run % 2 else files
        seen.append(legal.index(await truth(files, await fork(forker, scope))))

    hooked: Any = Hooked(database, look)
    mover = FileService(hooked, steps=TINY)
    await operation.run(mover, scope)
    await settled(mover, scope)
    assert seen == sorted(seen)
    await assert_clean(database)


async def test_what_a_fork_takes_over(database: Database, scope: Scope, clock: Clock) -> None:
    """Names, contents, links, modes and times; not the history, not the trash."""
    files = FileService(database, retention=KEEPING)
    await files.write(scope, "/workspace/kept", b"one", mode=0o755)
    clock.pass_by(1000)
    await files.write(scope, "/workspace/kept", b"two")
    await files.create_symlink(scope, "/workspace/link", "kept")
    await files.write(scope, "/workspace/gone", b"gone")
    await files.delete(scope, "/workspace/gone", to_trash=True)
    await files.write(scope, "/home/shared", b"")
    clock.pass_by(1000)
    made = await fork(files, scope)
    for path in ("kept", "link"):
        old, new = [await files.stat(one, f"/workspace/{path}") for one in (scope, made)]
        same = ("kind", "size", "ctime", "mtime", "mode", "sha256", "target")
        assert [getattr(old, name) for name in same] == [getattr(new, name) for name in same]
        assert old.etag != new.etag
    assert await files.history.list(made, "/workspace/kept") == []
    assert len(await files.history.list(scope, "/workspace/kept")) == 1
    assert [item.path for _, item in await files.trash.list(scope)] == ["/workspace/gone"]
    assert await files.trash.list(made) == []
    assert await files.stat(made, "/home/shared") == await files.stat(scope, "/home/shared")
    watch = await files.watch(made, "/workspace")
    await files.write(made, "/workspace/kept", b"three")
    async for _, changes in watch:
        assert [change.path for change in changes] == ["/workspace/kept"]
        break
    assert (await files.read(scope, "/workspace/kept"))[1] == b"two"


class Dead(DatabaseClosed):
    """What a gateway gets from its database once it has died."""


async def test_a_fork_that_is_cut_off_leaves_nothing(database: Database, clock: Clock) -> None:
    """Whichever transaction is its last."""
    finished = False
    last = 0
    while not finished:
        scope = await registered(database)
        await prepare(database, scope)
        left = last

        async def die() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Dead("dead")

        try:
            await fork(FileService(watched(database, die), steps=replace(TINY, page=5, entries=5)), scope)
            finished = True
        except Dead:
            pass
        await assert_clean(database)  # what is half done is nothing wrong
        clock.pass_by(roots.LEASE + 1)
        files = FileService(database, steps=TINY)
        await sweep(files, scope, clock.now)
        await assert_clean(database)
        sessions = await workspaces(database, scope)
        assert len(sessions) == 1 + finished
        last += 1
    assert last > 8


async def test_a_fork_that_slept_for_too_long_stays_given_up(database: Database, clock: Clock) -> None:
    """Whichever transaction it slept before: what another gateway has collected is not written to again."""
    slept = True
    last = 4  # the first one behind that which makes the new root known
    while slept:
        scope = await registered(database)
        await prepare(database, scope)
        files = FileService(database)
        left = last

        async def sleep(scope: Scope = scope, files: FileService = files) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                clock.pass_by(roots.LEASE + 1)
                await sweep(files, scope, clock.now)

        steps = replace(TINY, page=5, entries=5)
        made = fork(FileService(watched(database, sleep), steps=steps), scope)
        (end,) = await asyncio.gather(made, return_exceptions=True)
        slept = left <= 0
        assert isinstance(end, StoreUnavailable if slept else Scope)
        await sweep(files, scope, clock.now)
        assert len(await workspaces(database, scope)) == 1 + (not slept)
        await assert_clean(database)
        last += 1
    assert last > 8


async def workspaces(database: Database, scope: Scope) -> set[str]:
    """The sessions under which anything is kept."""
    found = parts(database, keyspace.roots(scope.tenant, "session"))
    return {keyspace.unpack(part)[0] async for part in found}


async def test_a_fork_that_cannot_be_finished_is_undone(database: Database, scope: Scope) -> None:
    await prepare(database, scope)
    files = FileService(database, steps=TINY)

    async def refuse(tr: Transaction, now: int) -> None:
        raise FileError("no")

    with pytest.raises(FileError, match="no"):
        await files.fork(scope, new_id(), refuse)
    await assert_clean(database)
    await sweep(files, scope)
    assert await workspaces(database, scope) == {scope.session}


@pytest.mark.parametrize("late", [False, True])
async def test_a_fork_keeps_to_the_quota(database: Database, scope: Scope, late: bool) -> None:
    """Also when it was reached while the copy was made."""
    names = len(await prepare(database, scope))
    intruder = FileService(database)
    more = iter([b"", b""])

    async def intrude() -> None:
        for data in more:
            await intruder.write(scope, f"/home/{new_id()}", data)

    most = Limits(tenant_files=2 * names + 1 if late else 2 * names - 1)
    files = FileService(watched(database, intrude) if late else database, most)
    with pytest.raises(QuotaExceeded, match="tenant"):
        await fork(files, scope)
    await assert_clean(database)
    made = await fork(FileService(database, Limits(tenant_files=2 * names + 2)), scope)
    used, _ = await intruder.usage(made)
    assert used["session"] == usage.Usage(sum(map(len, FILES.values())), names)


async def test_a_parent_that_cannot_be_caught_up_with(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes more in each moment than is read in it, for ever."""
    monkeypatch.setattr(fork_module, "ROUNDS", 5)
    writer = FileService(database)
    await writer.create_directory(scope, "/workspace/a")
    for name in "abc":
        await writer.write(scope, f"/workspace/a/{name}", b"")
    numbers = itertools.count()

    async def intrude() -> None:
        await writer.rename(scope, f"/workspace/{_folder(numbers)}", f"/workspace/{_folder(numbers)}")

    def _folder(numbers: itertools.count[int]) -> str:
        return "ab"[((next(numbers) + 1) // 2) % 2]

    with pytest.raises(StoreUnavailable, match="change faster"):
        await fork(FileService(watched(database, intrude), steps=TINY), scope)
    await sweep(writer, scope)
    assert await workspaces(database, scope) == {scope.session}


async def test_all_of_a_workspace_goes_when_its_session_is_gone(database: Database, scope: Scope) -> None:
    files = FileService(database, retention=KEEPING)
    await prepare(database, scope)
    made = await fork(files, scope)
    await files.write(made, "/workspace/own", b"own")
    await files.write(made, "/workspace/own", b"other")
    await files.delete(made, "/workspace/d/sub", recursive=True, to_trash=True)
    await files.delete(made, "/workspace/other")

    async def purge(tr: Transaction) -> None:
        await workspace_sessions.SESSIONS.delete(tr, made.tenant, made.session)
        doomed.doom(tr, made, "workspace")

    await database.run(purge)
    await assert_clean(database)
    await sweep(files, scope, content.now() + 2 * content.GRACE)
    assert await workspaces(database, scope) == {scope.session}
    await assert_clean(database)
    used, _ = await files.usage(scope)
    assert used["tenant"] == used["session"]
    history = await rows_of(database, keyspace.all_versions(scope.tenant))
    assert history == []
    assert (await truth(files, scope)).items() >= FILES.items()
