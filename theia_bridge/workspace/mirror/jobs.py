"""Short functions that block, run in worker threads some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

WORKERS = 2
PORTION = 64
"""Functions one worker runs one after the other: to hand over one takes longer than most of them take."""
T = TypeVar("T")


class Jobs:
    """Runs functions; those that are asked for at the same time are handed over together."""

    def __init__(self) -> None:
        self._waiting: list[_Job[object]] = []
        self._working = 0
        self._workers: set[asyncio.Task[None]] = set()

    async def run(self, function: Callable[[], T]) -> T:
        """What a function returns; raises what it raises."""
        job = _Job(function)
        self._waiting.append(job)  # type: ignore[arg-type] # only `job` itself is asked for its result
        if self._working < WORKERS:
            self._working += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return await job.future

    async def _work(self) -> None:
        while self._waiting:
            jobs, self._waiting = self._waiting[:PORTION], self._waiting[PORTION:]
            await asyncio.to_thread(_run, jobs)
            for job in jobs:
                job.tell()
        self._working -= 1  # at once: whoever asks next is to find that nobody works any more


class _Job(Generic[T]):
    def __init__(self, function: Callable[[], T]) -> None:
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._function = function
        self._result: list[T] = []
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._result.append(self._function())
        except Exception as error:
            self._error = error

    def tell(self) -> None:
        if self.future.done():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result[0])


def _run(jobs: list[_Job[object]]) -> None:
    for job in jobs:
        job.run()
