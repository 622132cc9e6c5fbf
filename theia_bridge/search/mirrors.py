"""All mirrors of one gateway: a private folder, bounded in bytes, the least recently used removed first."""

from __future__ import annotations

import asyncio
import fcntl
import math
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec

from fdb_provider import keyspace
from fdb_provider.errors import QuotaExceeded, SearchUnavailable
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope
from theia_bridge.search.mirror import Mirror, in_thread

PREFIX = "search-"
LOCK = "owner.lock"
CLOSE_SECONDS = 2.0
IDLE_SECONDS = 3600.0
"""How long a mirror that nobody uses stays on the disk."""

P = ParamSpec("P")


class Mirrors:
    """Args:
    files: what is mirrored.
    folder: of the cache; several gateways may have the same.
    limit: bytes all mirrors together may take on the disk.
    """

    def __init__(self, files: FileService, folder: Path, limit: int) -> None:
        self._files = files
        self._folder = folder
        self._limit = limit
        self._own = folder / f"{PREFIX}{secrets.token_hex(8)}"
        self._lock = -1
        self._mirrors: OrderedDict[bytes, Mirror] = OrderedDict()
        self._taking = asyncio.Lock()
        self._removals: set[asyncio.Task[None]] = set()
        self._until = math.inf
        """When what is being removed is left to the next server."""

    def clean(self) -> None:
        """Begins to remove what servers that have died left behind."""
        self._begin(self._clean)

    @asynccontextmanager
    async def use(self, scope: Scope, root: str) -> AsyncIterator[Mirror]:
        """The mirror of a root of the caller's, which stays while it is used.

        Mirrors are told apart by the prefix of the root's keys, so two callers share one exactly if they
        share the files.
        """
        async with self._taking:
            if self._lock < 0:
                await in_thread(self._take)
        key = keyspace.root(scope, root)
        mirror = self._mirrors.get(key)
        if mirror is None:
            folder = self._own / secrets.token_hex(8)
            mirror = self._mirrors[key] = Mirror(self._files, root, folder, partial(self._reserve, key))
        self._mirrors.move_to_end(key)
        mirror.users += 1
        try:
            yield mirror
        finally:
            mirror.users -= 1
            mirror.used_at = time.monotonic()

    async def run(self) -> None:
        """Takes what nobody uses off the disk by and by: what it mirrors may have been erased."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 10)
            self.drop_idle()

    def drop_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Begins to remove the mirrors that nobody has used for so long."""
        since = time.monotonic() - seconds
        for key in [key for key, one in self._mirrors.items() if not one.users and one.used_at <= since]:
            self._begin(self._erase, self._mirrors.pop(key).abandon())

    async def removed(self) -> None:
        """Returns when all that is to be removed is."""
        if self._removals:
            await asyncio.wait(self._removals)

    async def close(self) -> None:
        """Takes all off the disk, or as much as `CLOSE_SECONDS` allow: the next server does the rest."""
        self._until = time.monotonic() + CLOSE_SECONDS
        if self._lock >= 0:
            self._begin(self._erase, self._own)
        await self.removed()
        if self._lock >= 0:
            os.close(self._lock)

    async def _reserve(self, key: bytes, growth: int) -> None:
        """Sees that a mirror may grow; others that nobody uses make room, the least recently used first."""
        over = sum(mirror.cost for mirror in self._mirrors.values()) + growth - self._limit
        if over <= 0:
            return
        idle = [other for other, mirror in self._mirrors.items() if other != key and not mirror.users]
        if over > sum(self._mirrors[other].cost for other in idle):
            raise QuotaExceeded(
                f"the files to search take more than the {self._limit >> 20} MiB that the server has for "
                "searching (setting `search_cache_bytes`): delete some, or ask for more"
            )
        for other in idle:
            if over <= 0:
                return
            mirror = self._mirrors.pop(other)
            over -= mirror.cost
            # In the background: some disks take long to remove files.
            self._begin(self._erase, mirror.abandon())

    def _begin(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        removal = asyncio.create_task(in_thread(function, *args, **kwargs))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)

    # In a worker thread.

    def _take(self) -> None:
        # Locked before it has its name: to a server that starts, one without a lock is left behind.
        hidden = self._own.with_name(f".{self._own.name}")
        try:
            hidden.mkdir(mode=0o700, parents=True)
            lock = os.open(hidden / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(self._own)
        except OSError as error:
            raise SearchUnavailable(f"the folder of the setting `cache` cannot be used: {error}") from error
        self._lock = lock

    def _clean(self) -> None:
        for other in self._folder.glob(f"{PREFIX}*"):
            if other == self._own or other.is_symlink():
                continue
            try:
                lock = os.open(other / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError:
                continue  # another user's, or no folder
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._erase(other)
            except BlockingIOError:
                pass
            finally:
                os.close(lock)

    def _erase(self, folder: Path) -> None:
        """Removes a folder, until there is no more time for it. Its lock is the last to go."""
        with suppress(OSError):  # somebody else removes it too, or it is not ours to remove
            for here, folders, names, descriptor in os.fwalk(folder, topdown=False):
                for name in names:
                    if time.monotonic() > self._until:
                        return
                    if name != LOCK or here != str(folder):
                        os.unlink(name, dir_fd=descriptor)
                for name in folders:
                    os.rmdir(name, dir_fd=descriptor)
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()
