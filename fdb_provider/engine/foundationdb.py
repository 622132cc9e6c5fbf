"""The FoundationDB engine, on the official binding.

The client's network thread is one per process and ends with it; any number of databases and event loops
share it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import fdb

from fdb_provider import keyspace
from fdb_provider.engine import TRANSACTION_SECONDS, Reader, Transaction, fdb_status
from fdb_provider.engine.counts import UNABLE, Counts
from fdb_provider.engine.description import Description
from fdb_provider.engine.fdb_binding import (
    TIMED_OUT,
    Bridge,
    FDBError,
    Handle,
    Pending,
    is_maybe_committed,
)
from fdb_provider.engine.fdb_transaction import FoundationReader, FoundationTransaction
from fdb_provider.engine.limits import check_key
from fdb_provider.errors import (
    DatabaseClosed,
    KeyTooLarge,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
    TransactionTooLarge,
    TransactionTooOld,
    ValueTooLarge,
)

T = TypeVar("T")

_ANSWER_SECONDS: Final = 4.5
"""A cluster that takes longer to answer is unavailable: callers are to know within 5 s."""
_RETRY_SECONDS: Final = 60.0
"""After this long of conflicts, or of answers to come again, a transaction is given up."""
_MARKER_MINUTES: Final = 15
"""Age at which a commit's marker is cleared: far past `_RETRY_SECONDS`, for gateways' clocks differ."""
_SWEEP_SECONDS: Final = 60.0
_WATCHES: Final = 1_000_000
"""Watches of this process at once; the most that FoundationDB allows."""
_WATCH_PAUSES: Final = (0.05, 1.0)
"""Seconds, first and longest, between attempts to set a watch again after an error."""

_DESCRIBED_SECONDS: Final = 5.0
"""How long a description is told again: the cluster asks all its processes for it."""

_TOO_OLD: Final = 1007
_CONFLICT: Final = 1020
_ERRORS: Final[dict[int, type[StoreError]]] = {
    _TOO_OLD: TransactionTooOld,
    2101: TransactionTooLarge,
    2102: KeyTooLarge,
    2103: ValueTooLarge,
    2104: StoreUnusable,  # the cluster file does not hold a connection string
}
"""Codes of FoundationDB's error_definitions.h that say more than that the store does not answer."""


class FoundationDatabase:
    """A `Database` in a FoundationDB cluster. Its calls may come from any thread and event loop."""

    @classmethod
    async def open(
        cls, cluster_file: str | Path, *, transaction_seconds: float = TRANSACTION_SECONDS
    ) -> FoundationDatabase:
        """Opens the cluster that `cluster_file` names. It need not be running: see `ready`.

        Args:
            transaction_seconds: how long one body may run; the cluster allows 5 s at most.

        Raises:
            StoreUnusable: the file cannot be read, or is not a cluster file.
        """
        return await asyncio.to_thread(cls, Path(cluster_file), transaction_seconds)

    def __init__(self, cluster_file: Path, transaction_seconds: float) -> None:
        """Use `open`: this one blocks."""
        try:
            with cluster_file.open("rb"):
                pass
            self._db = fdb.open(str(cluster_file))
        except (OSError, FDBError) as error:
            raise StoreUnusable(f"the cluster file {cluster_file} cannot be used: {error}") from error
        self._db.options.set_transaction_timeout(int(_ANSWER_SECONDS * 1000))
        self._db.options.set_max_watches(_WATCHES)
        self.counts = Counts()
        self._name = str(cluster_file)
        self._seconds = transaction_seconds
        self._lock = threading.Lock()  # guards what follows
        self._idle = threading.Condition(self._lock)
        self._closed = False
        self._active = 0
        self._watching: dict[asyncio.Future[None], Bridge] = {}
        self._next_sweep = 0.0
        self._described: tuple[float, Description | None] = (0.0, None)
        self._sweep: tuple[Any, ...] = ()

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        bridge = self._enter()
        started = time.perf_counter()
        try:
            return await self._run(body, bridge, None if repeatable else _marker())
        except UNABLE:
            self.counts.failures += 1
            raise
        finally:
            self.counts.runs.add(time.perf_counter() - started)
            self._leave()

    async def _run(
        self, body: Callable[[Transaction], Awaitable[T]], bridge: Bridge, marker: bytes | None
    ) -> T:
        handle = Handle(self._db, bridge)
        started = time.monotonic()
        # Results of attempts whose commit may have been made. The marker is written by each attempt, with
        # its number: a later one that finds it knows that this very transaction is already committed.
        unknown: dict[bytes, T] = {}
        attempt = 0
        while True:
            attempt += 1
            number = b"%d" % attempt
            ours = FoundationTransaction(handle, self._seconds)
            committing: dict[bytes, T] = {}
            try:
                if unknown and marker is not None:
                    committed = await ours.get(marker)
                    if committed is not None:
                        return unknown[committed]
                result = await body(ours)
                if ours.wrote:
                    ours.finish()
                    committing[number] = result
                    if marker is not None:
                        handle.set(marker, number)
                    await self._commit(handle)
                    if marker is not None:
                        self._sweep_markers()
                return result
            except FDBError as error:
                if is_maybe_committed(error):
                    unknown |= committing
                await self._retry(handle, error, started, bool(unknown or committing))
            finally:
                ours.end()

    async def _commit(self, handle: Handle) -> None:
        await handle.commit()

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        bridge = self._enter()
        started = time.perf_counter()
        try:
            return await self._read(body, bridge)
        except UNABLE:
            self.counts.failures += 1
            raise
        finally:
            self.counts.reads.add(time.perf_counter() - started)
            self._leave()

    async def _read(self, body: Callable[[Reader], Awaitable[T]], bridge: Bridge) -> T:
        handle = Handle(self._db, bridge)
        started = time.monotonic()
        while True:
            reader = FoundationReader(handle, self._seconds)
            try:
                return await body(reader)
            except FDBError as error:
                await self._retry(handle, error, started, False)
            finally:
                reader.end()

    async def _retry(self, handle: Handle, error: FDBError, started: float, unsure: bool) -> None:
        """Makes `handle` ready for another attempt, or raises what the caller is to see.

        Args:
            started: when the first attempt began.
            unsure: whether a commit may have been made.
        """
        if error.code == TIMED_OUT:
            raise self._translated(error, unsure) from error
        if time.monotonic() - started > _RETRY_SECONDS:
            raise self._translated(error, unsure) from error
        try:
            await handle.on_error(error.code)
        except FDBError as final:
            raise self._translated(final, unsure) from final
        if error.code == _CONFLICT:
            self.counts.conflicts += 1
        else:
            self.counts.retries += 1
        # The timeout counts from the beginning of the first attempt, so each one moves it on.
        handle.set_timeout(int((time.monotonic() - started + _ANSWER_SECONDS) * 1000))

    def _translated(self, error: FDBError, unsure: bool = False) -> StoreError:
        if kind := _ERRORS.get(error.code):
            return kind(f"FoundationDB: {_text(error)}")
        outcome = "; the change may or may not have been saved" if unsure else ""
        if error.code == TIMED_OUT:
            return StoreUnavailable(f"the FoundationDB cluster of {self._name} does not answer{outcome}")
        return StoreUnavailable(f"FoundationDB: {_text(error)}{outcome}")

    async def watch(self, key: bytes, seen: bytes | None) -> bytes | None:
        check_key(key)
        bridge = Bridge.here()
        pause, longest = _WATCH_PAUSES
        while True:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    handle = Handle(self._db, bridge)
                    handle.set_timeout(0)  # it would end the watch too
                    value = await handle.get(key, True)
                    if value != seen:
                        return value
                    # Fires as soon as the value differs from the one that this transaction has read.
                    changed = handle.watch(key)
                    await handle.commit()
                await self._wait(bridge, changed)
                pause = _WATCH_PAUSES[0]
            except (FDBError, TimeoutError):
                # Too many watches, a cluster that restarts or does not answer: ask again, less and less
                # often, so that a watch outlives what it waits through.
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)

    async def _wait(self, bridge: Bridge, changed: Pending[None]) -> None:
        """Waits until a watch fires, or the database is closed."""
        waiter = bridge.when_ready(changed)
        with self._lock:
            if self._closed:
                changed.cancel()
                return
            self._watching[waiter] = bridge
        try:
            await waiter
            if not self._closed:
                changed.result()
        finally:
            changed.cancel()
            with self._lock:
                del self._watching[waiter]

    async def ready(self) -> None:
        bridge = self._enter()
        handle = Handle(self._db, bridge)  # held until the answer: dropping it would cancel the question
        try:
            await handle.read_version()
        except FDBError as error:
            raise self._translated(error) from error
        finally:
            self._leave()

    async def describe(self) -> Description:
        told, described = self._described
        if described is not None and time.monotonic() - told < _DESCRIBED_SECONDS:
            return described
        bridge = self._enter()
        handle = Handle(self._db, bridge)
        try:
            status = await handle.get(fdb_status.KEY, True)
        except FDBError as error:
            raise self._translated(error) from error
        finally:
            self._leave()
        described = None if status is None else fdb_status.parse(status)
        if described is None:
            raise StoreUnavailable(f"the FoundationDB cluster of {self._name} is not available")
        self._described = time.monotonic(), described
        return described

    async def close(self) -> None:
        """Waits for what is under way, then refuses everything. Closing twice does nothing."""
        with self._lock:
            self._closed = True
            watching = list(self._watching.items())
        for waiter, bridge in watching:
            bridge.wake(waiter)
        await asyncio.to_thread(self._drain)

    def _drain(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._active == 0)

    def _enter(self) -> Bridge:
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the store is closed")
            self._active += 1
        return Bridge.here()

    def _leave(self) -> None:
        with self._lock:
            self._active -= 1
            self._idle.notify_all()

    def _sweep_markers(self) -> None:
        """Clears old markers now and then. Best effort: what fails is cleared the next time."""
        now = time.monotonic()
        with self._lock:
            if now < self._next_sweep:
                return
            self._next_sweep = now + _SWEEP_SECONDS
        handle = Handle(self._db, Bridge.here())
        handle.clear_range(
            keyspace.commits(), keyspace.commits() + keyspace.pack(_minute() - _MARKER_MINUTES)
        )
        self._sweep = (handle, handle.commit())  # kept until the next one: dropping it would cancel it


def _minute() -> int:
    return int(time.time() // 60)


def _marker() -> bytes:
    """Key of the marker of one `run`."""
    return keyspace.commits() + keyspace.pack(_minute(), os.urandom(16))


def _text(error: FDBError) -> str:
    description = error.description
    return f"{description.decode() if isinstance(description, bytes) else description} ({error.code})"
