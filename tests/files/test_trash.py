"""What was deleted can be had again, on both engines."""

from __future__ import annotations

import pytest

from fdb_provider.engine import Database
from fdb_provider.errors import (
    Conflict,
    ContentDamaged,
    DirectoryNotEmpty,
    FileExists,
    FileNotADirectory,
    FileNotFound,
    NoPermissions,
    RecordNotFound,
)
from fdb_provider.files.content import GRACE
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from tests.files.conftest import KEEPING, Clock, sweep

PATH = "/workspace/d/e/f"


@pytest.fixture
async def files(keeping: FileService, scope: Scope) -> FileService:
    """With a file in a folder in a folder."""
    await keeping.create_directory(scope, "/workspace/d")
    await keeping.create_directory(scope, "/workspace/d/e")
    await keeping.write(scope, PATH, b"content")
    await keeping.create_symlink(scope, "/workspace/d/link", "e/f")
    return keeping


async def paths(files: FileService, scope: Scope) -> list[str]:
    return [path for path, _ in await files.walk(scope, "/workspace")]


async def throw_away(files: FileService, scope: Scope, path: str) -> str:
    """Deletes into the trash; returns the id it has there."""
    await files.delete(scope, path, recursive=True, to_trash=True)
    return (await files.trash.list(scope))[0][0]


async def test_a_folder_comes_back_whole(files: FileService, scope: Scope) -> None:
    before = await files.walk(scope, "/workspace")
    trash_id = await throw_away(files, scope, "/workspace/d")
    assert await paths(files, scope) == []
    [(_, item)] = await files.trash.list(scope)
    assert (item.path, item.entries, item.size) == ("/workspace/d", 4, len(b"content") + len("e/f"))
    path, entry = await files.trash.restore(scope, trash_id)
    assert (path, entry) == ("/workspace/d", await files.stat(scope, "/workspace/d"))
    assert await files.walk(scope, "/workspace") == before
    assert (await files.read(scope, PATH))[1] == b"content"
    assert await files.trash.list(scope) == []
    with pytest.raises(RecordNotFound):
        await files.trash.restore(scope, trash_id)


async def test_a_file_comes_back_with_its_history_and_its_folders(files: FileService, scope: Scope) -> None:
    await files.write(scope, PATH, b"newer")
    trash_id = await throw_away(files, scope, PATH)
    await files.delete(scope, "/workspace/d", recursive=True)
    await files.trash.restore(scope, trash_id)
    [version] = await files.history.list(scope, PATH)
    assert (await files.history.read(scope, PATH, version.name))[1] == b"content"
    assert (await files.read(scope, PATH))[1] == b"newer"


async def test_a_name_that_was_taken(files: FileService, scope: Scope) -> None:
    trash_id = await throw_away(files, scope, PATH)
    await files.write(scope, PATH, b"other")
    with pytest.raises(FileExists):
        await files.trash.restore(scope, trash_id)
    await files.trash.restore(scope, trash_id, "/home/new/f")
    assert (await files.read(scope, "/home/new/f"))[1] == b"content"
    assert (await files.read(scope, PATH))[1] == b"other"
    trash_id = await throw_away(files, scope, "/home/new/f")
    await files.trash.restore(scope, trash_id, PATH, overwrite=True)
    assert (await files.read(scope, PATH))[1] == b"content"
    [(trash_id, item)] = await files.trash.list(scope)
    assert item.path == PATH
    await files.trash.restore(scope, trash_id, "/workspace/g")
    assert (await files.read(scope, "/workspace/g"))[1] == b"other"


async def test_what_cannot_be_thrown_away_or_restored(files: FileService, scope: Scope) -> None:
    with pytest.raises(FileNotFound):
        await files.delete(scope, "/workspace/none", to_trash=True)
    with pytest.raises(DirectoryNotEmpty):
        await files.delete(scope, "/workspace/d", to_trash=True)
    with pytest.raises(NoPermissions):
        await files.delete(scope, "/workspace", recursive=True, to_trash=True)
    with pytest.raises(Conflict):
        await files.delete(scope, PATH, to_trash=True, if_match="old")
    trash_id = await throw_away(files, scope, PATH)
    await files.delete(scope, "/workspace/d", recursive=True)
    await files.write(scope, "/workspace/d", b"a file")
    with pytest.raises(FileNotADirectory):
        await files.trash.restore(scope, trash_id)
    for stranger in (Scope(scope.tenant, scope.user, new_id()), Scope(new_id(), scope.user, scope.session)):
        assert await files.trash.list(stranger) == []
        with pytest.raises(RecordNotFound):
            await files.trash.restore(stranger, trash_id)
        with pytest.raises(RecordNotFound):
            await files.trash.delete(stranger, trash_id)


async def test_the_last_deleted_is_listed_first(files: FileService, scope: Scope, clock: Clock) -> None:
    names = [f"/{root}/{i}" for i in range(4) for root in ("home", "workspace")]
    for name in names:
        await files.write(scope, name, b"")
        clock.pass_by(1)
        await files.delete(scope, name, to_trash=True)
    assert [item.path for _, item in await files.trash.list(scope)] == names[::-1]
    assert [item.path for _, item in await files.trash.list(scope, 3)] == names[:-4:-1]


async def test_watchers_see_it_go_and_come(files: FileService, scope: Scope) -> None:
    watch = await files.watch(scope, "/workspace")
    trash_id = await throw_away(files, scope, PATH)
    await files.delete(scope, "/workspace/d", recursive=True)
    await files.trash.restore(scope, trash_id)
    seen: list[Change] = []
    async for _, changes in watch:
        seen += changes
        if Change(ChangeType.ADDED, PATH) in seen:
            break
    assert seen == [
        Change(ChangeType.DELETED, PATH),
        Change(ChangeType.DELETED, "/workspace/d"),
        Change(ChangeType.ADDED, "/workspace/d"),
        Change(ChangeType.ADDED, PATH),
    ]


async def test_what_leaves_the_trash_is_collected(
    database: Database, files: FileService, scope: Scope, clock: Clock
) -> None:
    for i in range(250):
        await files.write(scope, f"/workspace/d/{i}", b"%d" % i)
    gone = await throw_away(files, scope, "/workspace/d")
    clock.pass_by(1)
    old = await files.write(scope, "/workspace/old", b"old")
    expiring = await throw_away(files, scope, "/workspace/old")
    await files.trash.delete(scope, gone)
    assert [trash_id for trash_id, _ in await files.trash.list(scope)] == [expiring]
    with pytest.raises(RecordNotFound):
        await files.trash.restore(scope, gone)
    await sweep(files, scope, clock.pass_by(KEEPING.trash - 1))
    await files.trash.restore(scope, expiring, "/workspace/back")
    assert await throw_away(files, scope, "/workspace/back") != expiring
    await sweep(files, scope, clock.pass_by(KEEPING.trash + 1))
    assert await files.trash.list(scope) == []
    await sweep(files, scope, clock.pass_by(GRACE + 1))
    with pytest.raises(ContentDamaged):
        _ = [part async for part in files.parts(scope, old)]


async def test_emptying_it(files: FileService, scope: Scope) -> None:
    await throw_away(files, scope, PATH)
    await throw_away(files, scope, "/workspace/d")
    await files.write(scope, "/home/f", b"")
    await throw_away(files, scope, "/home/f")
    assert await files.trash.empty(scope) == 3
    assert await files.trash.list(scope) == []
    assert await files.trash.empty(scope) == 0
