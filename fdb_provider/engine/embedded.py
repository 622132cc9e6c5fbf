"""The embedded engine: one LMDB file, one process, durable group commits.

Reads run at once on the caller's thread, on their own snapshot. Writes go to one thread, which takes every
body that waits, runs one after another and commits the group with one sync; that is what makes them
serialisable, and cheap under load. A body's awaits never suspend, since all its reads are done when they are
called, so `send(None)` runs it to its end.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import lmdb

from fdb_provider.engine import TRANSACTION_SECONDS, Reader, Transaction
from fdb_provider.engine.counts import UNABLE, Counts
from fdb_provider.engine.description import Description
from fdb_provider.engine.embedded_transaction import EmbeddedReader, drive
from fdb_provider.engine.embedded_writer import (
    VERSION_KEY,
    Job,
    Loop,
    Writer,
    call,
    live,
    mapped,
    translated,
)
from fdb_provider.engine.folder import Folder
from fdb_provider.engine.limits import check_key
from fdb_provider.errors import DatabaseClosed, StoreUnusable

T = TypeVar("T")

MAP_SIZE: Final = 64 << 30
"""Bytes the store may hold unless told otherwise. The file grows as it fills."""
_DATA_FILE: Final = "data.mdb"
"""LMDB's own name for it."""
_FORMAT_KEY: Final = b"mformat"
_FORMAT: Final = b"2"
"""Of what the engine keeps. Only programs that know 2 look at the store's own version (`formats`), so that is
what keeps the others away."""
_EARLIER: Final = b"1"
"""Nothing else is different in it."""


class EmbeddedDatabase:
    """A `Database` in a folder of this machine. Its calls may come from any thread and event loop."""

    @classmethod
    async def open(
        cls,
        folder: str | Path,
        *,
        map_size: int = MAP_SIZE,
        transaction_seconds: float = TRANSACTION_SECONDS,
        make: bool = True,
    ) -> EmbeddedDatabase:
        """Opens the store in `folder`.

        Args:
            map_size: bytes the store may hold; past them a write raises StoreFull, while reads and
                clears still work.
            transaction_seconds: how long one body may run.
            make: if it is missing it is made.

        Raises:
            StoreInUse: another process has it open.
            StoreUnusable: it cannot be read or written, it is missing and not to be made, or a newer version
                has written it.
        """
        return await asyncio.to_thread(cls, Path(folder), map_size, transaction_seconds, make)

    def __init__(self, path: Path, map_size: int, transaction_seconds: float, make: bool) -> None:
        """Use `open`: this one blocks."""
        if not make and not (path / _DATA_FILE).exists():
            raise StoreUnusable(f"there is no store in {path}: name the one the server uses")
        self._seconds = transaction_seconds
        self._map_size = map_size
        self._folder = Folder(path)
        try:
            self._env, version = self._open_env(path, map_size)
        except BaseException:
            self._folder.release()
            raise
        self._lock = threading.Lock()  # guards what follows
        self._idle = threading.Condition(self._lock)  # nobody reads
        self._closed: bool = False
        self._shutting: bool = False
        self._shut = threading.Event()
        self._reading = 0
        self._gathered: dict[Loop, list[Job]] = {}
        self._watched: dict[bytes, set[asyncio.Future[None]]] = {}
        self.counts = Counts()
        self._writer = Writer(
            self._env,
            self.counts,
            limit=map_size,
            seconds=transaction_seconds,
            version=version,
            committed=self._wake,
            name=f"store {path}",
        )
        self._writer.start()

    def _open_env(self, path: Path, limit: int) -> tuple[lmdb.Environment, int]:
        try:
            env = lmdb.open(
                os.fspath(path),
                map_size=mapped(limit),
                mode=0o600,
                max_spare_txns=16,
            )
            with env.begin(write=True) as txn:
                found = txn.get(_FORMAT_KEY)
                if found in (None, _EARLIER):
                    txn.put(_FORMAT_KEY, _FORMAT)
                version = int.from_bytes(txn.get(VERSION_KEY, b""), "big")
        except (lmdb.Error, OSError) as error:
            raise StoreUnusable(f"the store in {path} cannot be opened: {error}") from error
        if found not in (None, _EARLIER, _FORMAT):
            env.close()
            raise StoreUnusable(f"the store in {path} was written by a newer version of this program")
        self._folder.sync()
        return env, version

    # --- reads --------------------------------------------------------------------------------------

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            self._reading += 1
        started = time.perf_counter()
        try:
            with self._env.begin() as txn:
                reader = EmbeddedReader(txn, self._seconds)
                try:
                    return drive(body, reader)
                finally:
                    reader.end()
        except lmdb.Error as error:
            self.counts.failures += 1
            raise translated(error) from error
        finally:
            self.counts.reads.add(time.perf_counter() - started)
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

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = Job(body, loop, future, contextvars.copy_context())
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            gathered = self._gathered.get(loop)
            if gathered is None:
                self._gathered[loop] = [job]
                loop.call_soon(self._hand_over, loop)
            else:
                gathered.append(job)
        started = time.perf_counter()
        try:
            return await future
        except UNABLE:
            self.counts.failures += 1
            raise
        finally:
            self.counts.runs.add(time.perf_counter() - started)

    def _hand_over(self, loop: Loop) -> None:
        """Gives the writer what came in one turn of the loop.

        Writes that arrive together would else be cut in two groups, a sync for each: the writer, woken by
        the first, would not wait for the others. Lingering for more was tried: while one half of many
        writers is synced the loop serves the other half, and whole groups leave one of them idle.
        """
        with self._lock:
            jobs = self._gathered.pop(loop, None)
            if jobs is None:  # `close` was quicker
                return
            self._writer.put(jobs)
        self._writer.give_way()

    async def ready(self) -> None:
        await self.read(lambda tr: tr.get(b""))

    async def describe(self) -> Description:
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            self._reading += 1
        try:
            with self._env.begin() as txn:
                used = live(txn) * self._env.stat()["psize"]
        except lmdb.Error as error:
            raise translated(error) from error
        finally:
            self._leave()
        return Description(
            kind="embedded",
            software=f"LMDB {'.'.join(map(str, lmdb.version()))}",
            engine="lmdb",
            replication="none",
            healthy=True,
            used_bytes=used,
            capacity_bytes=self._map_size,
        )

    async def close(self) -> None:
        """Waits for what is being written and read, then closes. Closing twice does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for jobs in self._gathered.values():
                    self._writer.put(jobs)
                self._gathered.clear()
                self._writer.stop()
        await asyncio.to_thread(self._end)

    # --- watches and closing ------------------------------------------------------------------------

    def _wake(self, touched: list[bytes], ranges: list[tuple[bytes, bytes]]) -> None:
        """Wakes whoever watches a key that was changed."""
        if not self._watched:
            return
        with self._lock:
            keys = {key for key in touched if key in self._watched}
            for begin, end in ranges:
                keys.update(key for key in self._watched if begin <= key < end)
            waiters = [waiter for key in keys for waiter in self._watched[key]]
        _wake_all(waiters)

    def _end(self) -> None:
        self._writer.join()
        with self._lock:
            mine, self._shutting = not self._shutting, True
        if not mine:
            self._shut.wait()
            return
        with self._lock:
            waiters = [waiter for waiters in self._watched.values() for waiter in waiters]
            self._idle.wait_for(lambda: self._reading == 0)
        _wake_all(waiters)  # they read again, and are told that the store is closed
        self._env.close()
        self._folder.release()
        self._shut.set()


def _set_all(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _wake_all(waiters: list[asyncio.Future[None]]) -> None:
    by_loop: dict[Loop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, woken in by_loop.items():
        call(loop, _set_all, woken)
