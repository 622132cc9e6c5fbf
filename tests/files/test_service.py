"""The file system's promises one by one, on both engines."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import (
    Conflict,
    ContentDamaged,
    CursorExpired,
    FileError,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    InvalidPath,
    NoPermissions,
)
from fdb_provider.files import content, feed
from fdb_provider.files.cache import ContentCache
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.paths import NAME_LIMIT, PATH_LIMIT, parse
from fdb_provider.files.retention import RETENTION
from fdb_provider.files.service import FileService
from fdb_provider.files.steps import Steps
from fdb_provider.files.watch import Watch
from fdb_provider.models import new_id
from fdb_provider.scope import Scope

T = TypeVar("T")

CHUNK, PART = content.CHUNK, content.PART


@pytest.fixture
def scope() -> Scope:
    return Scope(new_id(), new_id(), new_id())


@pytest.fixture
def files(database: Database) -> FileService:
    return FileService(database)


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, PART, PART + 1, 2 * PART + CHUNK + 7]
)
async def test_a_file_of_any_size_comes_back_whole_and_in_ranges(
    files: FileService, scope: Scope, size: int
) -> None:
    data = os.urandom(size)
    written = await files.write(scope, "/workspace/f", data)
    entry, found = await files.read(scope, "/workspace/f")
    assert (found, entry) == (data, written)
    assert b"".join([part async for part in files.parts(scope, entry)]) == data
    for offset, length in [(0, 10), (CHUNK - 3, 6), (CHUNK, CHUNK), (size - 5, 100), (size + 1, 1), (7, 0)]:
        start = max(offset, 0)
        assert (await files.read(scope, "/workspace/f", start, length))[1] == data[start : start + length]
    assert (await files.read(scope, "/workspace/f", 5, None))[1] == data[5:]


COMPRESSIBLE = b"".join(b"line %d of a text\n" % i for i in range(40_000))
MIXED = COMPRESSIBLE[: CHUNK + 99] + random.Random(1).randbytes(CHUNK * 2) + COMPRESSIBLE


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([COMPRESSIBLE, MIXED, bytes(PART + 5 * CHUNK), MIXED * 6]),
    st.integers(0, 3 * CHUNK),
    st.data(),
)
async def test_any_range_of_what_may_be_compressed(
    database: Database, data: bytes, cut: int, draw: st.DataObject
) -> None:
    files, scope = FileService(database), Scope(new_id(), new_id(), new_id())
    data = data[cut:]
    entry = await files.write(scope, "/workspace/f", data)
    for _ in range(5):
        start = draw.draw(st.integers(0, len(data)))
        length = draw.draw(st.one_of(st.integers(0, 200), st.integers(0, len(data))))
        assert (await files.read(scope, "/workspace/f", start, length))[1] == data[start : start + length]
        parts = [part async for part in files.parts(scope, entry, start, start + length)]
        assert b"".join(parts) == data[start : start + length]


async def test_what_compresses_takes_little_room(
    database: Database, files: FileService, scope: Scope
) -> None:
    """And what does not is stored as it is."""

    async def stored() -> int:
        begin, end = keyspace.range_of(keyspace.tenant(scope.tenant))

        async def body(tr: Reader) -> int:
            return sum([len(value) async for _, value in tr.get_range(begin, end)])

        return await database.read(body)

    await files.write(scope, "/workspace/text", COMPRESSIBLE)
    text = await stored()
    assert text < len(COMPRESSIBLE) // 3
    await files.write(scope, "/workspace/noise", noise := os.urandom(300_000))
    assert len(noise) <= await stored() - text < len(noise) + 1000


async def test_contents_of_a_store_from_before_compression(
    database: Database, files: FileService, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "PLAIN", CHUNK)  # as chunks were written then
    for name, data in (("small", COMPRESSIBLE[:9000]), ("large", COMPRESSIBLE)):
        await files.write(scope, f"/workspace/{name}", data)
    monkeypatch.undo()
    for name, data in (("small", COMPRESSIBLE[:9000]), ("large", COMPRESSIBLE)):
        assert (await files.read(scope, f"/workspace/{name}"))[1] == data


async def test_a_cache_serves_each_tenant_its_own(database: Database, scope: Scope) -> None:
    files = FileService(database, cache=1_000_000)
    other = Scope(new_id(), scope.user, scope.session)
    for turn in range(3):
        for where in (scope, other):
            data = b"%d of %s" % (turn, where.tenant.encode()) * 300
            await files.write(where, "/workspace/f", data)
            for _ in range(2):
                assert (await files.read(where, "/workspace/f"))[1] == data
                assert (await files.read(where, "/workspace/f", 5, 10))[1] == data[5:15]


def test_a_cache_is_bounded() -> None:
    kept = ContentCache(32_000)
    for i in range(100):
        kept.put("t", b"%d" % i, bytes(1000))
        kept.get("t", b"0")
    assert kept.size <= 32_000
    assert kept.get("t", b"0") is not None  # used all the time
    assert kept.get("t", b"1") is None
    assert kept.get("t", b"99") is not None
    kept.put("t", b"large", bytes(1001))
    assert kept.get("t", b"large") is None


async def test_a_50_megabyte_file(files: FileService, scope: Scope) -> None:
    data = os.urandom(1024) * (50 * 1024)
    await files.write(scope, "/workspace/big", data)
    assert (await files.read(scope, "/workspace/big"))[1] == data
    await files.copy(scope, "/workspace/big", "/home/big")
    await files.delete(scope, "/workspace/big")
    assert (await files.read(scope, "/home/big"))[1] == data


async def test_times_and_etags(files: FileService, scope: Scope) -> None:
    """mtime rises with every write although the clock may not; ctime stays; equal bytes get a new etag."""
    first = await files.write(scope, "/workspace/f", b"same")
    entries = [first, *[await files.write(scope, "/workspace/f", b"same") for _ in range(5)]]
    assert all(a.mtime < b.mtime for a, b in itertools.pairwise(entries))
    assert {entry.ctime for entry in entries} == {first.ctime}
    assert len({entry.etag for entry in entries}) == len(entries)


async def test_a_write_with_an_old_etag_is_refused(files: FileService, scope: Scope) -> None:
    old = await files.write(scope, "/workspace/f", b"1")
    await files.write(scope, "/workspace/f", b"2", if_match=old.etag)
    with pytest.raises(Conflict):
        await files.write(scope, "/workspace/f", b"3", if_match=old.etag)
    with pytest.raises(Conflict):
        await files.write(scope, "/workspace/gone", b"3", if_match=old.etag)
    assert (await files.read(scope, "/workspace/f"))[1] == b"2"


async def test_of_writers_with_one_etag_one_wins(files: FileService, scope: Scope) -> None:
    old = await files.write(scope, "/workspace/f", b"")
    writes = (files.write(scope, "/workspace/f", b"%d" % i, if_match=old.etag) for i in range(12))
    results = await asyncio.gather(*writes, return_exceptions=True)
    won = [i for i, result in enumerate(results) if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 11
    assert (await files.read(scope, "/workspace/f"))[1] == b"%d" % won[0]


async def test_an_idempotency_key_is_applied_once(
    database: Database, files: FileService, scope: Scope
) -> None:
    cursor = (await files.watch(scope, "/workspace")).cursor
    first = await files.write(scope, "/workspace/f", b"1", overwrite=False, idempotency_key="k1")
    await files.write(scope, "/workspace/f", b"2", idempotency_key="k2")
    again = await files.write(scope, "/workspace/f", b"1", overwrite=False, idempotency_key="k1")
    assert again == first
    assert (await files.read(scope, "/workspace/f"))[1] == b"2"
    await files.rename(scope, "/workspace/f", "/workspace/g", idempotency_key="k3")
    await files.rename(scope, "/workspace/f", "/workspace/g", idempotency_key="k3")
    await files.create_directory(scope, "/workspace/d", idempotency_key="k4")
    await files.create_directory(scope, "/workspace/d", idempotency_key="k4")
    await files.delete(scope, "/workspace/g", idempotency_key="k5")
    await files.delete(scope, "/workspace/g", idempotency_key="k5")
    root = keyspace.root(scope, "workspace")
    assert [change async for change in feed.since(database, root, cursor)] == [
        Change(ChangeType.ADDED, "f"),
        Change(ChangeType.UPDATED, "f"),
        Change(ChangeType.DELETED, "f"),
        Change(ChangeType.ADDED, "g"),
        Change(ChangeType.ADDED, "d"),
        Change(ChangeType.DELETED, "g"),
    ]


async def test_one_idempotency_key_side_by_side(files: FileService, scope: Scope) -> None:
    writes = (
        files.write(scope, "/workspace/f", b"1", overwrite=False, idempotency_key="k") for _ in range(8)
    )
    assert len(set(await asyncio.gather(*writes))) == 1


async def test_scopes_do_not_meet(files: FileService, scope: Scope) -> None:
    """A session's files are its own; a user's home is the same in all of the user's sessions."""
    await files.write(scope, "/workspace/f", b"mine")
    await files.write(scope, "/home/f", b"home")
    other_session = Scope(scope.tenant, scope.user, new_id())
    other_user = Scope(scope.tenant, new_id(), new_id())
    other_tenant = Scope(new_id(), scope.user, scope.session)
    for other in (other_session, other_user, other_tenant):
        with pytest.raises(FileNotFound):
            await files.stat(other, "/workspace/f")
    assert (await files.read(other_session, "/home/f"))[1] == b"home"
    for other in (other_user, other_tenant):
        with pytest.raises(FileNotFound):
            await files.stat(other, "/home/f")


async def test_the_roots(files: FileService, scope: Scope) -> None:
    assert [name for name, _ in await files.list_directory(scope, "/")] == ["home", "workspace"]
    assert await files.list_directory(scope, "/workspace") == []
    for path in ("/", "/workspace", "/home"):
        with pytest.raises(NoPermissions):
            await files.delete(scope, path, recursive=True)
        with pytest.raises(NoPermissions):
            await files.rename(scope, path, "/home/x")
        with pytest.raises(FileExists):
            await files.create_directory(scope, path)
        with pytest.raises((FileIsADirectory, NoPermissions)):
            await files.write(scope, path, b"")
    with pytest.raises(NoPermissions):
        await files.watch(scope, "/")


async def test_a_file_is_no_folder(files: FileService, scope: Scope) -> None:
    await files.write(scope, "/workspace/f", b"")
    await files.create_directory(scope, "/workspace/d")
    with pytest.raises(FileNotADirectory):
        await files.list_directory(scope, "/workspace/f")
    with pytest.raises(FileNotADirectory):
        await files.write(scope, "/workspace/f/x", b"")
    with pytest.raises(FileIsADirectory):
        await files.read(scope, "/workspace/d")
    with pytest.raises(FileIsADirectory):
        await files.write(scope, "/workspace/d", b"")


async def test_a_large_folder_is_read_in_pages(database: Database, scope: Scope) -> None:
    """All of it, in order, also when its size is a multiple of the page's."""
    files = FileService(database, steps=Steps(page=3))
    await files.create_directory(scope, "/workspace/d")
    names: list[str] = []
    for name in ("a", "b", "b-", "b0", "c", "z", "é"):
        await files.create_directory(scope, f"/workspace/d/{name}")
        await files.write(scope, f"/workspace/d/{name}/f", b"")
        names.append(name)
        assert [found for found, _ in await files.list_directory(scope, "/workspace/d")] == names
        for path, prefix in (("/workspace/d", ""), ("/workspace", "d/")):
            found = [found for found, _ in await files.walk(scope, path)]
            below = [f"{prefix}{name}{end}" for name in names for end in ("", "/f")]
            assert sorted(found) == sorted(below if prefix == "" else ["d", *below])
            assert len(set(found)) == len(found)
    page = await files.list_page(scope, "/workspace/d", "b", 2)
    assert [found for found, _ in page] == ["b-", "b0"]


class Interrupted:
    """A database to read from, in which something else happens before one of the reads."""

    def __init__(self, database: Database, read: int, act: Callable[[], Awaitable[object]]) -> None:
        self._database = database
        self._left = read
        self.acted = False
        self._act = act

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        if self._left == 0:
            self.acted = True
            await self._act()
        self._left -= 1
        return await self._database.read(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@pytest.mark.parametrize("path", ["/workspace", "/workspace/a"])
async def test_a_large_folder_that_is_moved_while_it_is_read(
    database: Database, scope: Scope, path: str
) -> None:
    """Whoever reads it sees it in the one place or in the other."""
    files = FileService(database)
    for folder in ("a", "b", "a/d"):
        await files.create_directory(scope, f"/workspace/{folder}")
    for i in range(6):
        await files.write(scope, f"/workspace/a/d/{i}", b"")
    legal = [await files.walk(scope, path)]
    await files.rename(scope, "/workspace/a/d", "/workspace/b/d")
    legal.append(await files.walk(scope, path))

    async def move() -> None:
        await files.rename(scope, "/workspace/a/d", "/workspace/b/d")

    for read in itertools.count():
        await files.rename(scope, "/workspace/b/d", "/workspace/a/d")
        interrupted: Any = Interrupted(database, read, move)
        assert await FileService(interrupted, steps=Steps(page=2)).walk(scope, path) in legal
        if not interrupted.acted:  # it has read less often
            break
    assert read > 2


async def test_odd_names_are_kept_exactly(files: FileService, scope: Scope) -> None:
    names = ["é", "e\u0301", "A", "a", " ", "a b", "…", "\n", "\\", "*", "-", "a" * NAME_LIMIT, "𝄞", "\x01"]
    for name in names:
        await files.write(scope, f"/workspace/{name}", name.encode())
    found = [name for name, _ in await files.list_directory(scope, "/workspace")]
    assert found == sorted(names, key=str.encode)
    for name in names:
        assert (await files.read(scope, f"/workspace/{name}"))[1] == name.encode()


async def test_a_path_as_long_as_allowed(files: FileService, scope: Scope) -> None:
    """Deep folders of long names: keys far beyond what LMDB holds in one piece."""
    path = "/workspace"
    while len(path) + 202 <= PATH_LIMIT:
        path += "/" + "d" * 200
        await files.create_directory(scope, path)
    last = path + "/" + "f" * (PATH_LIMIT - len(path) - 1)
    await files.write(scope, last, b"deep")
    assert (await files.read(scope, last))[1] == b"deep"
    with pytest.raises(InvalidPath):
        await files.write(scope, last + "f", b"")
    top = "/workspace/" + "d" * 200
    await files.rename(scope, top, "/workspace/d")
    assert (await files.read(scope, last.replace(top, "/workspace/d", 1)))[1] == b"deep"
    await files.delete(scope, "/workspace/d", recursive=True)
    assert await files.walk(scope, "/workspace") == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "workspace/f",
        "/etc/passwd",
        "/workspacex",
        "/workspace/",
        "/workspace//f",
        "/workspace/./f",
        "/workspace/../home/f",
        "/workspace/..",
        "/workspace/a\0b",
        "/workspace/\ud800",
        "/workspace/" + "é" * 128,
        "/workspace/" + "a" * 256,
        "/workspace" + "/a" * 2048,
    ],
)
async def test_bad_paths_are_refused_everywhere(files: FileService, scope: Scope, path: str) -> None:
    for call in (
        files.stat(scope, path),
        files.list_directory(scope, path),
        files.read(scope, path),
        files.write(scope, path, b""),
        files.create_directory(scope, path),
        files.delete(scope, path),
        files.rename(scope, path, "/workspace/x"),
        files.rename(scope, "/workspace/x", path),
        files.copy(scope, path, "/workspace/x"),
        files.watch(scope, path),
    ):
        with pytest.raises(InvalidPath):
            await call


@given(st.text(max_size=40).map(lambda tail: f"/workspace/{tail}"))
def test_a_parsed_path_is_its_own_text(path: str) -> None:
    try:
        at = parse(path)
    except FileError:
        return
    assert at.path == path
    assert ".." not in path.split("/")


async def test_a_watch_reports_from_its_cursor_on(files: FileService, scope: Scope) -> None:
    await files.write(scope, "/workspace/before", b"")
    watch = await files.watch(scope, "/workspace")
    cursor = watch.cursor
    following = asyncio.create_task(collected(watch, "/workspace/end"))
    await files.write(scope, "/workspace/f", b"")
    await files.write(scope, "/home/elsewhere", b"")
    await files.copy(scope, "/workspace/f", "/home/f")
    await files.rename(scope, "/home/f", "/workspace/g")
    await files.write(scope, "/workspace/end", b"")
    expected = [
        Change(ChangeType.ADDED, "/workspace/f"),
        Change(ChangeType.ADDED, "/workspace/g"),
        Change(ChangeType.ADDED, "/workspace/end"),
    ]
    assert await following == expected
    assert (
        await collected(await files.watch(scope, "/workspace", cursor=cursor), "/workspace/end") == expected
    )


async def test_a_watch_of_a_folder(files: FileService, scope: Scope) -> None:
    await files.create_directory(scope, "/workspace/d")
    await files.create_directory(scope, "/workspace/d/sub")
    deep = await files.watch(scope, "/workspace/d", excludes=["**/skip/**", "*.log"])
    flat = await files.watch(scope, "/workspace/d", recursive=False)
    await files.create_directory(scope, "/workspace/d/skip")
    for path in ("dx", "d/a", "d/x.log", "d/sub/b", "d/sub/x.log", "d/skip/c", "d/z"):
        await files.write(scope, f"/workspace/{path}", b"")
    for watched, expected in (
        (deep, ["d/a", "d/sub/b", "d/sub/x.log", "d/z"]),
        (flat, ["d/skip", "d/a", "d/x.log", "d/z"]),
    ):
        changes = await collected(watched, "/workspace/d/z")
        assert [change.path.removeprefix("/workspace/") for change in changes] == expected
    await files.delete(scope, "/workspace/d", recursive=True)
    for watched in (deep, flat):
        assert await collected(watched, "/workspace/d") == [Change(ChangeType.DELETED, "/workspace/d")]


async def test_excludes_of_any_shape_take_no_time(files: FileService, scope: Scope) -> None:
    """Patterns that take a regular expression exponential time on a deep path."""
    await files.create_directory(scope, "/workspace/a")
    path = "/workspace/a"
    for _ in range(60):
        path += "/a"
        await files.create_directory(scope, path)
    watch = await files.watch(scope, "/workspace", excludes=["**/a/" * 12 + "**/b", "**/*a*a*a*a*b"])
    await files.write(scope, path + "/end", b"")
    async with asyncio.timeout(10):
        assert await collected(watch, path + "/end") == [Change(ChangeType.ADDED, path + "/end")]
    with pytest.raises(InvalidPath):
        await files.watch(scope, "/workspace", excludes=["{a,b}" * 12])
    with pytest.raises(InvalidPath):
        await files.watch(scope, "/workspace", excludes=[f"{{1..{600}}}", f"{{1..{600}}}"])


async def test_a_rename_makes_no_path_that_is_too_long(files: FileService, scope: Scope) -> None:
    long = "n" * NAME_LIMIT
    path = "/workspace/a"
    await files.create_directory(scope, path)
    for _ in range(14):
        path += f"/{long}"
        await files.create_directory(scope, path)
    await files.create_directory(scope, f"/workspace/{long}")
    before = await files.walk(scope, "/workspace")
    for act in (files.rename, files.copy):
        with pytest.raises(InvalidPath):
            await act(scope, "/workspace/a", f"/workspace/{long}/{long}")
    assert await files.walk(scope, "/workspace") == before


async def test_a_cursor_older_than_the_feed_has_expired(
    database: Database, files: FileService, scope: Scope
) -> None:
    watch = await files.watch(scope, "/workspace")
    old = watch.cursor
    await files.write(scope, "/workspace/f", b"")
    root = keyspace.root(scope, "workspace")
    await files.tell_audit(scope)
    assert await feed.trim(database, root, content.now() + 2 * RETENTION.feed, RETENTION) == 1
    for cursor in (old, "", "zz", "00"):
        with pytest.raises(CursorExpired):
            await files.watch(scope, "/workspace", cursor=cursor)
    fresh = await files.watch(scope, "/workspace")
    await files.write(scope, "/workspace/end", b"")
    assert await collected(fresh, "/workspace/end") == [Change(ChangeType.ADDED, "/workspace/end")]


async def test_what_nobody_refers_to_is_collected_after_the_grace(
    database: Database, files: FileService, scope: Scope
) -> None:
    kept = await files.write(scope, "/workspace/kept", b"kept" * 100)
    gone = await files.write(scope, "/workspace/gone", b"gone" * 100)
    await files.delete(scope, "/workspace/gone")
    await files.copy(scope, "/workspace/kept", "/workspace/copy")
    await files.delete(scope, "/workspace/kept")
    await files.tell_audit(scope)
    assert await files.sweep(scope) == 0
    assert b"".join([part async for part in files.parts(scope, gone)]) == b"gone" * 100
    later = content.now() + 2 * content.GRACE
    assert await content.collect(database, scope.tenant, later) == 2
    assert await content.collect(database, scope.tenant, later) == 0
    with pytest.raises(ContentDamaged):
        _ = [part async for part in files.parts(scope, gone)]
    assert (await files.read(scope, "/workspace/copy"))[1] == b"kept" * 100
    assert kept.blob == (await files.stat(scope, "/workspace/copy")).blob


async def test_parts_of_an_abandoned_upload_are_collected(
    database: Database, files: FileService, scope: Scope
) -> None:
    upload = content.Upload(database, scope)
    await upload.write(bytes(PART))
    prepared = await upload.finish()
    later = content.now() + 2 * content.GRACE
    assert await content.collect(database, scope.tenant, later) == 1
    assert prepared.staged is not None


async def collected(watch: Watch, until: str) -> list[Change]:
    """All changes up to the one that touches the path `until`."""
    changes: list[Change] = []
    stream: AsyncIterator[tuple[str, list[Change]]] = aiter(watch)
    async for _, some in stream:
        changes += some
        if any(change.path == until for change in some):
            return changes
    raise AssertionError("a watch does not end")
