"""Telling the window of one channel what others do to the chats of its session, on whatever gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from fdb_provider.engine import Database, Reader
from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.repositories import chat_news
from fdb_provider.repositories.chat_news import ChatNews
from fdb_provider.scope import Actor
from fdb_provider.signals import Signals
from rpc import ChannelClosed
from theia_bridge.methods.protocol import Wire

RETRY_SECONDS = 1.0
"""Pause before it is looked again when the store did not answer."""
DID_CHANGE = "chat.didChange"

_log = logging.getLogger(__name__)


class DidChangeChat(Wire, frozen=True):
    """A chat of the session was changed. Without an `id`, more have changed than are told: read the index."""

    id: str | None
    change: Literal["stored", "deleted", "restored"]


class ChatFollower:
    """Tells one channel from when it first asks for a chat.

    Args:
        actor: whose channel it is; what they do themselves on it is not told.
        notify: sends a notification, waiting while the client does not take it.
    """

    def __init__(
        self,
        db: Database,
        signals: Signals,
        actor: Actor,
        notify: Callable[[str, msgspec.Struct], Awaitable[None]],
    ) -> None:
        self._db = db
        self._signals = signals
        self._actor = actor
        self._notify = notify
        self._seen = 0
        self._given = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unfollow: Callable[[], None] = lambda: None

    async def follow(self) -> None:
        """From now on changes are told, from those on that this call does not see. Raises `StoreError`."""
        if self._task is not None:
            return
        seen = _last(await self._latest())
        if self._task is None:
            self._seen = seen
            self._task = asyncio.create_task(self._run(), name="chat news")
            self._unfollow = self._signals.follow(chat_news.signal(self._actor.scope), self._given.set)

    async def close(self) -> None:
        """The channel has ended."""
        self._unfollow()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._given.wait()
            self._given.clear()
            try:
                await self._tell(await self._latest())
            except (ChannelClosed, DatabaseClosed):
                return
            except StoreError as error:
                _log.warning("changes of chats wait for the store: %s", error)
                self._given.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _tell(self, latest: list[ChatNews]) -> None:
        last = _last(latest)
        fresh = [one for one in latest if one.number > self._seen]
        missed = last < self._seen or (fresh and fresh[0].number > self._seen + 1)
        self._seen = last
        if missed:
            await self._notify(DID_CHANGE, DidChangeChat(id=None, change="stored"))
            return
        told = {one.conversation: one.what for one in fresh if one.origin != self._actor.request}
        for conversation, what in told.items():
            await self._notify(DID_CHANGE, DidChangeChat(id=conversation, change=what))

    async def _latest(self) -> list[ChatNews]:
        async def body(tr: Reader) -> list[ChatNews]:
            return await chat_news.latest(tr, self._actor.scope)

        return await self._db.read(body)


def _last(latest: list[ChatNews]) -> int:
    return latest[-1].number if latest else 0
