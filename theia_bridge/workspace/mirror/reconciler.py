"""Makes the store and the disk agree on paths that were marked, by looking at both.

A side that is not marked is taken to be as it was when they last agreed, and every change is made only if
that is so: the store is asked to with the etag that was seen, the disk looks once more at what is displaced.
Where it is not so, the path is marked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from enum import Flag, auto
from functools import partial
from typing import TypeVar

import aiohttp
import msgspec

from rpc import ChannelClosed, RpcError
from theia_bridge.workspace.mirror import decide
from theia_bridge.workspace.mirror.base import Base
from theia_bridge.workspace.mirror.decide import Action
from theia_bridge.workspace.mirror.disk import NOT_THERE, Changed, Disk, seen_of
from theia_bridge.workspace.mirror.excludes import Excludes
from theia_bridge.workspace.mirror.jobs import Jobs
from theia_bridge.workspace.mirror.protocol import MirrorConflict, MirrorRefusal
from theia_bridge.workspace.mirror.states import UNKNOWN, Agreed, Seen, Stored
from theia_bridge.workspace.mirror.store import Store

SMALL = 256 * 1024
"""Bytes up to which a file is read and sent as a whole."""
LARGE_AT_ONCE = 2
AT_ONCE = 128
"""Paths under way at a time."""
YOUNG = 600_000
"""Milliseconds: what is deleted on the disk before it was stored for so long goes for good, else into the
trash. So what programs make and remove all the time does not fill it."""
TOLD = 100
"""Paths that cannot be mirrored of which each is told."""
REST = 10.0
"""How many times as long as a large file was under way it is left alone before it is so again; at most"""
REST_MOST = 60.0
"""seconds. Else a log of some size would be stored all the time."""
KIN = 20
"""Files of a folder that are looked at to know it again under another name."""
NAME_LIMIT = 255
_AGAIN = {
    "Conflict",
    "FileExists",
    "FileNotFound",
    "FileNotADirectory",
    "FileIsADirectory",
    "DirectoryNotEmpty",
    "NoPermissions",
}
"""Answers of the store to what does not fit any more."""
_LATER = {"Unavailable", "RateLimited", "Cancelled", "Internal"}
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Side(Flag):
    """Where something may have changed."""

    STORE = auto()
    DISK = auto()
    BOTH = STORE | DISK


class Reconciler:
    """Works on the marked paths of all roots.

    Args:
        disks: by the paths of their roots.
        again: marks a path again.
        later: the same, for when so many seconds have passed.
        tell: tells the user something.

    Attributes:
        store: the connection to the store that stands now.
        refused: what cannot be kept equal, and why.
    """

    store: Store

    def __init__(
        self,
        base: Base,
        disks: Mapping[str, Disk],
        excludes: Excludes,
        again: Callable[[str, Side], None],
        later: Callable[[str, Side, float], None],
        tell: Callable[[MirrorConflict | MirrorRefusal], None],
    ) -> None:
        self._base = base
        self._disks = disks
        self._excludes = excludes
        self._again = again
        self._later = later
        self._tell = tell
        self._jobs = Jobs()
        self._stored: dict[str, Stored | None] = {}
        self._seen: dict[str, Seen | None] = {}
        self._moved: frozenset[str] = frozenset()
        self._removals: list[str] = []
        self._lost: BaseException | None = None
        self._full = False
        self._resting: dict[str, float] = {}
        self._large: dict[str, asyncio.Task[None]] = {}
        self._missed: dict[str, Side] = {}
        self._large_turns = asyncio.Semaphore(LARGE_AT_ONCE)
        self.refused: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        """Whether large files are under way."""
        return bool(self._large)

    def hurry(self) -> None:
        """Lets nothing rest."""
        self._resting.clear()

    async def close(self) -> None:
        """Gives up what is under way."""
        for task in self._large.values():
            task.cancel()
        if self._large:
            await asyncio.wait(self._large.values())

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
        self._moved = frozenset(moved)
        self._removals = []
        self._lost = None
        self._full = False
        wanted = self._wanted(marks)
        try:
            await self._look(wanted, stored)
            levels: dict[int, list[str]] = {}
            for path in self._stored.keys() | self._seen.keys():
                levels.setdefault(path.count("/"), []).append(path)
            for depth in sorted(levels):
                await self._each(self._settle, levels[depth])
            await self._remove()
        except (ChannelClosed, aiohttp.ClientError) as error:
            self._lost = error
        finally:
            self._base.commit()
        if self._lost is not None:
            raise ChannelClosed(str(self._lost))

    # What there is

    def _wanted(self, marks: Mapping[str, Side]) -> dict[str, Side]:
        """The paths to look at: those that can be stored, with the folders they are in that are new."""
        wanted: dict[str, Side] = {}
        for path, side in marks.items():
            if self._excludes.has(path) or path in self._disks:
                continue
            if path in self._large:
                self._missed[path] = self._missed.get(path, side) | side
                continue
            if path in self._resting:
                if (seconds := self._resting[path] - time.monotonic()) > 0:
                    self._later(path, side, seconds)
                    continue
                del self._resting[path]
            parent = path.rpartition("/")[0]
            if not _is_text(parent):  # that is told of the folder
                continue
            wanted[path] = wanted.get(path, side) | side
            while parent not in self._disks and parent not in wanted and self._base.get(parent) is None:
                wanted[parent] = Side.BOTH
                parent = parent.rpartition("/")[0]
        return wanted

    async def _look(self, wanted: Mapping[str, Side], known: Mapping[str, Stored]) -> None:
        on_disk = [path for path, side in wanted.items() if side & Side.DISK]
        self._seen = await asyncio.to_thread(self._look_on_disk, on_disk)
        in_store = [path for path, side in wanted.items() if side & Side.STORE and _is_text(path)]
        self._stored = {path: known[path] for path in in_store if path in known}

        async def look(path: str) -> None:
            self._stored[path] = await self.store.look(path)

        await self._each(look, [path for path in in_store if path not in known])
        folders = [path for path in in_store if path not in known and self._is_stored_folder(path)]
        while folders:
            below: list[str] = []

            async def entries(folder: str, below: list[str] = below) -> None:
                below += await self._list(folder)

            await self._each(entries, folders)
            folders = below

    def _is_stored_folder(self, path: str) -> bool:
        stored = self._stored.get(path)
        return stored is not None and stored.kind == "directory"

    async def _list(self, folder: str) -> list[str]:
        """Notes what is different in a stored folder; the folders in it."""
        found = {f"{folder}/{name}": stored for name, stored in await self.store.entries(folder)}
        folders = []
        for path, stored in found.items():
            if self._excludes.has(path):
                continue
            base = self._base.get(path)
            if base is None or not base.is_stored(stored) or base.mode != stored.mode:
                self._stored.setdefault(path, stored)
            if stored.kind == "directory":
                folders.append(path)
        for path in self._base.children(folder):
            if path not in found:
                self._stored.setdefault(path, None)
        return folders

    def _look_on_disk(self, paths: Iterable[str]) -> dict[str, Seen | None]:
        found: dict[str, Seen | None] = {}
        for path in paths:
            disk, relative = self._at(path)
            # What cannot be looked at is taken to be as it was.
            with contextlib.suppress(OSError):
                found[path] = disk.look(relative)
        return found

    def _at(self, path: str) -> tuple[Disk, str]:
        root = "/" + path.split("/", 2)[1]
        return self._disks[root], path[len(root) + 1 :]

    async def _on_disk(self, path: str, function: Callable[[Disk, str], T]) -> T:
        disk, relative = self._at(path)
        return await self._jobs.run(lambda: function(disk, relative))

    async def _digest(self, path: str) -> tuple[Seen, bytes]:
        """The digest of a file of any size."""
        disk, relative = self._at(path)
        return await asyncio.to_thread(disk.digest, relative)

    # One path

    async def _each(self, function: Callable[[str], Awaitable[None]], paths: Iterable[str]) -> None:
        """Does something with each path, some at a time; no failure of one concerns the others."""
        waiting = iter(paths)

        async def draw() -> None:
            for path in waiting:
                await self._guard(path, function(path))

        await asyncio.gather(*(draw() for _ in range(AT_ONCE)))
        if self._lost is not None:
            raise ChannelClosed(str(self._lost))

    async def _guard(self, path: str, work: Awaitable[None]) -> None:
        try:
            await work
        except Changed:
            self._mark_with_parent(path)
        except (ChannelClosed, aiohttp.ClientError) as error:
            self._lost = error
        except RpcError as error:
            if error.kind in _AGAIN:
                self._mark_with_parent(path)
            elif error.kind in _LATER:
                self._lost = error
            else:
                self._full |= error.kind == "QuotaExceeded"
                self.refuse(path, error.message)
        except OSError as error:
            if error.errno in NOT_THERE:
                self._mark_with_parent(path)
            else:
                self.refuse(path, error.strerror or str(error))
        except Exception as error:  # programs go on in any case
            _log.exception("%a is not mirrored", path)
            self.refuse(path, f"of a fault: {error!r}")

    def _mark_with_parent(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self._disks:
            self._again(parent, Side.BOTH)
        self._again(path, Side.BOTH)

    def refuse(self, path: str, reason: str) -> None:
        """Leaves a path as it is for now, and tells why if that is new."""
        if path not in self.refused and len(self.refused) < TOLD:
            _log.warning("%a is not mirrored: %s", path, reason)
            self._tell(refusal(path, reason))
        self.refused[path] = reason

    def _agree(self, path: str, agreed: Agreed) -> None:
        self._base.put(path, agreed)
        self.refused.pop(path, None)

    async def _settle(self, path: str) -> None:
        """Looks what is to be done about a path, and does it, unless something is to be removed."""
        seen = self._seen.get(path)
        if not _is_text(path):
            if seen is None:
                self.refused.pop(path, None)
            else:
                self.refuse(path, "its name is not UTF-8")
            return
        base = self._base.get(path)
        stored = self._stored.get(path, None if base is None else base.stored)
        seen = self._seen.get(path, None if base is None else base.seen)
        if seen is not None and seen.kind == "other":
            self.refuse(path, "it is a socket, a pipe or a device")
            seen = None
        elif seen is None and stored is None:
            self.refused.pop(path, None)
        if base is None:
            moved = None
            if seen is not None and stored is None:
                moved = await self._rename_stored(path, seen)
            elif stored is not None and seen is None:
                moved = await self._rename_on_disk(path, stored)
            if moved is not None:
                base = moved
                stored = stored or base.stored
                seen = seen or base.seen
        base = await self._certain(path, base, stored, seen)
        action = decide.decide(base, stored, seen)
        if action in (Action.DELETE_STORED, Action.DELETE_ON_DISK):
            self._removals.append(path)
        elif action in (Action.NOTHING, Action.FORGET) or self._has_place(path):
            await self._perform(action, path, base, stored, seen)
        else:
            self._mark_with_parent(path)

    def _has_place(self, path: str) -> bool:
        """Whether the folder it is in is on both sides."""
        parent = path.rpartition("/")[0]
        if parent in self._disks:
            return True
        base = self._base.get(parent)
        return base is not None and base.kind == "directory"

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
        found, digest = await self._digest(path)
        if digest != base.digest:
            return base
        return base.now_on_disk(seen if found.is_still(seen) else found)

    async def _perform(
        self, action: Action, path: str, base: Agreed | None, stored: Stored | None, seen: Seen | None
    ) -> None:
        match action:
            case Action.NOTHING:
                if base is not None and stored is not None and seen is not None:
                    await self._align(path, base, stored, seen, base.digest)
            case Action.FORGET:
                self._base.drop(path)
            case Action.ADOPT:
                assert stored is not None
                assert seen is not None
                await self._align(path, base, stored, seen, b"")
            case Action.STORE:
                assert seen is not None
                await self._to_store(path, base, stored, seen)
            case Action.WRITE:
                assert stored is not None
                await self._to_disk(path, base, stored, seen)
            case Action.COMPARE:
                assert stored is not None
                assert seen is not None
                await self._compare(path, base, stored, seen)
            case Action.CONFLICT:
                assert stored is not None
                assert seen is not None
                await self._keep_both(path, stored, seen)

    async def _align(
        self,
        path: str,
        base: Agreed | None,
        stored: Stored,
        seen: Seen,
        digest: bytes,
        mode: int | None = None,
    ) -> None:
        """Both have the same, but perhaps other modes; `mode` is the one to have if that is known."""
        if stored.kind != "symlink":
            wanted = decide.mode(base, stored, seen) if mode is None else mode
            if stored.mode != wanted:
                stored = await self.store.set_mode(path, wanted, stored.etag)
            if seen.mode != wanted:
                seen = await self._on_disk(path, lambda disk, at: disk.set_mode(at, wanted, seen))
        agreed = Agreed.on(stored, seen, digest)
        if agreed != base or path in self.refused:
            self._agree(path, agreed)

    # From the disk to the store

    async def _to_store(self, path: str, base: Agreed | None, stored: Stored | None, seen: Seen) -> None:
        if seen.kind == "directory":
            made = await self.store.make_folder(path, seen.mode)
            self._agree(path, Agreed.on(made, seen))
        elif seen.kind == "symlink":
            if not _is_text(seen.target):
                self.refuse(path, "it leads to a name that is not UTF-8")
                return
            if stored is not None:
                await self._delete(path, stored, trash=False)
            made = await self.store.link(path, seen.target)
            self._agree(path, Agreed.on(made, seen))
        elif self._full and path in self.refused:
            return  # it was for want of room
        elif seen.size > SMALL:
            self._begin(path, self._upload(path, base, stored, seen))
        else:
            seen, content = await self._on_disk(path, Disk.read)
            digest = hashlib.sha256(content).digest()
            if base is not None and base.is_stored(stored) and digest == base.digest:
                await self._align(path, base, stored or base.stored, seen, digest)
                return
            mode = seen.mode if stored is None else decide.mode(base, stored, seen)
            await self._make_writable(path, stored)
            written = await self.store.write(path, content, mode, stored.etag if stored else None)
            await self._align(path, None, written, seen, digest, mode)

    async def _make_writable(self, path: str, stored: Stored | None) -> None:
        if stored is not None and stored.kind == "file" and not stored.mode & 0o200:
            await self.store.set_mode(path, stored.mode | 0o200, stored.etag)

    async def _delete(self, path: str, stored: Stored, *, trash: bool) -> None:
        await self._make_writable(path, stored)
        await self.store.delete(path, stored.etag, trash=trash)

    async def _upload(self, path: str, base: Agreed | None, stored: Stored | None, seen: Seen) -> None:
        seen, digest = await self._digest(path)
        if base is not None and base.is_stored(stored) and digest == base.digest:
            await self._align(path, base, stored or base.stored, seen, digest)
            return
        mode = seen.mode if stored is None else decide.mode(base, stored, seen)
        await self._make_writable(path, stored)
        disk, relative = self._at(path)
        stack = contextlib.ExitStack()
        file = await asyncio.to_thread(stack.enter_context, disk.open(relative))
        try:
            sent = hashlib.sha256()
            before = await asyncio.to_thread(_seen_now, file)

            async def parts() -> AsyncIterator[bytes]:
                left = before.size
                while left:
                    part = await asyncio.to_thread(_read, file, min(left, SMALL))
                    if not part:
                        raise Changed
                    sent.update(part)
                    left -= len(part)
                    yield part

            written = await self.store.upload(path, parts(), before.size, stored.etag if stored else None)
            after = await asyncio.to_thread(_seen_now, file)
        finally:
            await asyncio.to_thread(stack.close)
        if written.mode != mode:
            written = await self.store.set_mode(path, mode, written.etag)
        if after != before or after.ctime != seen.ctime:
            after = msgspec.structs.replace(before, ctime=UNKNOWN)
            self._again(path, Side.DISK)
        await self._align(path, None, written, after, sent.digest(), mode)

    # From the store to the disk

    async def _to_disk(self, path: str, base: Agreed | None, stored: Stored, seen: Seen | None) -> None:
        if stored.kind == "directory":
            made = await self._on_disk(path, lambda disk, at: disk.make_folder(at, stored.mode))
            self._agree(path, Agreed.on(stored, made))
        elif stored.kind == "symlink":
            made = await self._on_disk(path, lambda disk, at: disk.link(at, stored.target, seen))
            self._agree(path, Agreed.on(stored, made))
        elif stored.size > SMALL:
            self._begin(path, self._download(path, base, stored, seen))
        else:
            read = await self.store.read(path)
            if read.etag != stored.etag:
                self._again(path, Side.STORE)
                return
            digest = hashlib.sha256(read.content).digest()
            if base is not None and seen is not None and digest == base.digest:
                await self._align(path, base, stored, seen, digest)
                return
            mode = stored.mode if seen is None else decide.mode(base, stored, seen)
            made = await self._on_disk(
                path, lambda disk, at: disk.write(at, read.content, mode, stored.mtime, seen)
            )
            await self._align(path, None, stored, made, digest, mode)

    async def _download(self, path: str, base: Agreed | None, stored: Stored, seen: Seen | None) -> None:
        mode = stored.mode if seen is None else decide.mode(base, stored, seen)
        disk, relative = self._at(path)
        stack = contextlib.ExitStack()
        incoming = await asyncio.to_thread(stack.enter_context, disk.incoming())
        try:
            digest = hashlib.sha256()
            async for part in self.store.download(path, stored.etag):
                digest.update(part)
                await asyncio.to_thread(incoming.write, part)
            made = await asyncio.to_thread(incoming.put, relative, mode, stored.mtime, seen)
        finally:
            await asyncio.to_thread(stack.close)
        await self._align(path, None, stored, made, digest.digest(), mode)

    def _begin(self, path: str, work: Awaitable[None]) -> None:
        """Goes on with a large file beside all else."""

        async def run() -> None:
            async with self._large_turns:
                begun = time.monotonic()
                await self._guard(path, work)
                took = time.monotonic() - begun
            self._resting[path] = time.monotonic() + min(REST_MOST, took * REST)

        def done(task: asyncio.Task[None]) -> None:
            del self._large[path]
            side = self._missed.pop(path, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("%s is not mirrored", path, exc_info=error)
                side = Side.BOTH
            if self._lost is not None:
                side = Side.BOTH
            self._again(path, side if side is not None else Side.DISK)

        task = asyncio.create_task(run())
        self._large[path] = task
        task.add_done_callback(done)

    # Both have changed

    async def _compare(self, path: str, base: Agreed | None, stored: Stored, seen: Seen) -> None:
        if stored.size == seen.size:
            found, digest = await self._digest(path)
            theirs = hashlib.sha256()
            if stored.size > SMALL:
                async for part in self.store.download(path, stored.etag):
                    theirs.update(part)
            else:
                read = await self.store.read(path)
                if read.etag != stored.etag:
                    raise Changed
                theirs.update(read.content)
            if theirs.digest() == digest:
                await self._align(path, base, stored, found, digest)
                return
        await self._keep_both(path, stored, seen)

    async def _keep_both(self, path: str, stored: Stored, seen: Seen) -> None:
        """Puts one of two beside the other: the older one, or what is not a folder."""
        if "directory" in (stored.kind, seen.kind):
            aside_here = stored.kind == "directory"
        else:
            aside_here = decide.is_older_on_disk(stored, seen)
        when = seen.mtime // 1_000_000 if aside_here else stored.mtime
        kept = await self._free_name(path, when)
        if aside_here:
            await self._on_disk(path, lambda disk, at: disk.move(at, self._at(kept)[1], seen.ino))
            self._base.drop(path)
        elif stored.kind == seen.kind == "file":
            await self.store.copy(path, kept, stored.etag)
            # The store's text is kept: that of the disk may take its place.
            agreed = Agreed.on(stored, msgspec.structs.replace(seen, ctime=UNKNOWN))
            self._base.put(path, agreed)
        else:
            await self.store.rename(path, kept, stored.etag)
            self._base.drop(path)
        _log.info("%s has changed on both sides: the older one is kept as %s", path, kept)
        self._tell(MirrorConflict(path=path, kept=kept))
        self._again(path, Side.BOTH)
        self._again(kept, Side.BOTH)

    async def _free_name(self, path: str, when: int) -> str:
        """A name beside a path that is free on both sides."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(when / 1000))
        directory, _, name = path.rpartition("/")
        number = 1
        while True:
            suffix = f".conflict-{stamp}" + (f"-{number}" if number > 1 else "")
            short = name
            while len(f"{short}{suffix}".encode()) > NAME_LIMIT:
                short = short[:-1]
            kept = f"{directory}/{short}{suffix}"
            if await self._on_disk(kept, Disk.look) is None and await self.store.look(kept) is None:
                return kept
            number += 1

    # Renamed

    async def _rename_stored(self, path: str, seen: Seen) -> Agreed | None:
        """If this was renamed on the disk, renames it in the store too; what was agreed on."""
        for source, row in self._base.with_ino(seen.ino):
            if source == path or row.kind != seen.kind or not _same_root(source, path):
                continue
            if await self._on_disk(source, Disk.look) is not None:
                continue
            if not await self._is_moved(source, row, path, seen):
                continue
            try:
                await self.store.rename(source, path, row.etag)
            except RpcError as error:
                if error.kind not in _AGAIN:
                    raise
                self._again(source, Side.BOTH)
                return None
            moved = self._move(source, path, row, seen)
            self._mark_unseen(path, self._seen, Side.DISK)
            return moved
        return None

    async def _is_moved(self, source: str, row: Agreed, path: str, seen: Seen) -> bool:
        """Whether it is the same thing, not another one that has its inode by chance."""
        if path in self._moved:
            return True
        if row.kind != "directory":
            return (row.size, row.mtime, row.target) == (seen.size, seen.mtime, seen.target)
        children = {
            child.rpartition("/")[2]: known.ino
            for child in self._base.children(source)[:KIN]
            if (known := self._base.get(child)) is not None
        }

        def is_kin(disk: Disk, at: str) -> bool:
            found = {name: disk.look(f"{at}/{name}") for name in children}
            return any(seen is not None and seen.ino == children[name] for name, seen in found.items())

        return await self._on_disk(path, is_kin)

    async def _rename_on_disk(self, path: str, stored: Stored) -> Agreed | None:
        """If this was renamed in the store, renames it on the disk too; what was agreed on."""
        for source, row in self._base.with_etag(stored.etag):
            if source == path or row.kind != stored.kind or not _same_root(source, path):
                continue
            if not self._has_place(path):
                continue
            there = self._stored[source] if source in self._stored else await self.store.look(source)
            if there is not None and there.etag == stored.etag:
                continue
            try:
                seen = await self._on_disk(
                    source,
                    lambda disk, at, row=row: disk.move(at, self._at(path)[1], row.ino),  # type: ignore[misc]
                )
            except Changed:
                found = await self._on_disk(path, Disk.look)
                if found is None or found.ino != row.ino:
                    self._again(source, Side.BOTH)
                    return None
                seen = found
            moved = self._move(source, path, row, seen)
            self._mark_unseen(path, self._stored, Side.STORE)
            return moved
        return None

    def _mark_unseen(self, folder: str, found: Mapping[str, object], side: Side) -> None:
        """Marks what is remembered of a folder that was renamed, and was not found in it under its new name.

        It may have been removed just before, when it still had the old one.
        """
        for path in self._base.paths_below(folder):
            if path not in found:
                self._again(path, side)

    def _move(self, source: str, path: str, row: Agreed, seen: Seen) -> Agreed:
        self._base.move(source, path)
        if seen.is_still(row.seen) and row.ctime != UNKNOWN:
            row = row.now_on_disk(seen)  # only the time of its change is another
            self._base.put(path, row)
        for gone in [name for name in self.refused if name.startswith(f"{source}/")]:
            del self.refused[gone]
        return row

    # Removed

    async def _remove(self) -> None:
        """Removes what is gone on one side from the other: folders as a whole, then the rest."""
        folders = {path for path in self._removals if self._is_folder(path)}
        await self._each(self._remove_folder, [path for path in folders if not _is_below(path, folders)])
        levels: dict[int, list[str]] = {}
        for path in self._removals:
            if path not in folders:
                levels.setdefault(path.count("/"), []).append(path)
        for depth in sorted(levels, reverse=True):
            await self._each(self._remove_one, levels[depth])

    def _is_folder(self, path: str) -> bool:
        base = self._base.get(path)
        return base is not None and base.kind == "directory"

    async def _remove_one(self, path: str) -> None:
        base = self._base.get(path)
        if base is None:
            return
        stored = self._stored.get(path, base.stored)
        if base.is_stored(stored):
            seen = await self._on_disk(path, Disk.look)
            if seen is not None and seen.kind == base.kind:
                self._again(path, Side.BOTH)
                return
            await self._delete(path, stored or base.stored, trash=self._to_trash(base))
        else:
            expected = self._seen.get(path) or base.seen
            await self._on_disk(path, lambda disk, at: disk.remove(at, expected))
        self._base.drop(path)
        self.refused.pop(path, None)
        if self._stored.get(path) is not None or self._seen.get(path) is not None:
            self._again(path, Side.BOTH)  # something else is there

    def _to_trash(self, base: Agreed) -> bool:
        return base.kind == "file" and base.size > 0 and base.made < time.time() * 1000 - YOUNG

    async def _remove_folder(self, path: str) -> None:
        base = self._base.get(path)
        if base is None:  # with the folder it was in
            return
        stored = self._stored.get(path, base.stored)
        if stored is not None and base.is_stored(stored):
            await self._remove_stored_folder(path, base, stored)
        else:
            await self._remove_folder_on_disk(path)
        self._again(path, Side.BOTH)

    async def _remove_stored_folder(self, path: str, base: Agreed, folder: Stored) -> None:
        seen = await self._on_disk(path, Disk.look)
        if seen is not None and seen.kind == "directory":
            return
        rows = dict(self._base.below(path))
        stored, unchanged = await self._all_stored(path, rows)
        if unchanged and any(self._to_trash(row) for row in rows.values()):
            await self.store.delete(path, folder.etag, recursive=True, trash=True)
            self._base.clear(path)
            self._base.drop(path)
            return
        levels: dict[int, list[str]] = {}
        for below, row in rows.items():
            if below not in stored:
                self._base.drop(below)
            elif row.is_stored(stored[below]):
                levels.setdefault(below.count("/"), []).append(below)
            else:
                self._again(below, Side.BOTH)
        for below in stored.keys() - rows.keys():
            self._again(below, Side.BOTH)

        async def drop(below: str) -> None:
            await self._drop_stored(below, rows[below], stored[below])

        for depth in sorted(levels, reverse=True):
            await self._each(drop, levels[depth])
        await self._drop_stored(path, base, folder)

    async def _drop_stored(self, path: str, base: Agreed, stored: Stored) -> None:
        try:
            await self._delete(path, stored, trash=self._to_trash(base))
        except RpcError as error:
            if error.kind not in ("DirectoryNotEmpty", "FileNotFound"):
                raise
            # Something in it has changed meanwhile: it is needed on the disk again.
        self._base.drop(path)
        self._again(path, Side.BOTH)

    async def _all_stored(self, path: str, rows: Mapping[str, Agreed]) -> tuple[dict[str, Stored], bool]:
        """All that is in a stored folder but for what is excluded, and whether it is what was agreed on."""
        found: dict[str, Stored] = {}
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            for name, stored in await self.store.entries(folder):
                below = f"{folder}/{name}"
                if self._excludes.has(below):
                    continue
                found[below] = stored
                if stored.kind == "directory":
                    waiting.append(below)
        return found, all(below in rows and rows[below].is_stored(stored) for below, stored in found.items())

    async def _remove_folder_on_disk(self, path: str) -> None:
        rows = dict(self._base.below(path))
        removed, kept = await self._on_disk(
            path, partial(_clear, path=path, rows=rows, excludes=self._excludes)
        )
        for below in filter(_is_text, removed):
            self._base.drop(below)
        for below in kept:
            self._again(below, Side.BOTH)
        # If it is still there, then because of what has changed in it: it is to be stored again.
        self._base.drop(path)


def _clear(
    disk: Disk, at: str, *, path: str, rows: Mapping[str, Agreed], excludes: Excludes
) -> tuple[list[str], list[str]]:
    """Removes what both sides have agreed on from a folder, and the folder if it is empty then.

    Returns what was removed, and what is there that they have not.
    """
    removed: list[str] = []
    kept: list[str] = []
    for name, seen in disk.entries(at):
        below, place = f"{path}/{name}", f"{at}/{name}"
        row = rows.get(below)
        try:
            if excludes.has(below):
                disk.remove_tree(place)
            elif seen.kind == "directory":
                gone, left = _clear(disk, place, path=below, rows=rows, excludes=excludes)
                removed += gone
                kept += left
            elif row is not None and _is_same(disk, place, row, seen):
                disk.remove(place, seen)
                removed.append(below)
            else:
                kept.append(below)
        except Changed:
            kept.append(below)
    found = disk.look(at)
    if found is not None and found.kind == "directory":
        try:
            disk.remove(at, found)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            kept.append(path)
            return removed, kept
    removed.append(path)
    return removed, kept


def _is_same(disk: Disk, at: str, row: Agreed, seen: Seen) -> bool:
    if row.is_on_disk(seen):
        return True
    return row.kind == seen.kind == "file" and row.size == seen.size and disk.digest(at)[1] == row.digest


def _seen_now(file: int) -> Seen:
    return seen_of(os.fstat(file))


def _read(file: int, size: int) -> bytes:
    return os.read(file, size)


def refusal(path: str, reason: str) -> MirrorRefusal:
    """What is told of a path, whose name may be any bytes."""
    return MirrorRefusal(path=os.fsencode(path).decode(errors="replace"), reason=reason)


def _is_below(path: str, folders: set[str]) -> bool:
    """Whether a path is in one of some folders, at any depth."""
    while path := path.rpartition("/")[0]:
        if path in folders:
            return True
    return False


def _same_root(one: str, other: str) -> bool:
    return one.split("/", 2)[1] == other.split("/", 2)[1]


def _is_text(path: str) -> bool:
    """Whether it can be stored: a name on the disk may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
