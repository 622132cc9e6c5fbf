"""Random changes with a history, a trash, links and modes against plain objects, on both engines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider.engine import Database
from fdb_provider.errors import (
    FileError,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    InvalidPath,
    NoPermissions,
    RecordNotFound,
    StoreError,
)
from fdb_provider.files import content, usage
from fdb_provider.files.entry import DIRECTORY, FILE, SYMLINK, Entry
from fdb_provider.files.retention import DAY, Retention
from fdb_provider.files.service import FileService
from fdb_provider.fsck import check
from fdb_provider.models import new_id
from fdb_provider.repositories import accounts
from fdb_provider.scope import Scope
from tests.files.conftest import sweep

ALL = Retention(versions=1000, history=3650 * DAY, merge=0, trash=3650 * DAY)
"""Nothing has had its time before the test says so."""

PATHS = st.sampled_from(["a", "a", "b", "d", "d/a", "d/a", "d/b"])
# Few paths that mostly can be, so that much happens to the same files.
START: list[tuple[Any, ...]] = [("write", "a", b"x"), ("make", "d", None), ("write", "d/a", b"y")]
CONTENTS = st.sampled_from([b"", b"x", b"y", b"large" * 20_000])


@dataclass
class Node:
    """A file, folder (its data is None) or link (its target)."""

    data: bytes | str | None
    mode: int
    versions: list[bytes] = field(default_factory=list)
    """Earlier contents, the newest first."""

    @property
    def kind(self) -> int:
        return DIRECTORY if self.data is None else SYMLINK if isinstance(self.data, str) else FILE

    @property
    def readonly(self) -> bool:
        return self.kind == FILE and not self.mode & 0o200

    def supersede(self, old: Node) -> None:
        """Takes the place of a file."""
        if not self.versions:
            self.versions = list(old.versions)
        if old.data != self.data:
            assert isinstance(old.data, bytes)
            self.versions.insert(0, old.data)


@dataclass
class World:
    """What there should be."""

    tree: dict[str, Node] = field(default_factory=dict)
    trash: list[tuple[str, dict[str, Node]]] = field(default_factory=list)
    """The last deleted last: where it was, and what it was by paths relative to that."""

    def below(self, path: str) -> list[str]:
        return [other for other in self.tree if other.startswith(path + "/")]

    def get(self, path: str) -> Node:
        if path not in self.tree:
            raise FileNotFound
        return self.tree[path]

    def check_parent(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent and self.get(parent).data is not None:
            raise FileNotADirectory

    def cut(self, path: str) -> dict[str, Node]:
        return {p[len(path) :]: self.tree.pop(p) for p in [path, *self.below(path)]}

    def paste(self, path: str, nodes: dict[str, Node]) -> None:
        self.tree |= {path + relative: node for relative, node in nodes.items()}

    def write(self, path: str, data: bytes) -> None:
        self.check_parent(path)
        old = self.tree.get(path)
        new = Node(data, 0o644 if old is None else old.mode)
        if old is not None:
            if old.kind == DIRECTORY:
                raise FileIsADirectory
            if old.kind == SYMLINK or old.readonly:
                raise NoPermissions
            new.supersede(old)
        self.tree[path] = new

    def make(self, path: str, data: str | None) -> None:
        self.check_parent(path)
        if path in self.tree:
            raise FileExists
        self.tree[path] = Node(data, 0o755 if data is None else 0o777)

    def delete(self, path: str, to_trash: bool) -> None:
        if self.get(path).readonly:
            raise NoPermissions
        nodes = self.cut(path)
        if to_trash:
            self.trash.append((path, nodes))

    def transfer(self, source: str, target: str, keep: bool) -> None:
        moved = self.get(source)
        if source == target:
            return
        if target.startswith(source + "/") or source.startswith(target + "/"):
            raise InvalidPath
        self.check_parent(target)
        old = self.tree.get(target)
        if old is not None and old.readonly:
            raise NoPermissions
        if old is not None:
            self.cut(target)
        if keep:
            paths = [source, *self.below(source)]
            nodes = {p[len(source) :]: replace(self.tree[p], versions=[]) for p in paths}
        else:
            nodes = self.cut(source)
        if old is not None and old.kind == moved.kind == FILE:
            nodes[""].supersede(old)
        self.paste(target, nodes)

    def set_readonly(self, path: str, readonly: bool) -> None:
        node = self.get(path)
        if node.kind == SYMLINK:
            raise NoPermissions
        if node.kind == DIRECTORY:
            raise FileIsADirectory
        node.mode = node.mode & ~0o222 if readonly else node.mode | 0o200

    def version(self, path: str, i: int) -> bytes | None:
        """The content of the earlier one of that number."""
        versions = self.tree[path].versions if path in self.tree else []
        return versions[i] if i < len(versions) else None

    def restore_version(self, path: str, i: int) -> None:
        node = self.get(path)
        if node.kind == DIRECTORY:
            raise FileIsADirectory
        if node.readonly:
            raise NoPermissions
        if i >= len(node.versions):
            raise RecordNotFound
        new = Node(node.versions[i], 0o644)
        new.supersede(node)
        self.tree[path] = new

    def restore(self, i: int, overwrite: bool) -> None:
        if i >= len(self.trash):
            raise RecordNotFound
        path, nodes = self.trash[i]
        parts = path.split("/")
        parents = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        if any(parent in self.tree and self.tree[parent].kind != DIRECTORY for parent in parents):
            raise FileNotADirectory
        if path in self.tree:
            if not overwrite:
                raise FileExists
            if self.tree[path].readonly:
                raise NoPermissions
        self.tree |= {parent: Node(None, 0o755) for parent in parents if parent not in self.tree}
        del self.trash[i]
        if path in self.tree:
            self.trash.append((path, self.cut(path)))
        self.paste(path, nodes)

    def nodes(self) -> list[Node]:
        """All that is there, also in the trash."""
        return [*self.tree.values(), *(node for _, thrown in self.trash for node in thrown.values())]


Step = tuple[Any, ...]
"""The name of a method of `World` and its arguments."""
STEPS: st.SearchStrategy[Step] = st.one_of(
    *[st.tuples(st.just("write"), PATHS, CONTENTS)] * 3,
    st.tuples(st.just("make"), PATHS, st.sampled_from([None, None, "a", "../nowhere"])),
    *[st.tuples(st.just("delete"), PATHS, st.booleans())] * 2,
    st.tuples(st.just("transfer"), PATHS, PATHS, st.booleans()),
    st.tuples(st.just("set_readonly"), PATHS, st.booleans()),
    st.tuples(st.just("restore_version"), PATHS, st.integers(0, 2)),
    st.tuples(st.just("restore"), st.integers(0, 1), st.booleans()),
)


async def perform(files: FileService, scope: Scope, step: Step, wanted: bytes | None) -> None:
    """The same with the real thing; a version is found by its content."""
    name, *arguments = step
    if name == "restore":
        # In the model the last deleted comes last.
        listed = [trash_id for trash_id, _ in await files.trash.list(scope)][::-1]
        i, overwrite = arguments
        await files.trash.restore(scope, listed[i] if i < len(listed) else "none", overwrite=overwrite)
        return
    path = f"/workspace/{arguments[0]}"
    match name, arguments[1:]:
        case "write", [data]:
            await files.write(scope, path, data)
        case "make", [None]:
            await files.create_directory(scope, path)
        case "make", [target]:
            await files.create_symlink(scope, path, target)
        case "delete", [to_trash]:
            await files.delete(scope, path, recursive=True, to_trash=to_trash)
        case "transfer", [target, keep]:
            act = files.copy if keep else files.rename
            await act(scope, path, f"/workspace/{target}", overwrite=True)
        case "set_readonly", [readonly]:
            await files.set_attributes(scope, path, readonly=readonly)
        case "restore_version", _:
            names = [
                version.name
                for version in await files.history.list(scope, path)
                if (await files.history.read(scope, path, version.name))[1] == wanted
            ]
            await files.history.restore(scope, path, names[0] if names else "none")


async def seen(files: FileService, scope: Scope, path: str, entry: Entry) -> Node:
    """What is really there."""
    at = f"/workspace/{path}"
    if entry.kind == DIRECTORY:
        return Node(None, entry.mode)
    if entry.kind == SYMLINK:
        return Node(entry.target, entry.mode)
    versions = await files.history.list(scope, at)
    earlier = [(await files.history.read(scope, at, version.name))[1] for version in versions]
    return Node((await files.read(scope, at))[1], entry.mode, earlier)


def same(node: Node) -> tuple[object, int, Counter[bytes]]:
    # In whatever order: a version that came with a file moved over another is as old as it was there.
    return node.data, node.mode, Counter(node.versions)


async def agree(files: FileService, scope: Scope, world: World) -> None:
    found = {
        path: await seen(files, scope, path, entry) for path, entry in await files.walk(scope, "/workspace")
    }
    assert {p: same(n) for p, n in found.items()} == {p: same(n) for p, n in world.tree.items()}
    listed = [(item.path, item.entries) for _, item in await files.trash.list(scope)]
    assert listed == [(f"/workspace/{path}", len(nodes)) for path, nodes in reversed(world.trash)]
    used, _ = await files.usage(scope)
    sizes = [len(node.data) for node in world.nodes() if node.data is not None]
    assert used["session"] == usage.Usage(sum(sizes), len(world.nodes()))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
async def test_the_past_agrees_with_plain_objects(
    database: Database, monkeypatch: pytest.MonkeyPatch, steps: list[Step]
) -> None:
    """Results, errors, what is there, what was, and (by fsck) how each content is counted, before and after
    everything that may be collected is."""
    new = accounts.registration(f"{new_id()}@example.com", "Ada", "hash")
    await database.run(lambda tr: accounts.register(tr, new))
    scope, files, world = new.scope, FileService(database, retention=ALL), World()
    # No two things are deleted in one millisecond: their order would be open.
    ticks = count(content.now())
    monkeypatch.setattr(content, "now", lambda: next(ticks))
    for step in [*START, *steps]:
        wanted = world.version(*step[1:]) if step[0] == "restore_version" else None
        expected: type[StoreError] | None = None
        try:
            getattr(world, step[0])(*step[1:])
        except (FileError, RecordNotFound) as error:
            expected = type(error)
        got: type[StoreError] | None = None
        try:
            await perform(files, scope, step, wanted)
        except StoreError as error:
            got = type(error)
        assert got == expected, step
    await agree(files, scope, world)
    await sweep(files, scope, content.now() + 2 * content.GRACE)
    await agree(files, scope, world)
    assert (await check(database)).found == []
    await files.trash.empty(scope)
    for path in list(world.tree):
        if "/" not in path:
            if world.tree[path].readonly:
                await files.set_attributes(scope, f"/workspace/{path}", readonly=False)
            await files.delete(scope, f"/workspace/{path}", recursive=True)
    for _ in range(2):
        await sweep(files, scope, content.now() + 4 * content.GRACE)
    assert (await check(database)).found == []
    used, _ = await files.usage(scope)
    assert used["tenant"] == usage.Usage(0, 0)
