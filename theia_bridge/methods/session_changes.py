"""Tells a channel when the caller's sessions have changed, once it has asked about them."""

from __future__ import annotations

from fdb_provider import keyspace
from fdb_provider.scope import Scope
from fdb_provider.signals import Signals
from rpc import Notify
from theia_bridge.methods.protocol import Wire
from theia_bridge.telling import Telling

DID_CHANGE = "sessions.didChange"


class SessionsChanged(Wire, frozen=True):
    """It does not say what has changed: list them anew."""


class SessionChanges:
    """What one channel is told of its caller's sessions.

    Args:
        notify: as in `Context`.
    """

    def __init__(self, signals: Signals, notify: Notify) -> None:
        self._signals = signals
        self._notify = notify
        self._telling: Telling | None = None

    def follow(self, scope: Scope) -> None:
        """From now on the channel is told; to be called before its caller's sessions are read."""
        if self._telling is None:
            key = keyspace.sessions_signal(scope.tenant, scope.user)
            self._telling = Telling(self._signals, key, self._tell)

    async def close(self) -> None:
        """It is told no more."""
        if self._telling is not None:
            await self._telling.close()

    async def _tell(self) -> None:
        await self._notify(DID_CHANGE, SessionsChanged())
