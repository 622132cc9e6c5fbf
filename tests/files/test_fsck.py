"""fsck finds nothing where nothing is wrong, and each kind of damage where it was done, and repairs it."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import ContentDamaged, FileNotFound
from fdb_provider.files import content, history, tree, usage
from fdb_provider.files.entry import Entry, encode
from fdb_provider.files.service import FileService
from fdb_provider.files.usage import Usage
from fdb_provider.fsck import Finding, Report, check
from fdb_provider.models import WorkspaceSession
from fdb_provider.repositories import accounts, workspace_sessions
from fdb_provider.scope import Scope
from tests.files.conftest import KEEPING, sweep
from tests.files.test_large import TINY, Dead, Hooked, prepare
from tests.files.test_model import OPERATIONS, Operation, outcome

SMALL, LARGE = b"small" * 100, os.urandom(3 * content.CHUNK + 7)


async def registered(database: Database) -> Scope:
    """A new account."""
    new = accounts.registration("ada@example.com", "Ada", "hash")
    await database.run(lambda tr: accounts.register(tr, new))
    return new.scope


@pytest.fixture
async def scope(database: Database) -> Scope:
    """An account with some files."""
    scope = await registered(database)
    files = FileService(database)
    await files.create_directory(scope, "/workspace/d")
    await files.write(scope, "/workspace/d/small", SMALL)
    await files.write(scope, "/workspace/d/large", LARGE)
    await files.write(scope, "/workspace/d/empty", b"")
    await files.copy(scope, "/workspace/d", "/home/copy")
    await files.delete(scope, "/home/copy/small")
    return scope


def kinds(report: Report) -> list[str]:
    return sorted(finding.kind for finding in report.found)


async def assert_clean(database: Database) -> None:
    report = await check(database, deep=True)
    assert (report.found, report.unjudged) == ([], [])


async def test_a_healthy_store_is_clean(database: Database, scope: Scope) -> None:
    report = await check(database, deep=True)
    assert (report.found, report.left, report.unjudged) == ([], [], [])
    assert (report.tenants, report.names, report.contents) == (1, 7, 2)


async def test_an_empty_store_is_clean(database: Database) -> None:
    await assert_clean(database)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, max_size=25), collect=st.booleans())
async def test_after_any_operations_the_store_is_clean(
    database: Database, operations: list[Operation], collect: bool
) -> None:
    new = accounts.registration(f"{os.urandom(8).hex()}@example.com", "Ada", "hash")
    await database.run(lambda tr: accounts.register(tr, new))
    files = FileService(database)
    for operation in operations:
        await outcome(operation.run(files, new.scope))
    upload = files.upload(new.scope)
    await upload.write(bytes(content.PART))  # an upload that is under way is nothing wrong
    if collect:
        await content.collect(database, new.scope.tenant, content.now() + 2 * content.GRACE)
    await assert_clean(database)


def entry_key(scope: Scope, path: str) -> bytes:
    directory, _, name = path.rpartition("/")
    return keyspace.entry(keyspace.root(scope, "workspace"), directory, name)


async def change_entry(tr: Transaction, scope: Scope, path: str, **fields: object) -> None:
    key = entry_key(scope, path)
    value = await tr.get(key)
    assert value is not None
    tr.set(key, encode(msgspec.structs.replace(tree.decode(value), **fields)))


async def entry_of(tr: Transaction, scope: Scope, path: str) -> Entry:
    value = await tr.get(entry_key(scope, path))
    assert value is not None
    return tree.decode(value)


async def miscount(tr: Transaction, scope: Scope) -> None:
    entry = await entry_of(tr, scope, "d/large")
    tr.add(keyspace.references(scope.tenant, entry.sha256), 5)


async def undercount(tr: Transaction, scope: Scope) -> None:
    entry = await entry_of(tr, scope, "d/large")
    tr.clear(keyspace.references(scope.tenant, entry.sha256))


async def count_nothing(tr: Transaction, scope: Scope) -> None:
    tr.add(keyspace.references(scope.tenant, b"x" * 32), 2)


async def forget_name(tr: Transaction, scope: Scope) -> None:
    entry = await entry_of(tr, scope, "d/small")
    tr.clear(entry_key(scope, "d/small"))
    usage.count(tr, scope, "workspace", -entry.size, -1)
    # Its copy was deleted: what is left is the note of that.
    tr.clear_range(*keyspace.range_of(keyspace.garbage(scope.tenant)))


async def leave_blob(tr: Transaction, scope: Scope) -> None:
    tr.set(keyspace.chunk(keyspace.blob(scope.tenant, b"b" * 12), 0), b"chunk")


async def take_usage(tr: Transaction, scope: Scope) -> None:
    usage.correct(tr, keyspace.root(scope, "workspace"), Usage(-7, 3))


async def take_tenant_usage(tr: Transaction, scope: Scope) -> None:
    usage.correct(tr, keyspace.tenant(scope.tenant), Usage(7, 0))


async def take_folder(tr: Transaction, scope: Scope) -> None:
    tr.clear(entry_key(scope, "d"))
    usage.count(tr, scope, "workspace", 0, -1)


async def take_record(tr: Transaction, scope: Scope) -> None:
    entry = await entry_of(tr, scope, "d/large")
    tr.clear(keyspace.content(scope.tenant, entry.sha256))


async def take_index(tr: Transaction, scope: Scope) -> None:
    tr.clear_range(*keyspace.range_of(keyspace.index(scope.tenant, "user", "by_email")))


async def take_session_index(tr: Transaction, scope: Scope) -> None:
    tr.clear_range(*keyspace.range_of(keyspace.index(scope.tenant, "workspace-session", "by_user_used")))


async def index_nothing(tr: Transaction, scope: Scope) -> None:
    gone = WorkspaceSession(id="gone", user=scope.user, name="x", created_at=0, used_at=0)
    _, row = workspace_sessions.SESSIONS.index_entries(scope.tenant, gone)[0]
    tr.set(*row)


async def wrong_size(tr: Transaction, scope: Scope) -> None:
    await change_entry(tr, scope, "d/small", size=3)
    usage.count(tr, scope, "workspace", 3 - len(SMALL), 0)


Damage = Callable[[Transaction, Scope], Awaitable[None]]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (miscount, ["wrong count of references"]),
        (undercount, ["wrong count of references"]),
        (count_nothing, ["wrong count of references"]),
        (leave_blob, ["unused blob"]),
        (take_usage, ["wrong usage"]),
        (take_tenant_usage, ["wrong usage"]),
        (take_folder, ["folder missing"]),
        (take_record, ["content missing"] * 2 + ["wrong count of references"]),
        (take_index, ["index entry missing"]),
        (take_session_index, ["index entry missing"]),
        (index_nothing, ["index entry without record"]),
        (wrong_size, ["wrong size"]),
    ],
)
async def test_what_can_be_repaired_without_a_loss(
    database: Database, scope: Scope, damage: Damage, expected: list[str]
) -> None:
    files = FileService(database)
    await database.run(lambda tr: damage(tr, scope))
    report = await check(database)
    assert kinds(report) == expected
    assert report.left == report.found
    repaired = await check(database, repair=True)
    assert kinds(repaired) == expected
    assert repaired.clean
    await assert_clean(database)
    for path, data in {
        "/workspace/d/small": SMALL,
        "/workspace/d/large": LARGE,
        "/home/copy/large": LARGE,
    }.items():
        assert (await files.read(scope, path))[1] == data
    while await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE):
        pass
    await assert_clean(database)
    assert (await files.read(scope, "/workspace/d/large"))[1] == LARGE


async def test_a_content_nobody_refers_to_is_left_to_the_collector(database: Database, scope: Scope) -> None:
    await database.run(lambda tr: forget_name(tr, scope))
    assert kinds(await check(database)) == ["unused content"]
    assert (await check(database, repair=True)).clean
    # Until its grace has passed it can be used again.
    files = FileService(database)
    await files.write(scope, "/workspace/again", SMALL)
    await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE)
    await assert_clean(database)
    assert (await files.read(scope, "/workspace/again"))[1] == SMALL
    await files.delete(scope, "/workspace/again")
    assert await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE) == 1
    await assert_clean(database)


async def test_a_name_whose_content_is_gone_is_moved_aside(database: Database, scope: Scope) -> None:
    async def damage(tr: Transaction) -> None:
        entry = await entry_of(tr, scope, "d/small")
        tr.clear(keyspace.content(scope.tenant, entry.sha256))
        tr.clear(keyspace.references(scope.tenant, entry.sha256))

    await database.run(damage)
    watch = await (files := FileService(database)).watch(scope, "/workspace")
    report = await check(database, repair=True)
    assert kinds(report) == ["content missing"]
    assert "d/small" in report.found[0].subject
    assert report.clean
    await assert_clean(database)
    with pytest.raises(FileNotFound):
        await files.stat(scope, "/workspace/d/small")
    async for _, changes in watch:
        assert [change.path for change in changes] == ["/workspace/d/small"]
        break
    lost = keyspace.lost(keyspace.root(scope, "workspace"))

    async def aside(tr: Transaction) -> list[tuple[object, ...]]:
        return [keyspace.unpack(key, lost) async for key, _ in tr.get_range(*keyspace.range_of(lost))]

    assert await database.run(aside) == [("d", "small")]


async def test_a_folder_that_is_missing_deep_down_and_a_file_in_its_way(
    database: Database, scope: Scope
) -> None:
    files = FileService(database)
    for path in ("d/x", "d/x/y", "d/x/y/z"):
        await files.create_directory(scope, f"/workspace/{path}")
    await files.write(scope, "/workspace/d/x/y/z/f", SMALL)

    async def damage(tr: Transaction) -> None:
        for path in ("d/x", "d/x/y", "d/x/y/z"):
            tr.clear(entry_key(scope, path))
        usage.count(tr, scope, "workspace", 0, -3)

    await database.run(damage)
    await database.run(lambda tr: copy_name(tr, scope, "d/small", "d/x"))
    assert "folder missing" in kinds(await check(database))
    assert (await check(database, repair=True)).clean
    await assert_clean(database)
    assert (await files.read(scope, "/workspace/d/x/y/z/f"))[1] == SMALL
    assert (await files.read(scope, "/workspace/d/x.found-1"))[1] == SMALL


async def copy_name(tr: Transaction, scope: Scope, source: str, target: str) -> None:
    entry = await entry_of(tr, scope, source)
    tr.set(entry_key(scope, target), encode(entry))
    usage.count(tr, scope, "workspace", entry.size, 1)
    content.add_reference(tr, scope.tenant, entry.sha256)


@pytest.mark.parametrize(("i", "deep"), [(0, False), (3, False), (1, True)])
async def test_a_lost_chunk_is_told_and_nothing_is_touched(
    database: Database, scope: Scope, i: int, deep: bool
) -> None:
    async def damage(tr: Transaction) -> None:
        entry = await entry_of(tr, scope, "d/large")
        tr.clear(keyspace.chunk(keyspace.blob(scope.tenant, entry.blob), i))

    await database.run(damage)
    assert (await check(database)).clean == deep  # only a deep check reads what is between the ends
    report = await check(database, repair=True, deep=deep)
    assert kinds(report) == ["content damaged"]
    assert not report.clean
    files = FileService(database)
    assert (await files.stat(scope, "/workspace/d/large")).size == len(LARGE)
    with pytest.raises(ContentDamaged):
        await files.read(scope, "/workspace/d/large")


@pytest.mark.parametrize("path", ["d/small", "d/large"])
async def test_changed_bytes_are_found_by_a_deep_check(database: Database, scope: Scope, path: str) -> None:
    async def damage(tr: Transaction) -> None:
        entry = await entry_of(tr, scope, path)
        if entry.blob:
            tr.set(keyspace.chunk(keyspace.blob(scope.tenant, entry.blob), 1), os.urandom(content.CHUNK))
        else:
            record = content.Record(b"", entry.size, bytes(entry.size))
            tr.set(keyspace.content(scope.tenant, entry.sha256), content.encode_record(record))

    await database.run(damage)
    assert (await check(database)).clean
    assert kinds(await check(database, deep=True)) == ["content damaged"]


@pytest.fixture
async def past(database: Database, scope: Scope) -> FileService:
    """The same account with a history and a trash."""
    files = FileService(database, retention=KEEPING)
    for data in (b"1", LARGE, b"3"):
        await files.write(scope, "/workspace/d/small", data)
    await files.create_symlink(scope, "/workspace/d/link", "small")
    await files.copy(scope, "/workspace/d", "/workspace/e")
    await files.write(scope, "/workspace/e/small", b"4")
    await files.delete(scope, "/workspace/e", recursive=True, to_trash=True)
    await files.write(scope, "/home/f", b"5")
    await files.write(scope, "/home/f", b"6")
    await files.delete(scope, "/home/f", to_trash=True)
    return files


async def test_history_and_trash_are_looked_through(
    database: Database, scope: Scope, past: FileService
) -> None:
    await assert_clean(database)
    await past.trash.empty(scope)
    await past.write(scope, "/home/f", b"7")
    await past.write(scope, "/home/f", b"8")
    await past.delete(scope, "/home/f")
    await assert_clean(database)
    await sweep(past, scope)
    await assert_clean(database)
    await sweep(past, scope, content.now() + 2 * content.GRACE)
    await assert_clean(database)


async def test_what_is_in_the_trash_can_be_restored_without_its_record(
    database: Database, scope: Scope, past: FileService
) -> None:
    before = await past.usage(scope)

    async def damage(tr: Transaction) -> None:
        for name in ("workspace", "home"):
            tr.clear_range(*keyspace.range_of(keyspace.trash(keyspace.root(scope, name))))

    await database.run(damage)
    report = await check(database, repair=True)
    assert kinds(report) == ["wrong trash"] * 2
    assert report.clean
    await assert_clean(database)
    for trash_id, _ in await past.trash.list(scope):
        await past.trash.restore(scope, trash_id)
    assert (await past.read(scope, "/workspace/e/small"))[1] == b"4"
    assert (await past.read(scope, "/home/f"))[1] == b"6"
    assert await past.usage(scope) == before
    await assert_clean(database)


async def test_while_writers_are_at_work_nothing_is_taken_for_damage(
    database: Database, scope: Scope, past: FileService
) -> None:
    """Nor is anything repaired that is only under way."""
    stop = asyncio.Event()

    async def work(number: int) -> None:
        chance = random.Random(number)
        folder = f"/workspace/w{number}"
        await past.create_directory(scope, folder)
        while not stop.is_set():
            name = f"{folder}/{chance.randrange(4)}"
            try:
                match chance.randrange(6):
                    case 0 | 1:
                        await past.write(scope, name, chance.choice([SMALL, LARGE, chance.randbytes(70_000)]))
                    case 2:
                        await past.delete(scope, name, to_trash=chance.random() < 0.5)
                    case 3:
                        await past.rename(scope, name, f"{folder}/moved", overwrite=True)
                    case 4:
                        await past.copy(scope, name, f"/home/{number}", overwrite=True)
                    case _:
                        await past.trash.empty(scope)
            except FileNotFound:
                pass
            await past.sweep(scope, content.now() + content.GRACE // 2)
            await asyncio.sleep(0)

    workers = [asyncio.create_task(work(i)) for i in range(3)]
    for _ in range(6):
        assert (await check(database, repair=True)).found == []
    stop.set()
    await asyncio.gather(*workers)
    await assert_clean(database)


async def test_a_version_without_its_content_or_its_file(
    database: Database, scope: Scope, past: FileService
) -> None:
    found = await past.history.list(scope, "/workspace/d/small")
    lost = next(version for version in found if version.size == 1)

    async def damage(tr: Transaction) -> None:
        tr.clear(keyspace.content(scope.tenant, lost.sha256))
        tr.clear(keyspace.references(scope.tenant, lost.sha256))
        key = keyspace.version(scope.tenant, b"nobody", 1, "x")
        large = next(version for version in found if version.size == len(LARGE))
        tr.set(key, history.encode(large))
        content.add_reference(tr, scope.tenant, large.sha256)

    await database.run(damage)
    report = await check(database, repair=True)
    assert kinds(report) == ["content missing", "unused version"]
    assert report.clean
    assert lost not in await past.history.list(scope, "/workspace/d/small")
    await assert_clean(database)
    await sweep(past, scope, content.now() + 2 * content.GRACE)
    await assert_clean(database)


async def test_what_has_no_owner_is_told(database: Database, scope: Scope) -> None:
    async def damage(tr: Transaction) -> None:
        await workspace_sessions.SESSIONS.delete(tr, scope.tenant, scope.session)
        await accounts.USERS.delete(tr, scope.tenant, scope.user)

    await database.run(damage)
    report = await check(database, repair=True)
    assert kinds(report) == ["owner missing"] * 3
    assert not report.clean


async def test_an_unreadable_entry_is_told(database: Database, scope: Scope) -> None:
    async def damage(tr: Transaction) -> None:
        tr.set(entry_key(scope, "d/empty"), b"\x81")

    await database.run(damage)
    report = await check(database, repair=True)
    assert kinds(report) == ["unreadable record"]
    assert not report.clean


@pytest.mark.parametrize("last", [3, 6])
async def test_a_large_change_that_was_cut_off_is_finished(database: Database, last: int) -> None:
    scope = await registered(database)
    await prepare(database, scope)

    async def die(run: int) -> None:
        if run > last:
            raise Dead("dead")

    dying: Any = Hooked(database, die)
    with pytest.raises(Dead):
        await FileService(dying, steps=TINY).copy(scope, "/workspace/d", "/workspace/e")
    await assert_clean(database)
    copied = [path for path, _ in await FileService(database).walk(scope, "/workspace/e")]
    assert copied == [path for path, _ in await FileService(database).walk(scope, "/workspace/d")]


def test_findings_are_equal_by_what_they_say() -> None:
    async def nothing(_: Transaction) -> None: ...

    one = Finding("t", "wrong usage", "s", "d", nothing)
    assert one == Finding("t", "wrong usage", "s", "d")
    assert "wrong usage" in str(one)
