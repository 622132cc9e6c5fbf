"""The one thread of the embedded engine that writes: bodies in, durable group commits out.

While it runs bodies, the event loops that handed them over keep still (`Writer.give_way`): the interpreter
belongs to one thread at a time, and LMDB's calls give it up and take it again each time, so that a loop that
is busy meanwhile makes the writer wait for it at every single one. Syncing to the disk takes no interpreter:
then the loops go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import lmdb

from fdb_provider.engine import Transaction, trie
from fdb_provider.engine.counts import Counts
from fdb_provider.engine.embedded_transaction import SUSPENDED, EmbeddedTransaction, drive
from fdb_provider.errors import BodySuspended, StoreFull, StoreUnavailable

T = TypeVar("T")

_GROUP_LIMIT: Final = 1000
"""Transactions after which no more are waited for. A versionstamp tells 65,536 of one commit apart; what one
turn of a loop hands over at once stays far below."""
_GROUP_SECONDS: Final = 0.05
"""A group is committed after this long even if more bodies wait: the first ones wait for its sync."""
_GROWTH: Final = 32 << 20
"""Bytes one transaction can make the file grow by at most: 10 MB in pages, and the way to each of them."""
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""LMDB reports a write that the disk took only a part of as EIO, which is how most disks become full."""
VERSION_KEY: Final = b"mversion"
_GIVE_WAY_SECONDS: Final = 0.005
"""Bodies that take longer share the interpreter with the loops again: these must not stop."""

Loop = asyncio.AbstractEventLoop


@dataclass(slots=True, eq=False)
class Job:
    """A body that waits for the writer, and where its result goes."""

    body: Callable[[Transaction], Awaitable[Any]]
    loop: Loop
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
    order: int = 0
    touched: list[bytes] = field(default_factory=list)
    ranges: list[tuple[bytes, bytes]] = field(default_factory=list)


def mapped(limit: int) -> int:
    """Bytes to map for a store that may hold `limit`: with room beyond it, so that a full one can still be
    cleared. LMDB copies the pages it changes, deleting included."""
    return limit + max(limit // 4, _GROWTH)


class Writer:
    """Runs bodies one after another, commits them in groups, and answers each once its group is durable.

    Args:
        counts: where it counts.
        limit: bytes the store may hold.
        seconds: how long one body may run.
        version: of the last commit.
        committed: told the keys and the ranges that a durable group has changed, on the writer's thread.
        name: of the thread.
    """

    def __init__(
        self,
        env: lmdb.Environment,
        counts: Counts,
        *,
        limit: int,
        seconds: float,
        version: int,
        committed: Callable[[list[bytes], list[tuple[bytes, bytes]]], None],
        name: str,
    ) -> None:
        self._env = env
        self._counts = counts
        self._limit = limit
        self._seconds = seconds
        self._version = version
        self._committed = committed
        self._page = env.stat()["psize"]
        self._jobs: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._still = threading.Event()  # no body runs, nor is about to
        self._still.set()
        self._committing = False
        self._thread = threading.Thread(target=self._write, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, jobs: list[Job]) -> None:
        """Has jobs run after all that were put before. Returns at once."""
        if not self._committing:
            self._still.clear()
        self._jobs.put(jobs)

    def give_way(self) -> None:
        """Waits, for a few milliseconds at most, while bodies are run."""
        self._still.wait(_GIVE_WAY_SECONDS)

    def stop(self) -> None:
        """Refuses nothing that was put before: it returns at once, and `join` when that is done."""
        self._jobs.put(None)

    def join(self) -> None:
        """Waits for the end that `stop` has asked for; blocks."""
        self._thread.join()

    def _write(self) -> None:
        closing = False
        while not closing:
            jobs, closing = self._waiting()
            while jobs:
                jobs = self._commit(jobs)
            self._committing = False
            if self._jobs.empty():
                self._still.set()  # also after a group that changed nothing, or failed

    def _waiting(self) -> tuple[list[Job], bool]:
        """Every body that waits, once there is one; and whether these are the last."""
        jobs: list[Job] = []
        while True:
            given = self._jobs.get()
            if given is None:
                return jobs, True
            jobs += [job for job in given if not job.future.cancelled()]
            if len(jobs) >= _GROUP_LIMIT or self._jobs.empty():
                return jobs, False

    def _commit(self, jobs: list[Job], *, again: bool = False) -> list[Job]:
        """Runs and commits the first of `jobs`, answers them, and returns those left for the next group."""
        try:
            done = self._commit_group(jobs)
        except Exception as error:  # whatever it is, the thread must live, or later writes wait for ever
            if len(jobs) > 1:
                # One of them cannot be saved. What the others did may rest on it, so all run again, each
                # in a commit of its own, and only the one at fault fails.
                self._counts.retries += len(jobs)
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
                txn.put(VERSION_KEY, self._version.to_bytes(8, "big"))
        except lmdb.Error:
            return False
        return True

    def _commit_group(self, jobs: list[Job]) -> int:
        """Runs as many of `jobs` as fit into one commit, and commits. Returns their number."""
        self._committing = False
        self._still.clear()
        with self._env.begin(write=True) as txn:
            group = _Group(
                txn=txn,
                # Like FoundationDB's about a million a second, so that data copied from there stays older.
                version=max(self._version + 1, time.time_ns() // 1000),
                tight=live(txn) * self._page + len(jobs) * _GROWTH > self._limit,
            )
            deadline = time.monotonic() + _GROUP_SECONDS
            done = 0
            for job in jobs:
                self._run_job(job, group)
                done += 1
                if time.monotonic() > deadline:
                    break
            if not group.touched and not group.ranges:
                txn.abort()
                return done
            self._committing = True
            self._still.set()
            if group.order:
                txn.put(VERSION_KEY, group.version.to_bytes(8, "big"))
        self._version = group.version
        self._committed(group.touched, group.ranges)
        return done

    def _run_job(self, job: Job, group: _Group) -> None:
        """Runs one body and adds its changes to the group's, if it does not fail."""
        job.result = job.error = None
        stamp = group.version.to_bytes(8, "big") + group.order.to_bytes(2, "big")
        tr = EmbeddedTransaction(self._env, group.txn, self._seconds, stamp)
        try:
            job.result = job.context.run(drive, job.body, tr)
            stamped = tr.finish()
            if group.tight and tr.grew and tr.measure(live) * self._page > self._limit:
                raise StoreFull(f"the store has reached its limit of {self._limit} bytes")
        except BaseException as error:  # the caller's to handle, whatever it is
            job.error = _translated(error)
            tr.abandon()
            return
        # What fails from here on is the whole group's fault, so nothing is caught.
        tr.apply()
        group.order += stamped
        group.touched += tr.touched
        group.ranges += tr.ranges

    def _answer(self, jobs: list[Job]) -> None:
        """Hands every job its result, with one call into each event loop."""
        if not self._jobs.empty():
            self._still.clear()
        by_loop: dict[Loop, list[Job]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, done in by_loop.items():
            call(loop, self._resolve, done)

    def _resolve(self, jobs: list[Job]) -> None:
        self.give_way()
        for job in jobs:
            if job.future.done():  # its caller was cancelled
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)


def live(txn: trie.Txn) -> int:
    """Pages that hold what is stored, without those that are free for reuse."""
    pages = txn.stat()
    return pages["branch_pages"] + pages["leaf_pages"] + pages["overflow_pages"]


def translated(error: lmdb.Error) -> Exception:
    """The error a caller sees instead of LMDB's."""
    if isinstance(error, lmdb.MapFullError) or error.code in _NO_ROOM:
        return StoreFull(f"the store's disk or map takes no more: {error}")
    return StoreUnavailable(f"the store failed: {error}")


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, lmdb.Error):
        return translated(error)
    if isinstance(error, RuntimeError) and "event loop" in str(error):
        # asyncio.sleep, gather and the like look for a loop, and the writer thread has none.
        suspended = BodySuspended(SUSPENDED)
        suspended.__cause__ = error
        return suspended
    return error


def call(loop: Loop, function: Callable[[list[T]], None], argument: list[T]) -> None:
    """Calls `function` in an event loop, from any thread."""
    # A loop that was closed has nobody waiting in it.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, argument)
