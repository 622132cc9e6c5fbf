"""What one channel has begun and may end again by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Tasks by ids that the client is told."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, task_id: str, work: Coroutine[None, None, None]) -> None:
        """Begins one under a new id; it is forgotten when it ends."""
        task = self._tasks[task_id] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(task_id, None))

    async def stop(self, task_id: str) -> None:
        """Ends one; one that is not there has ended already."""
        task = self._tasks.get(task_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        """Ends all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
