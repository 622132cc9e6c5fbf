"""Tells a channel when the caller's sessions have changed, once it has asked about them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from fdb_provider import keyspace
from fdb_provider.scope import Scope
from fdb_provider.signals import Signals
from rpc import ChannelClosed
from theia_bridge.methods.protocol import Wire

DID_CHANGE = "sessions.didChange"


class SessionsChanged(Wire, frozen=True):
    """It does not say what has changed: list them anew."""


class SessionChanges:
    """What one channel is told of its caller's sessions.

    Args:
        notify: as in `Context`.
    """

    def __init__(self, signals: Signals, notify: Callable[[str, msgspec.Struct], Awaitable[None]]) -> None:
        self._signals = signals
        self._notify = notify
        self._stop: Callable[[], None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def follow(self, scope: Scope) -> None:
        """From now on the channel is told; to be called before its caller's sessions are read."""
        if self._stop is None:
            self._stop = self._signals.follow(
                keyspace.sessions_signal(scope.tenant, scope.user), self._changed.set
            )
            self._telling = asyncio.create_task(self._tell(), name="sessions")

    async def close(self) -> None:
        """It is told no more."""
        if self._stop is not None:
            self._stop()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

    async def _tell(self) -> None:
        with suppress(ChannelClosed):
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._notify(DID_CHANGE, SessionsChanged())
