"""Where both sides have changed: finds out whether it was in the same way, and keeps both if not."""

from __future__ import annotations

import hashlib
import logging
import time

import msgspec

from theia_bridge.workspace.mirror import decide
from theia_bridge.workspace.mirror.desk import Desk
from theia_bridge.workspace.mirror.disk import Changed, Disk
from theia_bridge.workspace.mirror.paths import Side
from theia_bridge.workspace.mirror.protocol import MirrorConflict
from theia_bridge.workspace.mirror.states import UNKNOWN, Agreed, Seen, Stored
from theia_bridge.workspace.mirror.transfers import SMALL, Transfers

NAME_LIMIT = 255
"""Bytes of a name."""
_log = logging.getLogger(__name__)


class Conflicts:
    """Deals with what has changed on both sides."""

    def __init__(self, desk: Desk, transfers: Transfers) -> None:
        self._desk = desk
        self._transfers = transfers

    async def compare(self, path: str, base: Agreed | None, stored: Stored, seen: Seen) -> None:
        """Two files agree if their contents are equal; else both are kept."""
        if stored.size == seen.size:
            found, digest = await self._desk.digest(path)
            theirs = hashlib.sha256()
            if stored.size > SMALL:
                async for part in self._desk.store.download(path, stored.etag):
                    theirs.update(part)
            else:
                read = await self._desk.store.read(path)
                if read.etag != stored.etag:
                    raise Changed
                theirs.update(read.content)
            if theirs.digest() == digest:
                await self._transfers.align(path, base, stored, found, digest)
                return
        await self.keep_both(path, stored, seen)

    async def keep_both(self, path: str, stored: Stored, seen: Seen) -> None:
        """Puts one of two beside the other: the older one, or what is not a folder."""
        if "directory" in (stored.kind, seen.kind):
            aside_here = stored.kind == "directory"
        else:
            aside_here = decide.is_older_on_disk(stored, seen)
        when = seen.mtime // 1_000_000 if aside_here else stored.mtime
        kept = await self._free_name(path, when)
        if aside_here:
            await self._desk.on_disk(path, lambda disk, at: disk.move(at, self._desk.at(kept)[1], seen.ino))
            self._desk.base.drop(path)
        elif stored.kind == seen.kind == "file":
            await self._desk.store.copy(path, kept, stored.etag)
            # The store's text is kept: that of the disk may take its place.
            agreed = Agreed.on(stored, msgspec.structs.replace(seen, ctime=UNKNOWN))
            self._desk.base.put(path, agreed)
        else:
            await self._desk.store.rename(path, kept, stored.etag)
            self._desk.base.drop(path)
        _log.info("%s has changed on both sides: the older one is kept as %s", path, kept)
        self._desk.tell(MirrorConflict(path=path, kept=kept))
        self._desk.again(path, Side.BOTH)
        self._desk.again(kept, Side.BOTH)

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
            if (
                await self._desk.on_disk(kept, Disk.look) is None
                and await self._desk.store.look(kept) is None
            ):
                return kept
            number += 1
