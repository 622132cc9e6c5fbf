"""What everything that makes both sides agree works with."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

import aiohttp

from rpc import ChannelClosed, RpcError
from theia_bridge.workspace.mirror.base import Base
from theia_bridge.workspace.mirror.disk import NOT_THERE, Changed, Disk
from theia_bridge.workspace.mirror.excludes import Excludes
from theia_bridge.workspace.mirror.jobs import Jobs
from theia_bridge.workspace.mirror.paths import Side
from theia_bridge.workspace.mirror.protocol import MirrorConflict, MirrorRefusal
from theia_bridge.workspace.mirror.states import Agreed, Seen, Stored
from theia_bridge.workspace.mirror.store import Store

AT_ONCE = 128
"""Paths under way at a time."""
TOLD = 100
"""Paths that cannot be mirrored of which each is told."""
AGAIN = {
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


class Desk:
    """The table of what was agreed on, both sides, and what was found on them.

    Args:
        base: the table.
        disks: by the paths of their roots.
        again: marks a path again.
        later: the same, for when so many seconds have passed.
        transferred: is told of each large file that was on its way, and whether it has arrived.
        tell: tells the user something.

    Attributes:
        store: the connection to the store that stands now.
        stored, seen: what was found on each side of the paths that are worked on. Of others, a side is taken
            to be as was agreed on.
        moved: of these paths, those that are new names on the disk.
        lost: why the store cannot be gone on with.
        full: a quota is used up.
        hurried: how many wait until both sides are equal: nothing rests meanwhile.
        refused: what cannot be mirrored, and why.
    """

    store: Store

    def __init__(
        self,
        base: Base,
        disks: Mapping[str, Disk],
        excludes: Excludes,
        again: Callable[[str, Side], None],
        later: Callable[[str, Side, float], None],
        transferred: Callable[[str, bool], None],
        tell: Callable[[MirrorConflict | MirrorRefusal], None],
    ) -> None:
        self.base = base
        self.disks = disks
        self.excludes = excludes
        self.again = again
        self.later = later
        self.transferred = transferred
        self.tell = tell
        self.stored: dict[str, Stored | None] = {}
        self.seen: dict[str, Seen | None] = {}
        self.moved: frozenset[str] = frozenset()
        self.lost: Exception | None = None
        self.full = False
        self.hurried = 0
        self.refused: dict[str, str] = {}
        self._jobs = Jobs()

    def clear(self, moved: Iterable[str]) -> None:
        """Makes place for other paths, of which those `moved` are new names on the disk."""
        self.stored, self.seen = {}, {}
        self.moved = frozenset(moved)
        self.lost = None
        self.full = False

    def at(self, path: str) -> tuple[Disk, str]:
        """The disk a path is on, and its path there."""
        root = "/" + path.split("/", 2)[1]
        return self.disks[root], path[len(root) + 1 :]

    async def on_disk(self, path: str, function: Callable[[Disk, str], T]) -> T:
        """What a short function returns for a path, which is given as its disk knows it."""
        disk, relative = self.at(path)
        return await self._jobs.run(lambda: function(disk, relative))

    async def digest(self, path: str) -> tuple[Seen, bytes]:
        """The digest of a file of any size."""
        disk, relative = self.at(path)
        return await asyncio.to_thread(disk.digest, relative)

    async def each(self, function: Callable[[str], Awaitable[None]], paths: Iterable[str]) -> None:
        """Does something with each path, some at a time; no failure of one concerns the others."""
        waiting = iter(paths)

        async def draw() -> None:
            for path in waiting:
                await self.guard(path, function(path))

        await asyncio.gather(*(draw() for _ in range(AT_ONCE)))
        if self.lost is not None:
            raise ChannelClosed(str(self.lost))

    async def guard(self, path: str, work: Awaitable[None]) -> None:
        """Does something with a path, and sees to what follows if that fails."""
        try:
            await work
        except Changed:
            self.mark_with_parent(path)
        except (ChannelClosed, aiohttp.ClientError) as error:
            self.lost = error
        except RpcError as error:
            if error.kind in AGAIN:
                self.mark_with_parent(path)
            elif error.kind in _LATER:
                self.lost = error
            else:
                self.full |= error.kind == "QuotaExceeded"
                self.refuse(path, error.message)
        except OSError as error:
            if error.errno in NOT_THERE:
                self.mark_with_parent(path)
            else:
                self.refuse(path, error.strerror or str(error))
        except Exception as error:  # programs go on in any case
            _log.exception("%a is not mirrored", path)
            self.refuse(path, f"of a fault: {error!r}")

    def mark_with_parent(self, path: str) -> None:
        """Marks a path again, and the folder it is in, which may be what has changed."""
        parent = path.rpartition("/")[0]
        if parent not in self.disks:
            self.again(parent, Side.BOTH)
        self.again(path, Side.BOTH)

    def refuse(self, path: str, reason: str) -> None:
        """Leaves a path as it is for now, and tells why if that is new."""
        if path not in self.refused and len(self.refused) < TOLD:
            _log.warning("%a is not mirrored: %s", path, reason)
            self.tell(refusal(path, reason))
        self.refused[path] = reason

    def agree(self, path: str, agreed: Agreed) -> None:
        """Both sides agree on a path from now on."""
        self.base.put(path, agreed)
        self.refused.pop(path, None)

    def has_place(self, path: str) -> bool:
        """Whether the folder it is in is on both sides."""
        parent = path.rpartition("/")[0]
        if parent in self.disks:
            return True
        base = self.base.get(parent)
        return base is not None and base.kind == "directory"


def refusal(path: str, reason: str) -> MirrorRefusal:
    """What is told of a path, whose name may be any bytes."""
    return MirrorRefusal(path=os.fsencode(path).decode(errors="replace"), reason=reason)
