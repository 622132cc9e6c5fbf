"""Makes the store and the disk agree on paths that were marked, by looking at both.

A side that is not marked is taken to be as it was when they last agreed, and every change is made only if
that is so: the store is asked to with the etag that was seen, the disk looks once more at what is displaced.
Where it is not so, the path is marked again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping

import aiohttp

from rpc import ChannelClosed
from theia_bridge.workspace.mirror import decide
from theia_bridge.workspace.mirror.conflicts import Conflicts
from theia_bridge.workspace.mirror.decide import Action
from theia_bridge.workspace.mirror.desk import Desk
from theia_bridge.workspace.mirror.paths import Side, is_text
from theia_bridge.workspace.mirror.removals import Removals
from theia_bridge.workspace.mirror.renames import Renames
from theia_bridge.workspace.mirror.states import Agreed, Seen, Stored
from theia_bridge.workspace.mirror.transfers import Transfers

MANY = 16
"""Paths of one folder from which on the folder is listed, unless it has `MANY` times as many."""


class Reconciler:
    """Works on the marked paths of all roots."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._gone: list[str] = []
        self._transfers = Transfers(desk)
        self._conflicts = Conflicts(desk, self._transfers)
        self._renames = Renames(desk)
        self._removals = Removals(desk, self._transfers)

    @property
    def large(self) -> Collection[str]:
        """Paths of large files that are on their way."""
        return self._transfers.large

    @property
    def missed(self) -> Collection[str]:
        """Of these, what has changed meanwhile."""
        return self._transfers.missed

    async def close(self) -> None:
        """Gives up what is under way."""
        await self._transfers.close()

    async def work(
        self,
        marks: Mapping[str, Side],
        moved: Iterable[str],
        stored: Mapping[str, Stored],
    ) -> None:
        """Deals with marked paths.

        Args:
            moved: new names of what was renamed on the disk.
            stored: what is known already of the store.

        Raises:
            ChannelClosed: the store does not answer; all is to be marked again.
        """
        self._desk.clear(moved)
        self._gone.clear()
        wanted = self._wanted(marks)
        try:
            await self._look(wanted, stored)
            levels: dict[int, list[str]] = {}
            for path in self._desk.stored.keys() | self._desk.seen.keys():
                levels.setdefault(path.count("/"), []).append(path)
            for depth in sorted(levels):
                await self._desk.each(self._settle, levels[depth])
            await self._removals.remove(self._gone)
        except (ChannelClosed, aiohttp.ClientError) as error:
            self._desk.lost = error
        finally:
            self._desk.base.commit()
        if self._desk.lost is not None:
            raise ChannelClosed(str(self._desk.lost))

    def _wanted(self, marks: Mapping[str, Side]) -> dict[str, Side]:
        """The paths to look at: those that can be stored, with the folders they are in that are new."""
        wanted: dict[str, Side] = {}
        for path, side in marks.items():
            if self._desk.excludes.has(path) or path in self._desk.disks:
                continue
            if self._transfers.must_wait(path, side):
                continue
            parent = path.rpartition("/")[0]
            if not is_text(parent):  # that is told of the folder
                continue
            wanted[path] = wanted.get(path, side) | side
            while (
                parent not in self._desk.disks
                and parent not in wanted
                and self._desk.base.get(parent) is None
            ):
                wanted[parent] = Side.BOTH
                parent = parent.rpartition("/")[0]
        return wanted

    async def _look(self, wanted: Mapping[str, Side], known: Mapping[str, Stored]) -> None:
        on_disk = [path for path, side in wanted.items() if side & Side.DISK]
        self._desk.seen = await asyncio.to_thread(self._look_on_disk, on_disk)
        in_store = [path for path, side in wanted.items() if side & Side.STORE and is_text(path)]
        self._desk.stored = {path: known[path] for path in in_store if path in known}

        async def look(path: str) -> None:
            self._desk.stored[path] = await self._desk.store.look(path)

        async def look_in(folder: str) -> None:
            there = {f"{folder}/{name}": stored for name, stored in await self._desk.store.entries(folder)}
            self._desk.stored.update({path: there.get(path) for path in together[folder]})

        together = self._by_folder(path for path in in_store if path not in known)
        alone = [
            path
            for folder, paths in list(together.items())
            if len(paths) < max(MANY, len(self._desk.base.children(folder)) // MANY)
            for path in together.pop(folder)
        ]
        await self._desk.each(look_in, together)
        await self._desk.each(look, alone)
        folders = [path for path in in_store if path not in known and self._is_stored_folder(path)]
        while folders:
            below: list[str] = []

            async def entries(folder: str, below: list[str] = below) -> None:
                below += await self._list(folder)

            await self._desk.each(entries, folders)
            folders = below

    def _by_folder(self, paths: Iterable[str]) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = {}
        for path in paths:
            folders.setdefault(path.rpartition("/")[0], []).append(path)
        return folders

    def _is_stored_folder(self, path: str) -> bool:
        stored = self._desk.stored.get(path)
        return stored is not None and stored.kind == "directory"

    async def _list(self, folder: str) -> list[str]:
        """Notes what is different in a stored folder; the folders in it."""
        found = {f"{folder}/{name}": stored for name, stored in await self._desk.store.entries(folder)}
        folders = []
        for path, stored in found.items():
            if self._desk.excludes.has(path):
                continue
            base = self._desk.base.get(path)
            if base is None or not base.is_stored(stored) or base.mode != stored.mode:
                self._desk.stored.setdefault(path, stored)
            if stored.kind == "directory":
                folders.append(path)
        for path in self._desk.base.children(folder):
            if path not in found:
                self._desk.stored.setdefault(path, None)
        return folders

    def _look_on_disk(self, paths: Iterable[str]) -> dict[str, Seen | None]:
        found: dict[str, Seen | None] = {}
        for path in paths:
            disk, relative = self._desk.at(path)
            # What cannot be looked at is taken to be as it was.
            with contextlib.suppress(OSError):
                found[path] = disk.look(relative)
        return found

    async def _settle(self, path: str) -> None:
        """Looks what is to be done about a path, and does it, unless something is to be removed."""
        seen = self._desk.seen.get(path)
        if not is_text(path):
            if seen is None:
                self._desk.refused.pop(path, None)
            else:
                self._desk.refuse(path, "its name is not UTF-8")
            return
        base = self._desk.base.get(path)
        stored = self._desk.stored.get(path, None if base is None else base.stored)
        seen = self._desk.seen.get(path, None if base is None else base.seen)
        if seen is not None and seen.kind == "other":
            self._desk.refuse(path, "it is a socket, a pipe or a device")
            seen = None
        elif seen is None and stored is None:
            self._desk.refused.pop(path, None)
        if base is None:
            moved = None
            if seen is not None and stored is None:
                moved = await self._renames.in_store(path, seen)
            elif stored is not None and seen is None:
                moved = await self._renames.on_disk(path, stored)
            if moved is not None:
                base = moved
                stored = stored or base.stored
                seen = seen or base.seen
        base = await self._certain(path, base, stored, seen)
        action = decide.decide(base, stored, seen)
        if action in (Action.DELETE_STORED, Action.DELETE_ON_DISK):
            self._gone.append(path)
        elif action in (Action.NOTHING, Action.FORGET) or self._desk.has_place(path):
            await self._perform(action, path, base, stored, seen)
        else:
            self._desk.mark_with_parent(path)

    async def _certain(
        self, path: str, base: Agreed | None, stored: Stored | None, seen: Seen | None
    ) -> Agreed | None:
        """What was agreed on; with what the disk has now, if its time has changed but not its content."""
        if (
            base is None
            or seen is None
            or base.kind != "file"
            or seen.kind != "file"
            or base.is_on_disk(seen)
            or base.is_stored(stored)
            or base.size != seen.size
        ):
            return base
        found, digest = await self._desk.digest(path)
        if digest != base.digest:
            return base
        return base.now_on_disk(seen if found.is_still(seen) else found)

    async def _perform(
        self, action: Action, path: str, base: Agreed | None, stored: Stored | None, seen: Seen | None
    ) -> None:
        match action:
            case Action.NOTHING:
                if base is not None and stored is not None and seen is not None:
                    await self._transfers.align(path, base, stored, seen, base.digest)
            case Action.FORGET:
                self._desk.base.drop(path)
            case Action.ADOPT:
                assert stored is not None
                assert seen is not None
                await self._transfers.align(path, base, stored, seen, b"")
            case Action.STORE:
                assert seen is not None
                await self._transfers.to_store(path, base, stored, seen)
            case Action.WRITE:
                assert stored is not None
                await self._transfers.to_disk(path, base, stored, seen)
            case Action.COMPARE:
                assert stored is not None
                assert seen is not None
                await self._conflicts.compare(path, base, stored, seen)
            case Action.CONFLICT:
                assert stored is not None
                assert seen is not None
                await self._conflicts.keep_both(path, stored, seen)
