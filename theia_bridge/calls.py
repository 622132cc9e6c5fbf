"""What is done for every RPC call besides running it: it is named in the log and counted."""

from __future__ import annotations

from collections.abc import Awaitable

from theia_bridge.metrics import Metrics
from theia_bridge.trace import METHOD


class CallObserver:
    """The `rpc.Observer` of one channel."""

    __slots__ = ("_calls",)

    def __init__(self, metrics: Metrics) -> None:
        self._calls = metrics.calls

    def begin(self, method: str) -> Awaitable[None] | None:
        METHOD.set(method)
        return None

    def end(self, method: str, seconds: float, error: str) -> None:
        calls = self._calls[method]
        calls.durations.add(seconds)
        if error:
            calls.errors[error] += 1
