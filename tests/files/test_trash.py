"""What was deleted can be had again, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

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
from fdb_provider.files import trash
from fdb_provider.files.content import GRACE
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from tests.files.conftest import KEEPING, Clock, sweep
from tests.files.test_large import TINY, Dead, Hooked, check_counts, settled

PATH = "/workspace/d/e/f"


def dying(database: Database, after: int, **options: Any) -> FileService:
    """A gateway that is gone after so many changes."""

    async def die(run: int) -> None:
        if run > after:
            raise Dead("gone")

    hooked: Any = Hooked(database, die)
    return FileService(hooked, **options)


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
    stream: AsyncIterator[tuple[str, list[Change]]] = aiter(await files.watch(scope, "/workspace"))
    trash_id = await throw_away(files, scope, PATH)
    await files.delete(scope, "/workspace/d", recursive=True)
    assert (await anext(stream))[1] == [Change(ChangeType.DELETED, "/workspace/d")]
    await files.trash.restore(scope, trash_id)
    assert (await anext(stream))[1] == [
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


async def test_what_is_sent_again_is_done_once(files: FileService, scope: Scope) -> None:
    """Whatever was deleted, made or restored in between."""
    for target in (None, "/home/g"):
        trash_id = await throw_away(files, scope, PATH)
        key = new_id()
        restored = await files.trash.restore(scope, trash_id, target, idempotency_key=key)
        path, entry = restored
        assert (path, entry) == (target or PATH, await files.stat(scope, target or PATH))
        await files.delete(scope, path)
        assert await files.trash.restore(scope, trash_id, target, idempotency_key=key) == restored
        with pytest.raises(FileNotFound):
            await files.stat(scope, path)
        with pytest.raises(RecordNotFound):
            await files.trash.restore(scope, trash_id, target, idempotency_key=new_id())
        await files.write(scope, PATH, b"next")
    trash_id = await throw_away(files, scope, PATH)
    await files.trash.delete(scope, trash_id, idempotency_key="delete")
    kept = await throw_away(files, scope, "/workspace/d/e")
    await files.trash.delete(scope, trash_id, idempotency_key="delete")
    with pytest.raises(RecordNotFound):
        await files.trash.delete(scope, trash_id, idempotency_key="other")
    assert [trash_id for trash_id, _ in await files.trash.list(scope)] == [kept]


async def test_a_refused_restoration_can_be_tried_again_with_its_key(
    files: FileService, scope: Scope
) -> None:
    trash_id = await throw_away(files, scope, PATH)
    taken = await files.write(scope, PATH, b"taken")
    with pytest.raises(FileExists):
        await files.trash.restore(scope, trash_id, idempotency_key="k")
    assert await files.stat(scope, PATH) == taken
    await files.delete(scope, PATH)
    path, _ = await files.trash.restore(scope, trash_id, idempotency_key="k")
    assert (await files.read(scope, path))[1] == b"content"


async def test_restorations_with_one_key_side_by_side(files: FileService, scope: Scope) -> None:
    trash_id = await throw_away(files, scope, "/workspace/d")
    again = (files.trash.restore(scope, trash_id, idempotency_key="k") for _ in range(8))
    [(path, entry), *others] = await asyncio.gather(*again)
    assert others == [(path, entry)] * 7
    assert (await files.read(scope, PATH))[1] == b"content"


async def test_an_emptying_that_was_cut_off_takes_only_what_was_there_when_it_began(
    database: Database, files: FileService, scope: Scope, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trash, "PAGE", 2)

    async def throw(names: range) -> None:
        for i in names:
            await files.write(scope, f"/workspace/{i}", b"")
            await files.delete(scope, f"/workspace/{i}", to_trash=True)

    await throw(range(5))
    clock.pass_by(1)
    with pytest.raises(Dead):
        await dying(database, after=2).trash.empty(scope, idempotency_key="k")
    assert len(await files.trash.list(scope)) == 1
    clock.pass_by(1)
    await throw(range(5, 8))
    for _ in range(2):
        assert await files.trash.empty(scope, idempotency_key="k") == 5
        assert len(await files.trash.list(scope)) == 3
    assert await files.trash.empty(scope, idempotency_key="other") == 3


async def test_a_large_folder_that_is_restored_by_a_gateway_that_dies(database: Database) -> None:
    """Whichever transaction is its last: another gateway that is asked again answers alike, once."""
    died, after = True, 0
    while died:
        scope = Scope(new_id(), new_id(), new_id())
        whole = FileService(database, steps=TINY)
        await whole.create_directory(scope, "/workspace/d")
        names = [f"/workspace/d/{i}" for i in range(2 * TINY.whole)]
        for name in names:
            await whole.write(scope, name, b"shared")
        trash_id = await throw_away(whole, scope, "/workspace/d")
        await settled(whole, scope)
        try:
            gateway = dying(database, after, steps=TINY)
            await gateway.trash.restore(scope, trash_id, idempotency_key="k")
            await settled(gateway, scope)
            died = False
        except Dead:
            after += 1
        path, entry = await whole.trash.restore(scope, trash_id, idempotency_key="k")
        assert (path, entry) == ("/workspace/d", await whole.stat(scope, path))
        assert len(await whole.list_directory(scope, path)) == len(names)
        await whole.delete(scope, path, recursive=True)
        assert await whole.trash.restore(scope, trash_id, idempotency_key="k") == (path, entry)
        assert await whole.list_directory(scope, "/workspace") == []
        await check_counts(database, whole, scope)
    assert after > 3
