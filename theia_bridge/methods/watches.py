"""The watches of one channel: each a task that follows the feed and notifies."""

from __future__ import annotations

import asyncio
import logging

from fdb_provider.errors import CursorExpired, DatabaseClosed, QuotaExceeded, StoreError
from fdb_provider.files.feed import ChangeType
from fdb_provider.files.watch import Watch
from fdb_provider.models import new_id
from rpc import ChannelClosed, Notify
from theia_bridge.methods.protocol import Change, DidChange
from theia_bridge.methods.tasks import Tasks

LIMIT = 256
"""Watches one channel may hold; Theia needs a handful."""
RETRY_SECONDS = 1.0
"""Pause before the feed is tried again when the store did not answer."""

_log = logging.getLogger(__name__)


class Watches:
    """Args: notify: sends a notification, waiting while the client does not take it."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._tasks = Tasks()

    def start(self, watch: Watch) -> str:
        """Begins to notify of a watch's changes; returns its id.

        Raises:
            QuotaExceeded: the channel holds `LIMIT` watches already.
        """
        if len(self._tasks) >= LIMIT:
            raise QuotaExceeded(f"a channel may hold {LIMIT} watches: end some first")
        watch_id = new_id()
        self._tasks.start(watch_id, self._run(watch_id, watch))
        return watch_id

    async def stop(self, watch_id: str) -> None:
        """Ends a watch; one that is not there has ended already."""
        await self._tasks.stop(watch_id)

    async def close(self) -> None:
        """Ends all."""
        await self._tasks.close()

    async def _run(self, watch_id: str, watch: Watch) -> None:
        while True:
            try:
                async for cursor, changes in watch:
                    listed = [Change(type=change.type, path=change.path) for change in changes]
                    await self._send(watch_id, cursor, listed)
            except (ChannelClosed, DatabaseClosed):
                return
            except CursorExpired:
                # The client was slower than the feed is long. What it missed is unknown, so the watched
                # path itself is reported: the client reads it anew.
                cursor = await watch.restart()
                await self._send(watch_id, cursor, [Change(type=ChangeType.UPDATED, path=watch.path)])
            except StoreError as error:
                _log.warning("a watch waits for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _send(self, watch_id: str, cursor: str, changes: list[Change]) -> None:
        await self._notify("fs.didChange", DidChange(watch_id=watch_id, cursor=cursor, changes=changes))
