"""What a workspace's code runs with: its interpreter, and the packages that are installed for it.

Neither is among the files that editors see: virtual environments are not stored. So they are looked at every
now and then, and engines are told what has changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from lsprotocol import types
from pygls import uris

from theia_bridge.lsp.interpreter import interpreter, packages

LOOK_SECONDS = 2.0
"""From one look to the next."""

Contents = Mapping[str, int]
"""What is in a folder: names, and when they were changed."""


class Change(msgspec.Struct):
    """A file that has changed, as `workspace/didChangeWatchedFiles` tells it."""

    uri: str
    type: int


class Changes(msgspec.Struct):
    """Params of `workspace/didChangeWatchedFiles`."""

    changes: list[Change]


class Surroundings:
    """Looks after the interpreter and the packages of a workspace.

    Args:
        root: its folder.
        moved: is called when there is another interpreter.
        installed: is called with what has changed among the packages.

    Attributes:
        python: the interpreter.
    """

    def __init__(
        self, root: Path, *, moved: Callable[[], None], installed: Callable[[Changes], None]
    ) -> None:
        self.python = interpreter(root)
        self._root = root
        self._moved = moved
        self._installed = installed
        self._folders: dict[str, Contents] = {}
        for folder in packages(root):
            self.watch(folder)

    def watch(self, folder: str) -> None:
        """Looks after a folder of packages, too."""
        if Path(folder) != self._root:
            self._folders.setdefault(folder, _contents(folder))

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if (python := await asyncio.to_thread(interpreter, self._root)) != self.python:
                self.python = python
                self._moved()
            for folder in await asyncio.to_thread(packages, self._root):
                self.watch(folder)
            changes: list[Change] = []
            for folder, before in list(self._folders.items()):
                now = await asyncio.to_thread(_contents, folder)
                self._folders[folder] = now
                changes += _changes(folder, before, now)
            if changes:
                self._installed(Changes(changes))


def _contents(folder: str) -> Contents:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat(follow_symlinks=False).st_mtime_ns for entry in entries}
    except OSError:
        return {}


def _changes(folder: str, before: Contents, now: Contents) -> Iterator[Change]:
    """What is different; of a package its `__init__.py`, as engines look at files."""
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) == now.get(name):
            continue
        kind = types.FileChangeType.Changed
        if name not in before:
            kind = types.FileChangeType.Created
        elif name not in now:
            kind = types.FileChangeType.Deleted
        path = os.path.join(folder, name)
        file = path if "." in name else os.path.join(path, "__init__.py")
        if (uri := uris.from_fs_path(file)) is not None:
            yield Change(uri, kind)
