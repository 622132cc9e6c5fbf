"""Earlier contents of files, on both engines."""

from __future__ import annotations

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import (
    Conflict,
    FileIsADirectory,
    FileNotFound,
    NoPermissions,
    RecordNotFound,
)
from fdb_provider.files.content import GRACE, PART
from fdb_provider.files.history import LONG
from fdb_provider.files.retention import DAY, Retention
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from tests.files.conftest import KEEPING, Clock, sweep

PATH = "/workspace/f"


async def kept(files: FileService, scope: Scope, path: str = PATH) -> list[bytes]:
    """The earlier contents of a file, the newest first."""
    versions = await files.history.list(scope, path)
    return [(await files.history.read(scope, path, version.name))[1] for version in versions]


async def test_what_was_replaced_can_be_read_and_restored(keeping: FileService, scope: Scope) -> None:
    written = [await keeping.write(scope, PATH, b"%d" % i) for i in range(4)]
    versions = await keeping.history.list(scope, PATH)
    assert await kept(keeping, scope) == [b"2", b"1", b"0"]
    assert [v.etag for v in versions] == [entry.etag for entry in reversed(written[:3])]
    assert [v.saved for v in versions] == [entry.mtime for entry in reversed(written[:3])]
    restored = await keeping.history.restore(scope, PATH, versions[2].name)
    assert restored == await keeping.stat(scope, PATH)
    assert restored.mtime > written[3].mtime
    assert (await keeping.read(scope, PATH))[1] == b"0"
    assert await kept(keeping, scope) == [b"3", b"2", b"1", b"0"]


async def test_a_range_of_a_large_version(keeping: FileService, scope: Scope) -> None:
    large = bytes(range(256)) * (PART // 128)
    await keeping.write(scope, PATH, large)
    await keeping.write(scope, PATH, b"")
    [version] = await keeping.history.list(scope, PATH)
    assert (await keeping.history.read(scope, PATH, version.name))[1] == large
    for offset, length in [(PART - 2, 4), (len(large) - 1, 9), (len(large) + 1, 1), (1, None)]:
        end = None if length is None else offset + length
        part = (await keeping.history.read(scope, PATH, version.name, offset, length))[1]
        assert part == large[offset:end]


async def test_history_follows_the_file_not_its_name(keeping: FileService, scope: Scope) -> None:
    await keeping.create_directory(scope, "/workspace/d")
    await keeping.write(scope, "/workspace/d/f", b"1")
    await keeping.write(scope, "/workspace/d/f", b"2")
    await keeping.rename(scope, "/workspace/d", "/home/e")
    await keeping.rename(scope, "/home/e/f", "/workspace/g")
    assert await kept(keeping, scope, "/workspace/g") == [b"1"]
    await keeping.copy(scope, "/workspace/g", "/workspace/copy")
    assert await kept(keeping, scope, "/workspace/copy") == []
    await keeping.delete(scope, "/workspace/g")
    await keeping.write(scope, "/workspace/g", b"3")
    await keeping.write(scope, "/workspace/g", b"4")
    assert await kept(keeping, scope, "/workspace/g") == [b"3"]


async def test_a_file_put_over_another_leaves_its_content_in_the_history(
    keeping: FileService, scope: Scope
) -> None:
    """As editors save that write a new file and rename it; also over a file and onto one with a history."""
    await keeping.write(scope, PATH, b"1")
    await keeping.write(scope, PATH, b"2")
    await keeping.write(scope, "/workspace/new", b"3")
    before = await keeping.stat(scope, PATH)
    await keeping.rename(scope, "/workspace/new", PATH, overwrite=True)
    assert (await keeping.stat(scope, PATH)).mtime > before.mtime
    assert await kept(keeping, scope) == [b"2", b"1"]
    await keeping.write(scope, "/workspace/new", b"4")
    await keeping.copy(scope, "/workspace/new", PATH, overwrite=True)
    assert await kept(keeping, scope) == [b"3", b"2", b"1"]
    await keeping.write(scope, "/workspace/new", b"5")
    await keeping.rename(scope, "/workspace/new", PATH, overwrite=True)
    assert sorted(await kept(keeping, scope)) == [b"4", b"4"]
    assert (await keeping.read(scope, PATH))[1] == b"5"


async def test_saves_in_quick_succession_leave_one_version(
    database: Database, scope: Scope, clock: Clock
) -> None:
    merge = 10_000
    files = FileService(database, retention=Retention(merge=merge, versions=1000))
    await files.write(scope, PATH, b"before")
    clock.pass_by(merge)
    for i in range(5):
        await files.write(scope, PATH, b"%d" % i)
        clock.pass_by(1000)
    assert await kept(files, scope) == [b"before"]
    clock.pass_by(merge)
    await files.write(scope, PATH, b"after")
    assert await kept(files, scope) == [b"4", b"before"]
    clock.pass_by(merge)
    for i in range(3 * LONG * merge // 1000):
        await files.write(scope, PATH, b"long %d" % i)
        clock.pass_by(1000)
    assert len(await kept(files, scope)) == 5


async def test_equal_bytes_make_no_version(keeping: FileService, scope: Scope) -> None:
    for _ in range(3):
        await keeping.write(scope, PATH, b"same")
    assert await kept(keeping, scope) == []


async def test_no_history_when_it_is_switched_off(database: Database, scope: Scope) -> None:
    files = FileService(database, retention=Retention(versions=0, merge=0))
    for i in range(3):
        await files.write(scope, PATH, b"%d" % i)
    assert await kept(files, scope) == []


async def test_only_so_many_versions_are_kept(
    database: Database, keeping: FileService, scope: Scope, clock: Clock
) -> None:
    for i in range(23):
        clock.pass_by(1)
        await keeping.write(scope, PATH, b"%d" % i)
    assert len(await kept(keeping, scope)) == KEEPING.versions
    await sweep(keeping, scope, clock.now)
    assert await kept(keeping, scope) == [b"%d" % i for i in range(21, 16, -1)]
    more = FileService(database, retention=Retention(versions=1000))
    assert len(await more.history.list(scope, PATH)) < 2 * KEEPING.versions


async def test_versions_are_kept_for_some_days(keeping: FileService, scope: Scope, clock: Clock) -> None:
    """Counted from when they were replaced: one that was current for a year can be had the day after."""
    await keeping.write(scope, PATH, b"year")
    clock.pass_by(365 * DAY)
    for i in range(4):
        await keeping.write(scope, PATH, b"%d" % i)
        clock.pass_by(3 * DAY)
        await sweep(keeping, scope, clock.now)
    assert await kept(keeping, scope) == [b"2", b"1"]
    clock.pass_by(DAY + 1)
    await sweep(keeping, scope, clock.now)
    assert await kept(keeping, scope) == [b"2"]
    clock.pass_by(30 * DAY)
    await sweep(keeping, scope, clock.now)
    assert await kept(keeping, scope) == []
    assert (await keeping.read(scope, PATH))[1] == b"3"
    await keeping.write(scope, PATH, b"4")
    clock.pass_by(KEEPING.history + 1)
    assert await kept(keeping, scope) == [b"3"]
    await sweep(keeping, scope, clock.now)
    assert await kept(keeping, scope) == []


async def test_versions_of_a_file_that_is_gone_are_collected(
    database: Database, keeping: FileService, scope: Scope, clock: Clock
) -> None:
    for i in range(300):
        await keeping.write(scope, PATH, b"%d" % i)
    await keeping.delete(scope, PATH)
    await sweep(keeping, scope, clock.now)
    await sweep(keeping, scope, clock.pass_by(GRACE + 1))
    await sweep(keeping, scope, clock.pass_by(100 * DAY))
    begin, end = keyspace.range_of(keyspace.pack(scope.tenant))

    async def left(tr: Reader) -> set[str]:
        return {keyspace.unpack(key)[1] async for key, _ in tr.get_range(begin, end)}

    assert await database.read(left) == {"session", "usage", "record", "index"}, "the last two are the audit"


async def test_what_restore_refuses(keeping: FileService, scope: Scope) -> None:
    first = await keeping.write(scope, PATH, b"1")
    await keeping.write(scope, PATH, b"2")
    await keeping.write(scope, "/workspace/other", b"1")
    await keeping.write(scope, "/workspace/other", b"2")
    [version] = await keeping.history.list(scope, PATH)
    for wrong in (
        "",
        "x",
        "-",
        f"{version.saved}",
        f"{version.saved}-",
        f"-{version.etag}",
        "9" * 400,
        "²-x",
    ):
        with pytest.raises(RecordNotFound):
            await keeping.history.restore(scope, PATH, wrong)
    with pytest.raises(RecordNotFound):
        await keeping.history.read(scope, "/workspace/other", version.name)
    with pytest.raises(Conflict):
        await keeping.history.restore(scope, PATH, version.name, if_match=first.etag)
    await keeping.set_attributes(scope, PATH, readonly=True)
    with pytest.raises(NoPermissions):
        await keeping.history.restore(scope, PATH, version.name)
    with pytest.raises(FileNotFound):
        await keeping.history.list(scope, "/workspace/none")
    with pytest.raises(FileIsADirectory):
        await keeping.history.list(scope, "/workspace")
    with pytest.raises(FileNotFound):
        await keeping.history.read(Scope(new_id(), scope.user, scope.session), PATH, version.name)
