"""Brings what one side has to the other."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Collection

import msgspec

from theia_bridge.workspace.mirror import decide
from theia_bridge.workspace.mirror.desk import Desk
from theia_bridge.workspace.mirror.disk import Changed, Disk, seen_of, steady
from theia_bridge.workspace.mirror.paths import Side, is_text
from theia_bridge.workspace.mirror.states import UNKNOWN, Agreed, Seen, Stored

SMALL = 256 * 1024
"""Bytes up to which a file is read and sent as a whole."""
LARGE_AT_ONCE = 2
REST = 10.0
"""How many times as long as a large file was under way it is left alone before it is so again; at most"""
REST_MOST = 60.0
"""seconds. Else a log of some size would be stored all the time."""
STEADY = 256 * 1024
"""Bytes a second of one large file that are stored when it changes all the time: the store keeps what was
replaced for an hour."""
_log = logging.getLogger(__name__)


class Transfers:
    """Files, folders and links on their way; large files go beside all else."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._resting: dict[str, float] = {}
        self._large: dict[str, asyncio.Task[None]] = {}
        self._missed: dict[str, Side] = {}
        self._failed: set[str] = set()
        self._large_turns = asyncio.Semaphore(LARGE_AT_ONCE)

    @property
    def large(self) -> Collection[str]:
        """Paths of large files that are on their way."""
        return self._large.keys()

    @property
    def missed(self) -> Collection[str]:
        """Of these, what has changed meanwhile."""
        return self._missed.keys()

    async def close(self) -> None:
        """Gives up what is under way."""
        for task in self._large.values():
            task.cancel()
        if self._large:
            await asyncio.wait(self._large.values())

    def must_wait(self, path: str, side: Side) -> bool:
        """Whether a path is left alone for now; it is looked at again in any case."""
        if path in self._large:
            self._missed[path] = self._missed.get(path, side) | side
            return True
        if path in self._failed:
            self._failed.discard(path)
            return True
        return False

    def _rests(self, path: str) -> bool:
        """Whether a file is not stored again yet; it is marked again when its time has come."""
        seconds = self._resting.pop(path, 0.0) - time.monotonic()
        if self._desk.hurried:
            return False
        if seconds > 0:
            self._resting[path] = time.monotonic() + seconds
            self._desk.later(path, Side.DISK, seconds)
        return seconds > 0

    async def align(
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
                stored = await self._desk.store.set_mode(path, wanted, stored.etag)
            if seen.mode != wanted:
                seen = await self._desk.on_disk(path, lambda disk, at: disk.set_mode(at, wanted, seen))
        agreed = Agreed.on(stored, seen, digest)
        if agreed != base or path in self._desk.refused:
            self._desk.agree(path, agreed)

    async def to_store(self, path: str, base: Agreed | None, stored: Stored | None, seen: Seen) -> None:
        """The store is to have what the disk has; `stored` is what it is to take the place of."""
        if seen.kind == "directory":
            made = await self._desk.store.make_folder(path, seen.mode)
            self._desk.agree(path, Agreed.on(made, seen))
        elif seen.kind == "symlink":
            if not is_text(seen.target):
                self._desk.refuse(path, "it leads to a name that is not UTF-8")
                return
            if stored is not None:
                await self.delete(path, stored, trash=False)
            made = await self._desk.store.link(path, seen.target)
            self._desk.agree(path, Agreed.on(made, seen))
        elif self._desk.full and path in self._desk.refused:
            return  # it was for want of room
        elif seen.size > SMALL:
            # Nobody saves so often as programs write.
            if base is None or not base.is_stored(stored) or not self._rests(path):
                self._begin(path, seen.size, self._upload(path, base, stored, seen))
        else:
            seen, content = await self._desk.on_disk(path, Disk.read)
            digest = hashlib.sha256(content).digest()
            if base is not None and base.is_stored(stored) and digest == base.digest:
                await self.align(path, base, stored or base.stored, seen, digest)
                return
            mode = seen.mode if stored is None else decide.mode(base, stored, seen)
            await self._make_writable(path, stored)
            written = await self._desk.store.write(path, content, mode, stored.etag if stored else None)
            await self.align(path, None, written, seen, digest, mode)

    async def _make_writable(self, path: str, stored: Stored | None) -> None:
        if stored is not None and stored.kind == "file" and not stored.mode & 0o200:
            await self._desk.store.set_mode(path, stored.mode | 0o200, stored.etag)

    async def delete(self, path: str, stored: Stored, *, trash: bool) -> None:
        """Deletes one thing from the store, be it read-only."""
        await self._make_writable(path, stored)
        await self._desk.store.delete(path, stored.etag, trash=trash)

    async def _upload(self, path: str, base: Agreed | None, stored: Stored | None, seen: Seen) -> None:
        if base is not None and base.is_stored(stored) and base.size == seen.size:
            seen, digest = await self._desk.digest(path)
            if digest == base.digest:
                await self.align(path, base, stored or base.stored, seen, digest)
                return
        mode = seen.mode if stored is None else decide.mode(base, stored, seen)
        await self._make_writable(path, stored)
        disk, relative = self._desk.at(path)
        stack = contextlib.ExitStack()
        file = await asyncio.to_thread(stack.enter_context, disk.open(relative))
        try:
            sent = hashlib.sha256()
            before = await asyncio.to_thread(os.fstat, file)

            async def parts() -> AsyncIterator[bytes]:
                left = before.st_size
                while left:
                    part = await asyncio.to_thread(_read, file, min(left, SMALL))
                    if not part:
                        raise Changed
                    sent.update(part)
                    left -= len(part)
                    yield part

            written = await self._desk.store.upload(
                path, parts(), before.st_size, stored.etag if stored else None
            )
            after = await asyncio.to_thread(steady, before, file)
        finally:
            await asyncio.to_thread(stack.close)
        if written.mode != mode:
            written = await self._desk.store.set_mode(path, mode, written.etag)
        if after.ctime == UNKNOWN:
            after = msgspec.structs.replace(seen_of(before), ctime=UNKNOWN)
            self._desk.again(path, Side.DISK)
        await self.align(path, None, written, after, sent.digest(), mode)

    async def to_disk(self, path: str, base: Agreed | None, stored: Stored, seen: Seen | None) -> None:
        """The disk is to have what the store has; `seen` is what it is to take the place of."""
        if stored.kind == "directory":
            made = await self._desk.on_disk(path, lambda disk, at: disk.make_folder(at, stored.mode))
            self._desk.agree(path, Agreed.on(stored, made))
        elif stored.kind == "symlink":
            made = await self._desk.on_disk(path, lambda disk, at: disk.link(at, stored.target, seen))
            self._desk.agree(path, Agreed.on(stored, made))
        elif stored.size > SMALL:
            self._begin(path, stored.size, self._download(path, base, stored, seen))
        else:
            read = await self._desk.store.read(path)
            if read.etag != stored.etag:
                self._desk.again(path, Side.STORE)
                return
            digest = hashlib.sha256(read.content).digest()
            if base is not None and seen is not None and digest == base.digest:
                await self.align(path, base, stored, seen, digest)
                return
            mode = stored.mode if seen is None else decide.mode(base, stored, seen)
            made = await self._desk.on_disk(
                path, lambda disk, at: disk.write(at, read.content, mode, stored.mtime, seen)
            )
            await self.align(path, None, stored, made, digest, mode)

    async def _download(self, path: str, base: Agreed | None, stored: Stored, seen: Seen | None) -> None:
        mode = stored.mode if seen is None else decide.mode(base, stored, seen)
        disk, relative = self._desk.at(path)
        stack = contextlib.ExitStack()
        incoming = await asyncio.to_thread(stack.enter_context, disk.incoming())
        try:
            digest = hashlib.sha256()
            async for part in self._desk.store.download(path, stored.etag):
                digest.update(part)
                await asyncio.to_thread(incoming.write, part)
            made = await asyncio.to_thread(incoming.put, relative, mode, stored.mtime, seen)
        finally:
            await asyncio.to_thread(stack.close)
        await self.align(path, None, stored, made, digest.digest(), mode)

    def _begin(self, path: str, size: int, work: Awaitable[None]) -> None:
        """Goes on with a large file beside all else."""
        well = False

        async def attempt() -> None:
            nonlocal well
            await work
            well = True

        async def run() -> None:
            async with self._large_turns:
                begun = time.monotonic()
                await self._desk.guard(path, attempt())
                took = time.monotonic() - begun
            self._resting[path] = time.monotonic() + min(REST_MOST, max(took * REST, size / STEADY))

        def done(task: asyncio.Task[None]) -> None:
            del self._large[path]
            side = self._missed.pop(path, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("%s is not mirrored", path, exc_info=error)
                side = Side.BOTH
            if self._desk.lost is not None:
                side = Side.BOTH
            if side is None and path in self._desk.refused:
                self._failed.add(path)  # at once it would only be refused again
            self._desk.again(path, side if side is not None else Side.DISK)
            self._desk.transferred(path, well)

        task = asyncio.create_task(run())
        self._large[path] = task
        task.add_done_callback(done)


def _read(file: int, size: int) -> bytes:
    return os.read(file, size)
