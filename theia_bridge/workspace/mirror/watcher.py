"""What changes on the disk, as inotify tells it, in a thread of its own.

It only says where to look. Excluded folders are not watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import queue
import select
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from inotify_simple import Event, INotify, flags, parse_events

from theia_bridge.workspace.mirror.disk import Disk, list_folder, proc_path
from theia_bridge.workspace.mirror.excludes import Excludes
from theia_bridge.workspace.mirror.states import Seen

GATHER = 10
"""Milliseconds in which events are gathered before they are read."""
_READ = 1 << 20
_NO_MORE = (errno.ENOSPC, errno.EMFILE)
"""What the system answers when a user has as many watches, or as many who watch, as allowed."""
_MASK = (
    flags.CREATE
    | flags.DELETE
    | flags.MODIFY
    | flags.CLOSE_WRITE
    | flags.ATTRIB
    | flags.MOVED_FROM
    | flags.MOVED_TO
    | flags.ONLYDIR
    | flags.EXCL_UNLINK
)
_log = logging.getLogger(__name__)


class Urgency(IntEnum):
    """When to look at a path."""

    NOW = 0
    GONE = 1
    """When no more is removed: all of a folder may be."""
    WRITING = 2
    """In a while: a program has it open, as it seems."""


@dataclass
class News:
    """What has happened since the last news.

    Args:
        changed: the paths to look at.
        moves: what was renamed, by its old path: the new one.
        lost: more has happened than could be told: all is to be looked at.
    """

    changed: dict[str, Urgency] = field(default_factory=dict)
    moves: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    def mark(self, path: str, urgency: Urgency) -> None:
        self.changed[path] = min(urgency, self.changed.get(path, urgency))


Scan = dict[str, Seen]
"""All that is on the disk, by path."""


class Watcher:
    """Watches the disks of some roots.

    Args:
        disks: by the paths of their roots.
        tell: is called on the event loop.

    Attributes:
        blind: not all folders are watched, as the system allows no more.
    """

    def __init__(self, disks: Mapping[str, Disk], excludes: Excludes, tell: Callable[[News], None]) -> None:
        self._disks = disks
        self._excludes = excludes
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._requests: queue.SimpleQueue[tuple[bool, asyncio.Future[Scan]]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._leaving: dict[int, str] = {}
        self._closed: set[str] = set()
        self._news = News()
        self._ends = False
        self.blind = False
        self._inotify = self._open()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    async def scan(self) -> Scan:
        """Everything that is there now; from now on, all that changes is told."""
        return await self._ask(True)

    async def flush(self) -> None:
        """Returns when all has been told that has happened until now."""
        await self._ask(False)

    async def close(self) -> None:
        self._ends = True
        os.eventfd_write(self._wake, 1)
        await asyncio.to_thread(self._thread.join)
        if self._inotify is not None:
            self._inotify.close()
        os.close(self._wake)

    async def _ask(self, scan: bool) -> Scan:
        future: asyncio.Future[Scan] = self._loop.create_future()
        self._requests.put((scan, future))
        os.eventfd_write(self._wake, 1)
        return await future

    def _open(self) -> INotify | None:
        try:
            return INotify(nonblocking=True)
        except OSError as error:
            if error.errno not in _NO_MORE:
                raise
            self._go_blind("fs.inotify.max_user_instances")
            return None

    def _go_blind(self, setting: str) -> None:
        if not self.blind:
            self.blind = True
            _log.warning("Not all folders can be watched, so changes are found late: raise %s", setting)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._inotify is not None:
            poll.register(self._inotify.fileno(), select.POLLIN)
        gather = select.poll()
        gather.register(self._wake, select.POLLIN)
        while not self._ends:
            ready = dict(poll.poll())
            if self._wake not in ready:
                gather.poll(GATHER)
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            requests = []
            with contextlib.suppress(queue.Empty):
                while True:
                    requests.append(self._requests.get_nowait())
            self._read()
            for scan, future in requests:
                found = self._scan() if scan else {}
                self._loop.call_soon_threadsafe(_answer, future, found)

    def _read(self) -> None:
        """Reads all there is, and tells of it."""
        leaving, self._leaving = self._leaving, {}
        while self._inotify is not None:
            try:
                data = os.read(self._inotify.fileno(), _READ)
            except BlockingIOError:
                break
            for event in parse_events(data):
                try:
                    self._take(event, leaving)
                except OSError as error:
                    _log.warning("The disk is looked through again: %s", error)
                    self._news.lost = True
        if self._news.changed or self._news.lost:
            news, self._news = self._news, News()
            self._loop.call_soon_threadsafe(self._tell, news)

    def _take(self, event: Event, leaving: dict[int, str]) -> None:
        mask: int = event.mask
        if mask & flags.Q_OVERFLOW:
            self._news.lost = True
            return
        if mask & flags.IGNORED:
            path = self._paths.pop(event.wd, None)
            if path is not None and self._watches.get(path) == event.wd:
                del self._watches[path]
            return
        folder = self._paths.get(event.wd)
        if folder is None:
            return
        path = f"{folder}/{event.name}" if event.name else folder
        if path in self._disks or self._excludes.has_entry(path, event.name):
            return
        if mask & flags.ISDIR:
            if mask & (flags.DELETE | flags.MOVED_FROM):
                self._leave(path, whole=bool(mask & flags.MOVED_FROM))
            elif mask & (flags.CREATE | flags.MOVED_TO) or path in self._closed:
                for found in self._enter(path):
                    self._news.mark(found, Urgency.NOW)
        if mask & flags.MOVED_FROM:
            leaving[event.cookie] = self._leaving[event.cookie] = path
        elif mask & flags.MOVED_TO and (source := leaving.get(event.cookie)) is not None:
            moves = self._news.moves
            for earlier in [name for name, target in moves.items() if target == source]:
                del moves[earlier]
                source = earlier
            moves[source] = path
        self._news.mark(path, _urgency(mask))

    def _scan(self) -> Scan:
        found: Scan = {}
        for root in self._disks:
            self._leave(root, whole=True)
            found.update(self._enter(root))
        return found

    def _enter(self, top: str) -> Scan:
        """Watches a folder with all in it; what is in it."""
        found: Scan = {}
        waiting = [top]
        while waiting:
            path = waiting.pop()
            root = "/" + path.split("/", 2)[1]
            try:
                with self._disks[root].folder(path[len(root) + 1 :]) as folder:
                    self._watch(path, folder)
                    entries = list_folder(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    _log.warning("The folder %r is not looked at: %s", path, error)
                    self._closed.add(path)  # until its mode is another
                continue
            self._closed.discard(path)
            for name, seen in entries:
                below = f"{path}/{name}"
                if not self._excludes.has_entry(below, name):
                    found[below] = seen
                    if seen.kind == "directory":
                        waiting.append(below)
        return found

    def _watch(self, path: str, folder: int) -> None:
        if self._inotify is None:
            return
        try:
            watch: int = self._inotify.add_watch(proc_path(folder), _MASK)
        except OSError as error:
            if error.errno not in _NO_MORE:
                raise
            self._go_blind("fs.inotify.max_user_watches")
            return
        former = self._paths.get(watch)
        if former is not None and self._watches.get(former) == watch:
            del self._watches[former]  # the folder was moved
        self._paths[watch] = path
        self._watches[path] = watch

    def _leave(self, path: str, *, whole: bool) -> None:
        """Watches a folder no more; with `whole` those in it neither."""
        gone = [path] if path in self._watches else []
        if whole:
            gone += [below for below in self._watches if below.startswith(f"{path}/")]
        for below in gone:
            watch = self._watches.pop(below)
            if self._inotify is not None and self._paths.get(watch) == below:
                del self._paths[watch]
                with contextlib.suppress(OSError):
                    self._inotify.rm_watch(watch)


def _urgency(mask: int) -> Urgency:
    if mask & flags.DELETE:
        return Urgency.GONE
    writing = mask & flags.MODIFY or (mask & flags.CREATE and not mask & flags.ISDIR)
    return Urgency.WRITING if writing else Urgency.NOW


def _answer(future: asyncio.Future[Scan], found: Scan) -> None:
    if not future.done():
        future.set_result(found)
