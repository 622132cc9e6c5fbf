"""The embedded engine: one LMDB file, one process, durable group commits.

Reads run at once on the caller's thread, on their own snapshot. Writes go to one thread, which takes every
body that waits, runs each in a nested transaction and commits the group with one sync; that is what makes
them serialisable, and cheap under load. A body's awaits never suspend, since all its reads are done when
they are called, so `send(None)` runs it to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import os
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import lmdb

from fdb_provider.engine import TRANSACTION_SECONDS, Reader, Transaction, trie
from fdb_provider.engine.embedded_transaction import (
    SUSPENDED,
    EmbeddedReader,
    EmbeddedTransaction,
    drive,
)
from fdb_provider.engine.folder import Folder
from fdb_provider.engine.limits import check_key
from fdb_provider.errors import (
    BodySuspended,
    DatabaseClosed,
    StoreFull,
    StoreUnavailable,
    StoreUnusable,
)

T = TypeVar("T")

MAP_SIZE: Final = 64 << 30
"""Bytes the store may hold unless told otherwise. The file grows as it fills."""
_GROUP_LIMIT: Final = 1000
"""Transactions in one commit at most; a versionstamp's order has 16 bits."""
_GROUP_SECONDS: Final = 0.05
"""A group is committed after this long even if more bodies wait: the first ones wait for its sync."""
_GROWTH: Final = 32 << 20
"""Bytes one transaction can make the file grow by at most: 10 MB in pages, and the way to each of them."""

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""LMDB reports a write that the disk took only a part of as EIO, which is how most disks become full."""
_FORMAT_KEY: Final = b"mformat"
_FORMAT: Final = b"1"
_VERSION_KEY: Final = b"mversion"

_Loop = asyncio.AbstractEventLoop


@dataclass(slots=True, eq=False)
class _Job:
    """A body that waits for the writer, and where its result goes."""

    body: Callable[[Transaction], Awaitable[Any]]
    loop: _Loop
    future: asyncio.Future[Any]
    context: contextvars.Context
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class _Group:
    """What one LMDB transaction has done so far."""

    txn: trie.Txn
    version: int
    tight: bool
    """Near the limit: look at the size after each body."""
    nested: bool
    """Each body in a transaction of its own; a lone one saves those 10 microseconds."""
    order: int = 0
    touched: list[bytes] = field(default_factory=list)
    ranges: list[tuple[bytes, bytes]] = field(default_factory=list)


class EmbeddedDatabase:
    """A `Database` in a folder of this machine. Its calls may come from any thread and event loop."""

    @classmethod
    async def open(
        cls,
        folder: str | Path,
        *,
        map_size: int = MAP_SIZE,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> EmbeddedDatabase:
        """Opens the store in `folder`, creating it if it is missing.

        Args:
            map_size: bytes the store may hold; past them a write raises StoreFull, while reads and
                clears still work.
            transaction_seconds: how long one body may run.

        Raises:
            StoreInUse: another process has it open.
            StoreUnusable: it cannot be read or written, or a newer version has written it.
        """
        return await asyncio.to_thread(cls, Path(folder), map_size, transaction_seconds)

    def __init__(self, path: Path, map_size: int, transaction_seconds: float) -> None:
        """Use `open`: this one blocks."""
        self._seconds = transaction_seconds
        self._limit = map_size
        self._folder = Folder(path)
        try:
            self._env = self._open_env(path)
        except BaseException:
            self._folder.release()
            raise
        self._lock = threading.Lock()  # guards _closed against _jobs.put, _reading and _waiters
        self._idle = threading.Condition(self._lock)  # nobody reads
        self._closed: bool = False
        self._reading = 0
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._watched: dict[bytes, set[asyncio.Future[None]]] = {}
        self._stopped = threading.Event()
        self._writer = threading.Thread(target=self._write, name=f"store {path}", daemon=True)
        self._writer.start()

    def _open_env(self, path: Path) -> lmdb.Environment:
        try:
            env = lmdb.open(
                os.fspath(path),
                # Room beyond the limit, so that a full store can still be cleared: LMDB copies the
                # pages it changes, deleting included.
                map_size=self._limit + max(self._limit // 4, _GROWTH),
                mode=0o600,
                max_spare_txns=16,
            )
            with env.begin(write=True) as txn:
                found = txn.get(_FORMAT_KEY)
                if found is None:
                    txn.put(_FORMAT_KEY, _FORMAT)
                self._version = int.from_bytes(txn.get(_VERSION_KEY, b""), "big")
        except (lmdb.Error, OSError) as error:
            raise StoreUnusable(f"the store in {path} cannot be opened: {error}") from error
        if found not in (None, _FORMAT):
            env.close()
            raise StoreUnusable(f"the store in {path} was written by a newer version of this program")
        self._folder.sync()
        self._page = env.stat()["psize"]
        return env

    # --- reads --------------------------------------------------------------------------------------

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            self._reading += 1
        try:
            with self._env.begin() as txn:
                reader = EmbeddedReader(txn, self._seconds)
                try:
                    return drive(body, reader)
                finally:
                    reader.end()
        except lmdb.Error as error:
            raise _translated(error) from error
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._reading -= 1
            if self._closed:
                self._idle.notify_all()

    async def watch(self, key: bytes, seen: bytes | None) -> bytes | None:
        check_key(key)
        while True:
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            with self._lock:
                self._watched.setdefault(key, set()).add(changed)
            try:
                # Read after asking to be told, so that no change falls between the two.
                value = await self.read(lambda tr: tr.get(key))
                if value != seen:
                    return value
                await changed
            finally:
                with self._lock:
                    waiters = self._watched[key]
                    waiters.discard(changed)
                    if not waiters:
                        del self._watched[key]

    # --- writes -------------------------------------------------------------------------------------

    async def run(self, body: Callable[[Transaction], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = _Job(body, loop, future, contextvars.copy_context())
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            self._jobs.put(job)
        return await future

    async def ready(self) -> None:
        await self.read(lambda tr: tr.get(b""))

    async def close(self) -> None:
        """Waits for what is being written and read, then closes. Closing twice does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        await asyncio.to_thread(self._stopped.wait)

    def _write(self) -> None:
        """The writer thread."""
        closing = False
        while not closing:
            jobs, closing = self._waiting()
            while jobs:
                jobs = self._commit(jobs)
        self._shut()

    def _waiting(self) -> tuple[list[_Job], bool]:
        """Every body that waits, once there is one; and whether the store is to be closed after them."""
        jobs: list[_Job] = []
        while True:
            job = self._jobs.get()
            if job is None:
                return jobs, True
            if not job.future.cancelled():
                jobs.append(job)
            if len(jobs) == _GROUP_LIMIT or self._jobs.empty():
                return jobs, False

    def _commit(self, jobs: list[_Job], *, again: bool = False) -> list[_Job]:
        """Runs and commits the first of `jobs`, answers them, and returns those left for the next group."""
        try:
            done = self._commit_group(jobs)
        except Exception as error:  # whatever it is, the thread must live, or later writes wait for ever
            if len(jobs) > 1:
                # One of them cannot be saved. What the others did may rest on it, so all run again, each
                # in a commit of its own, and only the one at fault fails.
                for job in jobs:
                    self._commit([job])
                return []
            if isinstance(error, lmdb.Error) and not again and self._advance():
                return self._commit(jobs, again=True)
            jobs[0].error = _translated(error)
            done = 1
        self._answer(jobs[:done])
        return jobs[done:]

    def _advance(self) -> bool:
        """Makes a commit that needs next to no room, if there is as much.

        LMDB reuses what a commit has freed only from the second commit after it on. On a full disk the
        first one would fail for ever, and never get to what was cleared.
        """
        try:
            with self._env.begin(write=True) as txn:
                txn.put(_VERSION_KEY, self._version.to_bytes(8, "big"))
        except lmdb.Error:
            return False
        return True

    def _commit_group(self, jobs: list[_Job]) -> int:
        """Runs as many of `jobs` as fit into one commit, and commits. Returns their number."""
        with self._env.begin(write=True) as txn:
            group = _Group(
                txn=txn,
                # Like FoundationDB's about a million a second, so that data copied from there stays older.
                version=max(self._version + 1, time.time_ns() // 1000),
                tight=_live(txn) * self._page + len(jobs) * _GROWTH > self._limit,
                nested=len(jobs) > 1,
            )
            deadline = time.monotonic() + _GROUP_SECONDS
            done = 0
            for job in jobs:
                self._run_job(job, group)
                done += 1
                if time.monotonic() > deadline:
                    break
            if group.order:
                txn.put(_VERSION_KEY, group.version.to_bytes(8, "big"))
            if not group.nested and jobs[0].error is not None:
                txn.abort()
                return done
        self._version = group.version
        self._wake(group)
        return done

    def _run_job(self, job: _Job, group: _Group) -> None:
        """Runs one body in a transaction nested in the group's, which is dropped if it fails."""
        job.result = job.error = None
        txn = self._env.begin(write=True, parent=group.txn) if group.nested else group.txn
        stamp = group.version.to_bytes(8, "big") + group.order.to_bytes(2, "big")
        tr = EmbeddedTransaction(txn, self._seconds, stamp)
        try:
            job.result = job.context.run(drive, job.body, tr)
            group.order += tr.finish()
            if tr.grew and group.tight and _live(txn) * self._page > self._limit:
                raise StoreFull(f"the store has reached its limit of {self._limit} bytes")
        except BaseException as error:  # the caller's to handle, whatever it is
            job.error = _translated(error)
        tr.end()
        if job.error is None:
            group.touched += tr.touched
            group.ranges += tr.ranges
        if group.nested:
            if job.error is None:
                txn.commit()
            else:
                txn.abort()

    def _answer(self, jobs: list[_Job]) -> None:
        """Hands every job its result, with one call into each event loop."""
        by_loop: dict[_Loop, list[_Job]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, done in by_loop.items():
            _call(loop, _resolve, done)

    # --- watches and closing ------------------------------------------------------------------------

    def _wake(self, group: _Group) -> None:
        """Wakes whoever watches a key that the committed group has touched."""
        if not self._watched:
            return
        with self._lock:
            keys = {key for key in group.touched if key in self._watched}
            for begin, end in group.ranges:
                keys.update(key for key in self._watched if begin <= key < end)
            waiters = [waiter for key in keys for waiter in self._watched[key]]
        _wake_all(waiters)

    def _shut(self) -> None:
        with self._lock:
            waiters = [waiter for waiters in self._watched.values() for waiter in waiters]
            self._idle.wait_for(lambda: self._reading == 0)
        _wake_all(waiters)  # they read again, and are told that the store is closed
        self._env.close()
        self._folder.release()
        self._stopped.set()


def _live(txn: trie.Txn) -> int:
    """Pages that hold what is stored, without those that are free for reuse."""
    pages = txn.stat()
    return pages["branch_pages"] + pages["leaf_pages"] + pages["overflow_pages"]


def _translated(error: BaseException) -> BaseException:
    """The error a caller sees."""
    if isinstance(error, lmdb.Error):
        if isinstance(error, lmdb.MapFullError) or error.code in _NO_ROOM:
            return StoreFull(f"the store's disk or map takes no more: {error}")
        return StoreUnavailable(f"the store failed: {error}")
    if isinstance(error, RuntimeError) and "event loop" in str(error):
        # asyncio.sleep, gather and the like look for a loop, and the writer thread has none.
        suspended = BodySuspended(SUSPENDED)
        suspended.__cause__ = error
        return suspended
    return error


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # its caller was cancelled
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _set_all(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _wake_all(waiters: list[asyncio.Future[None]]) -> None:
    by_loop: dict[_Loop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, woken in by_loop.items():
        _call(loop, _set_all, woken)


def _call(loop: _Loop, function: Callable[[list[T]], None], argument: list[T]) -> None:
    # A loop that was closed has nobody waiting in it.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, argument)
