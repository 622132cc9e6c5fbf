"""Sees that something new on one side is something known under another name, and renames it on the other."""

from __future__ import annotations

from collections.abc import Mapping

from rpc import RpcError
from theia_bridge.workspace.mirror.desk import AGAIN, Desk
from theia_bridge.workspace.mirror.disk import Changed, Disk
from theia_bridge.workspace.mirror.paths import Side, same_root
from theia_bridge.workspace.mirror.states import UNKNOWN, Agreed, Seen, Stored

KIN = 20
"""Files of a folder that are looked at to know it again under another name."""


class Renames:
    """Renames what was renamed: known on the disk by its inode, in the store by its etag."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def in_store(self, path: str, seen: Seen) -> Agreed | None:
        """If this was renamed on the disk, renames it in the store too; what was agreed on."""
        for source, row in self._desk.base.with_ino(seen.ino):
            if source == path or row.kind != seen.kind or not same_root(source, path):
                continue
            if await self._desk.on_disk(source, Disk.look) is not None:
                continue
            if not await self._is_moved(source, row, path, seen):
                continue
            try:
                await self._desk.store.rename(source, path, row.etag)
            except RpcError as error:
                if error.kind not in AGAIN:
                    raise
                self._desk.again(source, Side.BOTH)
                return None
            moved = self._move(source, path, row, seen)
            self._mark_unseen(path, self._desk.seen, Side.DISK)
            return moved
        return None

    async def _is_moved(self, source: str, row: Agreed, path: str, seen: Seen) -> bool:
        """Whether it is the same thing, not another one that has its inode by chance."""
        if path in self._desk.moved:
            return True
        if row.kind != "directory":
            return (row.size, row.mtime, row.target) == (seen.size, seen.mtime, seen.target)
        children = {
            child.rpartition("/")[2]: known.ino
            for child in self._desk.base.children(source)[:KIN]
            if (known := self._desk.base.get(child)) is not None
        }

        def is_kin(disk: Disk, at: str) -> bool:
            found = {name: disk.look(f"{at}/{name}") for name in children}
            return any(seen is not None and seen.ino == children[name] for name, seen in found.items())

        return await self._desk.on_disk(path, is_kin)

    async def on_disk(self, path: str, stored: Stored) -> Agreed | None:
        """If this was renamed in the store, renames it on the disk too; what was agreed on."""
        for source, row in self._desk.base.with_etag(stored.etag):
            if source == path or row.kind != stored.kind or not same_root(source, path):
                continue
            if not self._desk.has_place(path):
                continue
            there = (
                self._desk.stored[source]
                if source in self._desk.stored
                else await self._desk.store.look(source)
            )
            if there is not None and there.etag == stored.etag:
                continue
            try:
                seen = await self._desk.on_disk(
                    source,
                    lambda disk, at, row=row: disk.move(at, self._desk.at(path)[1], row.ino),  # type: ignore[misc]
                )
            except Changed:
                found = await self._desk.on_disk(path, Disk.look)
                if found is None or found.ino != row.ino:
                    self._desk.again(source, Side.BOTH)
                    return None
                seen = found
            moved = self._move(source, path, row, seen)
            self._mark_unseen(path, self._desk.stored, Side.STORE)
            return moved
        return None

    def _mark_unseen(self, folder: str, found: Mapping[str, object], side: Side) -> None:
        """Marks what is remembered of a folder that was renamed, and was not found in it under its new name.

        It may have been removed just before, when it still had the old one.
        """
        for path in self._desk.base.paths_below(folder):
            if path not in found:
                self._desk.again(path, side)

    def _move(self, source: str, path: str, row: Agreed, seen: Seen) -> Agreed:
        self._desk.base.move(source, path)
        if seen.is_still(row.seen) and row.ctime != UNKNOWN:
            row = row.now_on_disk(seen)  # only the time of its change is another
            self._desk.base.put(path, row)
        for gone in [name for name in self._desk.refused if name.startswith(f"{source}/")]:
            del self._desk.refused[gone]
        return row
