"""Removes from one side what is gone on the other."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Mapping
from functools import partial

from rpc import RpcError
from theia_bridge.workspace.mirror.desk import Desk
from theia_bridge.workspace.mirror.disk import Changed, Disk
from theia_bridge.workspace.mirror.excludes import Excludes
from theia_bridge.workspace.mirror.paths import Side, is_below, is_text
from theia_bridge.workspace.mirror.states import Agreed, Seen, Stored
from theia_bridge.workspace.mirror.transfers import Transfers

YOUNG = 600_000
"""Milliseconds: what is deleted on the disk before it was stored for so long goes for good, else into the
trash. So what programs make and remove all the time does not fill it."""


class Removals:
    """Removes files, links and folders, unless they have changed."""

    def __init__(self, desk: Desk, transfers: Transfers) -> None:
        self._desk = desk
        self._transfers = transfers

    async def remove(self, paths: Iterable[str]) -> None:
        """Removes what is gone on one side from the other: folders as a whole, then the rest."""
        folders = {path for path in paths if self._is_folder(path)}
        await self._desk.each(self._remove_folder, [path for path in folders if not is_below(path, folders)])
        levels: dict[int, list[str]] = {}
        for path in paths:
            if path not in folders:
                levels.setdefault(path.count("/"), []).append(path)
        for depth in sorted(levels, reverse=True):
            await self._desk.each(self._remove_one, levels[depth])

    def _is_folder(self, path: str) -> bool:
        base = self._desk.base.get(path)
        return base is not None and base.kind == "directory"

    async def _remove_one(self, path: str) -> None:
        base = self._desk.base.get(path)
        if base is None:
            return
        stored = self._desk.stored.get(path, base.stored)
        if base.is_stored(stored):
            seen = await self._desk.on_disk(path, Disk.look)
            if seen is not None and seen.kind == base.kind:
                self._desk.again(path, Side.BOTH)
                return
            await self._transfers.delete(path, stored or base.stored, trash=self._to_trash(base))
        else:
            expected = self._desk.seen.get(path) or base.seen
            await self._desk.on_disk(path, lambda disk, at: disk.remove(at, expected))
        self._desk.base.drop(path)
        self._desk.refused.pop(path, None)
        if self._desk.stored.get(path) is not None or self._desk.seen.get(path) is not None:
            self._desk.again(path, Side.BOTH)  # something else is there

    def _to_trash(self, base: Agreed) -> bool:
        return base.kind == "file" and base.size > 0 and base.made < time.time() * 1000 - YOUNG

    async def _remove_folder(self, path: str) -> None:
        base = self._desk.base.get(path)
        if base is None:  # with the folder it was in
            return
        stored = self._desk.stored.get(path, base.stored)
        if stored is not None and base.is_stored(stored):
            await self._remove_stored_folder(path, base, stored)
        else:
            await self._remove_folder_on_disk(path)
        self._desk.again(path, Side.BOTH)

    async def _remove_stored_folder(self, path: str, base: Agreed, folder: Stored) -> None:
        seen = await self._desk.on_disk(path, Disk.look)
        if seen is not None and seen.kind == "directory":
            return
        rows = dict(self._desk.base.below(path))
        stored, unchanged = await self._all_stored(path, rows)
        if unchanged and any(self._to_trash(row) for row in rows.values()):
            await self._desk.store.delete(path, folder.etag, recursive=True, trash=True)
            self._desk.base.clear(path)
            self._desk.base.drop(path)
            return
        levels: dict[int, list[str]] = {}
        for below, row in rows.items():
            if below not in stored:
                self._desk.base.drop(below)
            elif row.is_stored(stored[below]):
                levels.setdefault(below.count("/"), []).append(below)
            else:
                self._desk.again(below, Side.BOTH)
        for below in stored.keys() - rows.keys():
            self._desk.again(below, Side.BOTH)

        async def drop(below: str) -> None:
            await self._drop_stored(below, rows[below], stored[below])

        for depth in sorted(levels, reverse=True):
            await self._desk.each(drop, levels[depth])
        await self._drop_stored(path, base, folder)

    async def _drop_stored(self, path: str, base: Agreed, stored: Stored) -> None:
        try:
            await self._transfers.delete(path, stored, trash=self._to_trash(base))
        except RpcError as error:
            if error.kind not in ("DirectoryNotEmpty", "FileNotFound"):
                raise
            # Something in it has changed meanwhile: it is needed on the disk again.
        self._desk.base.drop(path)
        self._desk.again(path, Side.BOTH)

    async def _all_stored(self, path: str, rows: Mapping[str, Agreed]) -> tuple[dict[str, Stored], bool]:
        """All that is in a stored folder but for what is excluded, and whether it is what was agreed on."""
        found: dict[str, Stored] = {}
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            for name, stored in await self._desk.store.entries(folder):
                below = f"{folder}/{name}"
                if self._desk.excludes.has(below):
                    continue
                found[below] = stored
                if stored.kind == "directory":
                    waiting.append(below)
        return found, all(below in rows and rows[below].is_stored(stored) for below, stored in found.items())

    async def _remove_folder_on_disk(self, path: str) -> None:
        rows = dict(self._desk.base.below(path))
        removed, kept = await self._desk.on_disk(
            path, partial(_clear, path=path, rows=rows, excludes=self._desk.excludes)
        )
        for below in filter(is_text, removed):
            self._desk.base.drop(below)
        for below in kept:
            self._desk.again(below, Side.BOTH)
        # If it is still there, then because of what has changed in it: it is to be stored again.
        self._desk.base.drop(path)


def _clear(
    disk: Disk, at: str, *, path: str, rows: Mapping[str, Agreed], excludes: Excludes
) -> tuple[list[str], list[str]]:
    """Removes what both sides have agreed on from a folder, and the folder if it is empty then.

    Returns what was removed, and what is there that they have not.
    """
    removed: list[str] = []
    kept: list[str] = []
    folders = [(path, at)]
    for folder, place in folders:  # those in it are added
        for name, seen in disk.entries(place):
            below, there = f"{folder}/{name}", f"{place}/{name}"
            row = rows.get(below)
            try:
                if excludes.has(below):
                    disk.remove_tree(there)
                elif seen.kind == "directory":
                    folders.append((below, there))
                elif row is not None and _is_same(disk, there, row, seen):
                    disk.remove(there, seen)
                    removed.append(below)
                else:
                    kept.append(below)
            except Changed:
                kept.append(below)
    for folder, place in reversed(folders):
        found = disk.look(place)
        if found is not None and found.kind == "directory":
            try:
                disk.remove(place, found)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                kept.append(folder)
                continue
        removed.append(folder)
    return removed, kept


def _is_same(disk: Disk, at: str, row: Agreed, seen: Seen) -> bool:
    if row.is_on_disk(seen):
        return True
    return row.kind == seen.kind == "file" and row.size == seen.size and disk.digest(at)[1] == row.digest
