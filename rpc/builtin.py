"""The methods every server has."""

from __future__ import annotations

import functools
import time
from typing import TypeVar

import msgspec

from rpc.channel import PROGRESS, Progress
from rpc.openrpc import describe
from rpc.registry import Registry

C = TypeVar("C")


class Pong(msgspec.Struct, kw_only=True, rename="camel"):
    """The server's clock, in milliseconds since 1970."""

    time: int


def register_builtin(registry: Registry[C], title: str, version: str) -> None:
    """Declares `rpc.ping`, `rpc.discover` and `$/progress`.

    Args:
        title: of the API, in the OpenRPC document.
        version: of the API, in the OpenRPC document.
    """

    @registry.method("rpc.ping")
    async def ping(context: C) -> Pong:
        """Tells that the channel works, and the server's time."""
        return Pong(time=time.time_ns() // 1_000_000)

    @registry.method("rpc.discover")
    async def discover(context: C) -> dict[str, object]:
        """The OpenRPC document of this server."""
        return document()

    @functools.cache  # made at the first call, when every method is declared; it takes milliseconds
    def document() -> dict[str, object]:
        return describe(registry, title, version)

    registry.notification(PROGRESS, Progress, "How far a long piece of work is.")
