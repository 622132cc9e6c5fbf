"""Random operations on the file system against a plain dictionary, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import (
    DirectoryNotEmpty,
    FileError,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    InvalidPath,
)
from fdb_provider.files import content, usage
from fdb_provider.files.entry import DIRECTORY, FILE
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope

Tree = dict[str, bytes | None]
"""Paths relative to the root; a folder's content is None."""

# Few names, so that operations meet; among them one that is a prefix of another, and one that sorts between
# `a/` and `a0`, the bounds of what is below `a`.
NAMES = st.sampled_from(["a", "b", "ab", "a-", "a0", "ä\n"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
# One content larger than a chunk, one that is shared, one empty.
CONTENTS = st.sampled_from([b"", b"x", b"shared", b"large" * 20_000])


@dataclass(frozen=True)
class Write:
    path: str
    data: bytes
    create: bool
    overwrite: bool

    async def run(self, files: FileService, scope: Scope) -> None:
        await files.write(
            scope, f"/workspace/{self.path}", self.data, create=self.create, overwrite=self.overwrite
        )

    def apply(self, model: Tree) -> None:
        check_parent(model, self.path)
        if self.path not in model and not self.create:
            raise FileNotFound
        if self.path in model:
            if model[self.path] is None:
                raise FileIsADirectory
            if not self.overwrite:
                raise FileExists
        model[self.path] = self.data


@dataclass(frozen=True)
class Make:
    path: str

    async def run(self, files: FileService, scope: Scope) -> None:
        await files.create_directory(scope, f"/workspace/{self.path}")

    def apply(self, model: Tree) -> None:
        check_parent(model, self.path)
        if self.path in model:
            raise FileExists
        model[self.path] = None


@dataclass(frozen=True)
class Delete:
    path: str
    recursive: bool

    async def run(self, files: FileService, scope: Scope) -> None:
        await files.delete(scope, f"/workspace/{self.path}", recursive=self.recursive)

    def apply(self, model: Tree) -> None:
        if self.path not in model:
            raise FileNotFound
        if below(model, self.path) and not self.recursive:
            raise DirectoryNotEmpty
        remove(model, self.path)


@dataclass(frozen=True)
class Transfer:
    source: str
    target: str
    overwrite: bool
    keep: bool

    async def run(self, files: FileService, scope: Scope) -> None:
        act = files.copy if self.keep else files.rename
        await act(scope, f"/workspace/{self.source}", f"/workspace/{self.target}", overwrite=self.overwrite)

    def apply(self, model: Tree) -> None:
        if self.source not in model:
            raise FileNotFound
        if self.source == self.target:
            return
        if self.target.startswith(self.source + "/") or self.source.startswith(self.target + "/"):
            raise InvalidPath
        check_parent(model, self.target)
        if self.target in model:
            if not self.overwrite:
                raise FileExists
            remove(model, self.target)
        for path in [self.source, *below(model, self.source)]:
            model[self.target + path[len(self.source) :]] = model[path]
        if not self.keep:
            remove(model, self.source)


Operation = Write | Make | Delete | Transfer
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Write, PATHS, CONTENTS, st.booleans(), st.booleans()),
    st.builds(Make, PATHS),
    st.builds(Make, NAMES),
    st.builds(Delete, PATHS, st.booleans()),
    st.builds(Transfer, PATHS, PATHS, st.booleans(), st.booleans()),
)


def check_parent(model: Tree, path: str) -> None:
    parent, _, _ = path.rpartition("/")
    if parent:
        if parent not in model:
            raise FileNotFound
        if model[parent] is not None:
            raise FileNotADirectory


def below(model: Tree, path: str) -> list[str]:
    return [other for other in model if other.startswith(path + "/")]


def remove(model: Tree, path: str) -> None:
    for gone in [path, *below(model, path)]:
        del model[gone]


async def truth(files: FileService, scope: Scope, path: str = "/workspace") -> Tree:
    """What is really there, by listing each folder and reading each file."""
    found: Tree = {}
    for name, entry in await files.list_directory(scope, path):
        at = f"{path}/{name}"
        relative = at.removeprefix("/workspace/")
        if entry.kind == DIRECTORY:
            found[relative] = None
            found |= await truth(files, scope, at)
        else:
            found[relative] = (await files.read(scope, at))[1]
            assert entry.size == len(found[relative] or b"")
    return found


async def outcome(act: Awaitable[None]) -> type[Exception] | None:
    try:
        await act
    except FileError as error:
        return type(error)
    return None


@dataclass
class Watcher:
    """A client that knows the tree only by what its watch tells it."""

    files: FileService
    scope: Scope
    picture: Tree = field(default_factory=dict)

    async def follow(self, cursor: str, until: str) -> None:
        """Takes in all changes behind `cursor` up to the one that touches the path `until`."""
        watch = await self.files.watch(self.scope, "/workspace", cursor=cursor)
        async for _, changes in watch:
            for change in changes:
                await self._look(change.path)
                if change.path == until:
                    return

    async def _look(self, path: str) -> None:
        relative = path.removeprefix("/workspace/")
        for known in [relative, *below(self.picture, relative)]:
            self.picture.pop(known, None)
        try:
            entry = await self.files.stat(self.scope, path)
        except FileNotFound:
            return
        if entry.kind == DIRECTORY:
            self.picture[relative] = None
            self.picture |= await truth(self.files, self.scope, path)
        else:
            self.picture[relative] = (await self.files.read(self.scope, path))[1]


async def references(database: Database, scope: Scope) -> dict[bytes, int]:
    """How often each content is referred to: stored once, further references, less those given up."""
    contents, further, notes = (keyspace.pack(scope.tenant, x) for x in ("content", "references", "garbage"))

    async def body(tr: Reader) -> dict[bytes, int]:
        counts: dict[bytes, int] = {}
        async for key, _ in tr.get_range(*keyspace.range_of(contents)):
            counts[keyspace.unpack(key, contents)[0]] = 1
        async for key, value in tr.get_range(*keyspace.range_of(further)):
            counts[keyspace.unpack(key, further)[0]] += int.from_bytes(value, "little", signed=True)
        async for key, _ in tr.get_range(*keyspace.range_of(notes)):
            counts[keyspace.unpack(key, notes)[2]] -= 1
        return counts

    return {sha256: count for sha256, count in (await database.read(body)).items() if count}


async def check_usage(files: FileService, scope: Scope) -> None:
    """The counters are what a recount finds."""
    used, _ = await files.usage(scope)
    roots: dict[usage.Owner, str] = {"session": "/workspace", "user": "/home"}
    for owner, root in roots.items():
        entries = [entry for _, entry in await files.walk(scope, root)]
        assert used[owner] == (sum(entry.size for entry in entries), len(entries))
    assert used["tenant"] == tuple(map(sum, zip(used["session"], used["user"], strict=True)))


async def expected_references(files: FileService, scope: Scope) -> dict[bytes, int]:
    counts: dict[bytes, int] = {}
    for _, entry in await files.walk(scope, "/workspace"):
        if entry.kind == FILE and entry.sha256 != content.EMPTY:
            counts[entry.sha256] = counts.get(entry.sha256, 0) + 1
    return counts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=25))
async def test_operations_agree_with_a_dictionary(database: Database, operations: list[Operation]) -> None:
    """Results, errors, what is there afterwards, what a watcher saw, and how contents are counted."""
    files = FileService(database)
    scope = Scope(new_id(), new_id(), new_id())
    cursor = (await files.watch(scope, "/workspace")).cursor
    model: Tree = {}
    for operation in operations:
        expected: type[Exception] | None = None
        try:
            operation.apply(model)
        except FileError as error:
            expected = type(error)
        assert await outcome(operation.run(files, scope)) == expected, operation
    assert await truth(files, scope) == model
    assert dict(await files.walk(scope, "/workspace")).keys() == model.keys()
    await files.write(scope, "/workspace/end", b"")
    watcher = Watcher(files, scope)
    await watcher.follow(cursor, "/workspace/end")
    assert watcher.picture == model | {"end": b""}
    assert await references(database, scope) == await expected_references(files, scope)
    await check_usage(files, scope)
    while await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE):
        pass
    assert await truth(files, scope) == model | {"end": b""}
    assert await references(database, scope) == await expected_references(files, scope)
    await check_usage(files, scope)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=16))
async def test_operations_side_by_side_leave_a_tree(database: Database, operations: list[Operation]) -> None:
    """Whatever order they are committed in: every entry's folder exists, and every content is counted."""
    files = FileService(database)
    scope = Scope(new_id(), new_id(), new_id())
    for name in ("a", "b"):
        await files.create_directory(scope, f"/workspace/{name}")
    await asyncio.gather(*(outcome(o.run(files, scope)) for o in operations))
    found = await truth(files, scope)
    assert dict(await files.walk(scope, "/workspace")).keys() == found.keys()
    assert await references(database, scope) == await expected_references(files, scope)
    await check_usage(files, scope)
