"""Telling one channel of something, each time its signal is given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.signals import Signals
from rpc import ChannelClosed

RETRY_SECONDS = 1.0
"""Pause before it is told again when the store did not answer."""

_log = logging.getLogger(__name__)


class Telling:
    """Tells soon, and from then on whenever the signal was given, until the channel or the store is closed.

    Args:
        key: the signal, see `fdb_provider.signals`.
        tell: reads what there is to tell, and sends it; never run twice at a time.
        retry: seconds until it is run again after a `StoreError`.
    """

    def __init__(
        self, signals: Signals, key: bytes, tell: Callable[[], Awaitable[None]], retry: float = RETRY_SECONDS
    ) -> None:
        self._tell = tell
        self._retry = retry
        self._given = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="telling")
        self._unfollow = signals.follow(key, self._given.set)

    async def close(self) -> None:
        """Nothing is told any more."""
        self._unfollow()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._given.wait()
            self._given.clear()
            try:
                await self._tell()
            except (ChannelClosed, DatabaseClosed):
                return
            except StoreError as error:
                _log.warning("what has changed waits for the store to be told: %s", error)
                self._given.set()
                await asyncio.sleep(self._retry)
