"""The mirror as a part of the runtime: it connects, follows both sides, and says when they are equal."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import sqlite3
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake

from rpc import ChannelClosed, RpcError
from rpc.client import Client, Notifications
from theia_bridge.methods.protocol import DidChange
from theia_bridge.workspace.errors import WorkspaceUnavailable
from theia_bridge.workspace.mirror.base import Base
from theia_bridge.workspace.mirror.desk import Desk, refusal
from theia_bridge.workspace.mirror.disk import Disk
from theia_bridge.workspace.mirror.excludes import Excludes
from theia_bridge.workspace.mirror.marks import Marks
from theia_bridge.workspace.mirror.paths import Side
from theia_bridge.workspace.mirror.protocol import (
    DID_CONFLICT,
    DID_REFUSE,
    MirrorConflict,
    MirrorRefusal,
    MirrorSettled,
)
from theia_bridge.workspace.mirror.reconciler import Reconciler
from theia_bridge.workspace.mirror.states import Agreed, Stored
from theia_bridge.workspace.mirror.store import Store
from theia_bridge.workspace.mirror.waits import Waits
from theia_bridge.workspace.mirror.watcher import News, Scan, Watcher

if TYPE_CHECKING:
    from theia_bridge.workspace.server import Site

RECONNECT_SECONDS = 0.5
"""From a connection that was lost to the next attempt; twice as long after each that fails, at most"""
RECONNECT_MOST = 8.0
"""seconds."""
FAILED_SECONDS = 5.0
"""From a failure of the disk to the next attempt."""
REFUSED_SECONDS = 30.0
"""How often what cannot be mirrored is tried again."""
BLIND_SECONDS = 10.0
"""How often the disk is looked through where not all of it can be watched."""
FLUSH_SECONDS = 4.0
"""How long what was written last may take to be stored at the end."""
REFUSALS = 100
"""Of what cannot be mirrored, how many are told."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_log = logging.getLogger(__name__)


class Mirror:
    """Keeps the disk equal to the store."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._excludes = Excludes(site.handover.excludes)
        self._news: asyncio.Queue[MirrorConflict | MirrorRefusal] = asyncio.Queue()
        self._cursors: dict[str, str] = {}
        self._known: dict[str, Stored] = {}
        self._moved = asyncio.Condition()
        self._idle = asyncio.Event()
        self._waits = Waits()
        self._connected = asyncio.Event()
        self._look_through = True
        self._working = True
        self._failure: WorkspaceUnavailable | None = None
        self._declare()

    async def run(self) -> None:
        """Mirrors until it is cancelled; then what is pending is stored.

        On a disk that is full, it begins anew again and again, for programs are needed to make room.
        """
        while True:
            try:
                await self._run()
            except (sqlite3.Error, OSError) as error:
                _log.error("The mirror stands still: %s", error)
                self._fail(WorkspaceUnavailable(f"The workspace's disk cannot be used: {error}."))
            self._site.files.set()
            await self._site.set_mirror("failed")
            await asyncio.sleep(FAILED_SECONDS)
            self._look_through, self._failure = True, None

    def _fail(self, failure: WorkspaceUnavailable) -> None:
        """Tells who waits that both sides do not become equal."""
        self._failure = failure
        self._waits.fail(failure)

    async def _run(self) -> None:
        handover = self._site.handover
        folders = {"/workspace": handover.workspace, "/home": handover.home}
        with contextlib.ExitStack() as stack:
            base = Base(handover.mirror)
            stack.callback(base.close)
            self._disks = {root: Disk(folder) for root, folder in folders.items()}
            for disk in self._disks.values():
                stack.callback(disk.close)
                await asyncio.to_thread(disk.clean)
            self._base = base
            self._marks = Marks()
            self._desk = Desk(
                base,
                self._disks,
                self._excludes,
                self._again,
                self._marks.later,
                self._transferred,
                self._news.put_nowait,
            )
            self._reconciler = Reconciler(self._desk)
            self._watcher = Watcher(self._disks, self._excludes, self._take_news)
            await self._site.set_mirror("syncing")
            working = asyncio.create_task(
                _until_one_fails(self._keep_connected(), self._tell(), self._tell_state(), self._retry())
            )
            try:
                await asyncio.shield(working)
            finally:
                if self._connected.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(FLUSH_SECONDS):
                            await self.settle()
                working.cancel()
                await asyncio.wait([working])
                await self._reconciler.close()
                await self._watcher.close()

    async def settle(self) -> MirrorSettled:
        """Returns when all is on both sides that was on one of them when this was called.

        Raises:
            WorkspaceUnavailable: the disk cannot be used, or the store cannot.
        """
        if self._failure is not None:
            raise self._failure
        await self._connected.wait()
        self._marks.add(self._desk.refused, Side.BOTH)
        await self._watcher.flush()
        for root in self._disks:
            try:
                position = await self._desk.store.position(root)
            except ChannelClosed:
                raise WorkspaceUnavailable(
                    "The workspace has lost its store. Try again in a moment."
                ) from None
            async with self._moved:
                while self._cursors[root] < position:
                    await self._moved.wait()
        self._marks.add(self._desk.refused, Side.BOTH)
        if self._watcher.blind:
            self._look_again()
        self._desk.hurried += 1
        try:
            self._marks.hurry()
            over = self._waits.rest([*self._marks, *self._reconciler.missed], self._reconciler.large)
            self._look_idle()
            await over
        finally:
            self._desk.hurried -= 1
        refused = self._desk.refused
        some = [refusal(path, reason) for path, reason in itertools.islice(refused.items(), REFUSALS)]
        return MirrorSettled(refused=len(refused), refusals=some)

    # Connected to the store

    async def _keep_connected(self) -> None:
        pause = RECONNECT_SECONDS
        while True:
            try:
                async with (
                    self._site.gateway.connect() as client,
                    Store.connect(client, self._site.gateway) as store,
                ):
                    self._desk.store = store
                    await self._work(client, store)
            except (OSError, InvalidHandshake, RpcError) as error:
                _log.warning("The mirror waits for the store: %s", error)
            finally:
                worked = self._connected.is_set()
                self._connected.clear()
            await self._site.set_mirror("syncing")
            pause = RECONNECT_SECONDS if worked else min(2 * pause, RECONNECT_MOST)
            await asyncio.sleep(pause)

    async def _work(self, client: Client, store: Store) -> None:
        """Works on one connection until it ends."""
        notifications = client.notifications({"fs.didChange": DidChange})
        roots: dict[str, str] = {}
        for root in self._disks:
            try:
                watch = await store.watch(root, self._cursors.get(root))
            except RpcError as error:
                if error.kind != "CursorExpired":
                    raise
                self._look_through = True
                watch = await store.watch(root, None)
            roots[watch.watch_id] = root
            self._cursors[root] = watch.cursor
        if self._look_through:
            await self._compare(store)
        self._connected.set()
        await _until_one_fails(self._follow(notifications, roots), self._pump())

    async def _follow(self, notifications: Notifications, roots: Mapping[str, str]) -> None:
        """Marks what changes in the store."""
        async for _, told in notifications:
            if not isinstance(told, DidChange) or (root := roots.get(told.watch_id)) is None:
                continue
            if any(change.path == root for change in told.changes):
                self._look_through = True
            self._marks.add((change.path for change in told.changes), Side.STORE, urgent=True)
            async with self._moved:
                self._cursors[root] = told.cursor
                self._moved.notify_all()

    async def _pump(self) -> None:
        """Works on what is marked."""
        while True:
            if self._look_through:
                await self._compare(self._desk.store)
            self._working = False
            self._look_idle()
            sides, moved = await self._marks.take()
            self._working = True
            self._waits.begin(sides)
            known = {path: self._known.pop(path) for path in sides if path in self._known}
            try:
                await self._reconciler.work(sides, moved, known)
            except ChannelClosed:
                self._marks.add(sides, Side.BOTH)
                self._waits.mark(sides)
                self._waits.end(sides, self._reconciler.large)
                raise
            self._waits.end(self._marks.retried, self._reconciler.large)
            self._marks.done(sides)

    def _look_idle(self) -> None:
        """Tells who waits for it if both sides are equal."""
        idle = not self._working and not self._marks and not self._reconciler.large
        if idle:
            self._idle.set()
        if not self._look_through:
            self._waits.release(idle=idle)

    async def _compare(self, store: Store) -> None:
        """Looks through both sides, and marks all that is not as it was when they agreed."""
        self._look_through = False
        found, listed = await asyncio.gather(self._watcher.scan(), self._list(store))
        rows = {path: row for root in self._disks for path, row in self._base.below(root)}
        self._check_disks(rows, found)
        marked = []
        for path in found.keys() | listed.keys() | rows.keys():
            row, stored, seen = rows.get(path), listed.get(path), found.get(path)
            if (
                row is None
                or stored is None
                or seen is None
                or not (row.is_stored(stored) and row.is_on_disk(seen))
                or not row.mode == stored.mode == seen.mode
            ):
                marked.append(path)
                if stored is not None:
                    self._known[path] = stored
        self._marks.add(marked, Side.BOTH)
        self._waits.mark(marked)

    def _check_disks(self, rows: dict[str, Agreed], found: Scan) -> None:
        """Forgets what both sides have agreed on where the disk may not be what it was then.

        It may have been deleted and made again, with the same inode. After a crash of the machine, files may
        be empty or gone that were written before: they are not taken for changes somebody has made. What is
        equal is agreed on anew; else both are kept.
        """
        for root, disk in self._disks.items():
            name = f"root {root}"
            if self._base.fact(name) != f"{disk.ino} {disk.mark}":
                self._base.clear(root)
                for path in [path for path in rows if path.startswith(f"{root}/")]:
                    del rows[path]
                disk.set_mark(secrets.token_hex(8))
                self._base.note(name, f"{disk.ino} {disk.mark}")
        boot = _BOOT.read_text()
        if self._base.fact("boot") != boot:
            for path, row in list(rows.items()):
                if not row.is_on_disk(found.get(path)):
                    self._base.drop(path)
                    del rows[path]
            self._base.note("boot", boot)
        self._base.commit()

    async def _list(self, store: Store) -> dict[str, Stored]:
        """All that is stored."""
        found: dict[str, Stored] = {}

        async def walk(folder: str) -> None:
            folders = []
            for name, stored in await store.entries(folder):
                path = f"{folder}/{name}"
                if self._excludes.has_entry(path, name):
                    continue
                found[path] = stored
                if stored.kind == "directory":
                    folders.append(path)
            await asyncio.gather(*(walk(path) for path in folders))

        await asyncio.gather(*(walk(root) for root in self._disks))
        return found

    # Whatever else happens

    def _take_news(self, news: News) -> None:
        self._marks.add_news(news)
        if news.lost:
            self._look_again()

    def _look_again(self) -> None:
        """Has both sides looked through."""
        self._look_through = True
        self._marks.add(self._disks, Side.BOTH)  # so that there is something to do

    def _transferred(self, path: str, well: bool) -> None:
        self._waits.transferred(path, well=well)

    def _again(self, path: str, side: Side) -> None:
        if self._marks.again(path, side):
            self._waits.mark([path])
        else:
            self._desk.refuse(path, "it does not come to rest")

    async def _tell(self) -> None:
        while True:
            news = await self._news.get()
            name = "mirror.didConflict" if isinstance(news, MirrorConflict) else "mirror.didRefuse"
            await self._site.notify(name, news)

    async def _tell_state(self) -> None:
        """Says that the mirror is live, whenever it has become so."""
        while True:
            await self._idle.wait()
            self._site.files.set()
            if self._site.mirror != "live":
                await self._site.set_mirror("live")
            self._idle.clear()

    async def _retry(self) -> None:
        """Tries again what could not be mirrored, and looks for what nobody tells of."""
        blind = 0
        while True:
            await asyncio.sleep(BLIND_SECONDS)
            blind += 1
            if blind * BLIND_SECONDS >= REFUSED_SECONDS:
                blind = 0
                self._marks.add(self._desk.refused, Side.BOTH)
            if self._watcher.blind:
                self._look_again()

    def _declare(self) -> None:
        registry = self._site.registry
        registry.notification("mirror.didConflict", MirrorConflict, DID_CONFLICT)
        registry.notification("mirror.didRefuse", MirrorRefusal, DID_REFUSE)

        @registry.method("mirror.settle")
        async def settle(_: object) -> MirrorSettled:
            """Returns when all is on both sides that was on one of them when this was called."""
            return await self.settle()


async def _until_one_fails(*work: Coroutine[None, None, None]) -> None:
    """Does several things that do not end, and raises what one of them raises."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        await task
