"""Permission bits, read-only files, symbolic links, and changes only of the version that is known."""

from __future__ import annotations

import pytest

from fdb_provider.errors import Conflict, FileExists, FileIsADirectory, InvalidPath, NoPermissions
from fdb_provider.files.entry import SYMLINK
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope

PATH = "/workspace/f"


@pytest.fixture
def files(keeping: FileService) -> FileService:
    return keeping


async def test_mode_bits_are_kept(files: FileService, scope: Scope) -> None:
    assert (await files.write(scope, PATH, b"")).mode == 0o644
    assert (await files.write(scope, PATH, b"", mode=0o755)).mode == 0o755
    assert (await files.write(scope, PATH, b"")).mode == 0o755
    assert (await files.copy(scope, PATH, "/workspace/g")).mode == 0o755
    assert (await files.rename(scope, PATH, "/home/f")).mode == 0o755
    assert (await files.create_directory(scope, "/workspace/d", mode=0o700)).mode == 0o700


async def test_attributes_change_nothing_else(files: FileService, scope: Scope) -> None:
    before = await files.write(scope, PATH, b"x")
    after = await files.set_attributes(scope, PATH, mode=0o600)
    assert after == await files.stat(scope, PATH)
    assert (after.mode, after.etag, after.mtime, after.id) == (0o600, before.etag, before.mtime, before.id)
    assert (await files.set_attributes(scope, PATH, readonly=True)).mode == 0o400
    assert (await files.set_attributes(scope, PATH, mode=0o755, readonly=True)).mode == 0o555
    assert (await files.set_attributes(scope, PATH, readonly=False)).mode == 0o755


async def test_a_read_only_file(files: FileService, scope: Scope) -> None:
    await files.create_directory(scope, "/workspace/d")
    path = "/workspace/d/f"
    await files.write(scope, path, b"x", mode=0o444)
    await files.write(scope, "/workspace/other", b"")
    assert (await files.stat(scope, path)).readonly
    for act in (
        files.write(scope, path, b"y", mode=0o644),
        files.delete(scope, path),
        files.delete(scope, path, to_trash=True),
        files.rename(scope, "/workspace/other", path, overwrite=True),
        files.copy(scope, "/workspace/other", path, overwrite=True),
    ):
        with pytest.raises(NoPermissions, match="read-only"):
            await act
    await files.rename(scope, path, "/workspace/d/g")
    await files.rename(scope, "/workspace/d", "/workspace/e")
    assert (await files.read(scope, "/workspace/e/g"))[1] == b"x"
    await files.set_attributes(scope, "/workspace/e/g", readonly=False)
    await files.write(scope, "/workspace/e/g", b"y")
    await files.set_attributes(scope, "/workspace/e/g", readonly=True)
    await files.delete(scope, "/workspace/e", recursive=True)


async def test_what_has_no_attributes(files: FileService, scope: Scope) -> None:
    await files.create_directory(scope, "/workspace/d")
    await files.create_symlink(scope, "/workspace/l", "d")
    assert (await files.set_attributes(scope, "/workspace/d", mode=0o711)).mode == 0o711
    with pytest.raises(FileIsADirectory):
        await files.set_attributes(scope, "/workspace/d", readonly=True)
    with pytest.raises(NoPermissions):
        await files.set_attributes(scope, "/workspace/l", mode=0o644)
    with pytest.raises(NoPermissions):
        await files.set_attributes(scope, "/workspace", mode=0o644)


async def test_a_link_is_kept_and_never_followed(files: FileService, scope: Scope) -> None:
    await files.write(scope, PATH, b"target")
    link = await files.create_symlink(scope, "/workspace/l", "f")
    assert (link.kind, link.target, link.size) == (SYMLINK, "f", 1)
    for act in (
        files.read(scope, "/workspace/l"),
        files.write(scope, "/workspace/l", b"through"),
        files.write(scope, "/workspace/l", b"through", create=False),
    ):
        with pytest.raises(NoPermissions, match="symbolic link"):
            await act
    await files.copy(scope, "/workspace/l", "/workspace/l2")
    await files.rename(scope, "/workspace/l2", "/workspace/l3")
    assert (await files.stat(scope, "/workspace/l3")).target == "f"
    await files.delete(scope, "/workspace/l3")
    await files.delete(scope, "/workspace/l", to_trash=True)
    assert (await files.read(scope, PATH))[1] == b"target"
    for target in ("/etc/passwd", "../../x", "none", "é" * 2048):
        await files.create_symlink(scope, "/workspace/l", target)
        assert dict(await files.walk(scope, "/workspace"))["l"].target == target
        await files.delete(scope, "/workspace/l")


@pytest.mark.parametrize("target", ["", "a\0b", "é" * 2049, "\ud800"])
async def test_a_link_that_cannot_be(files: FileService, scope: Scope, target: str) -> None:
    with pytest.raises(InvalidPath):
        await files.create_symlink(scope, "/workspace/l", target)


async def test_a_link_replaces_nothing(files: FileService, scope: Scope) -> None:
    await files.write(scope, PATH, b"x")
    with pytest.raises(FileExists):
        await files.create_symlink(scope, PATH, "elsewhere")


async def test_every_change_can_ask_for_the_version_it_knows(files: FileService, scope: Scope) -> None:
    old = (await files.write(scope, PATH, b"1")).etag
    now = (await files.write(scope, PATH, b"2")).etag
    for etag in (old, ""):
        for act in (
            files.write(scope, PATH, b"3", if_match=etag),
            files.delete(scope, PATH, if_match=etag),
            files.delete(scope, PATH, to_trash=True, if_match=etag),
            files.rename(scope, PATH, "/workspace/g", if_match=etag),
            files.copy(scope, PATH, "/workspace/g", if_match=etag),
            files.set_attributes(scope, PATH, mode=0o600, if_match=etag),
        ):
            with pytest.raises(Conflict):
                await act
    await files.set_attributes(scope, PATH, mode=0o600, if_match=now)
    await files.copy(scope, PATH, "/workspace/g", if_match=now)
    await files.rename(scope, PATH, "/workspace/h", if_match=now)
    await files.delete(scope, "/workspace/h", if_match=now)
