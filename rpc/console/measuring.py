"""Calls that are made again and again, and how long they took."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from rich.text import Text

from rpc.console.render import milliseconds
from rpc.errors import RpcError

MOST = 100_000
"""Calls at most."""

Once = Callable[[], Awaitable[float]]
"""Makes the call; returns the seconds it took."""


class Timings:
    """What is known of the calls so far."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.errors: Counter[str] = Counter()
        self._began = time.perf_counter()

    async def repeat(self, once: Once, times: int, every: float = 0.0) -> None:
        """Makes the call so often, or until cancelled; errors of the server are counted.

        Args:
            every: seconds between the beginnings of two calls; a call that takes longer delays the next.
        """
        for n in range(times):
            if every and n:
                await asyncio.sleep(self._began + n * every - time.perf_counter())
            try:
                self.seconds.append(await once())
            except RpcError as error:
                self.errors[error.kind] += 1

    def told(self) -> Text:
        """In a line: how many, how long, how many a second, and the errors."""
        took = time.perf_counter() - self._began
        calls = len(self.seconds) + self.errors.total()
        text = Text(f"{calls:,} calls in {milliseconds(took)}, {calls / took:,.0f} a second")
        if self.seconds:
            ordered = sorted(self.seconds)
            parts = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
            for name, part in parts:
                text.append(f" · {name} ", style="dim")
                text.append(milliseconds(ordered[math.ceil(part * len(ordered)) - 1]))
        for kind, count in self.errors.most_common():
            text.append(f" · {count:,} {kind}", style="red")
        return text
