"""Telling the window of one channel what others do to the chats of its session, on whatever gateway."""

from __future__ import annotations

from typing import Literal

from fdb_provider.engine import Database, Reader
from fdb_provider.repositories import chat_news
from fdb_provider.repositories.chat_news import ChatNews
from fdb_provider.scope import Actor
from fdb_provider.signals import Signals
from rpc import Notify
from theia_bridge.methods.protocol import Wire
from theia_bridge.telling import Telling

DID_CHANGE = "chat.didChange"


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
        notify: Notify,
    ) -> None:
        self._db = db
        self._signals = signals
        self._actor = actor
        self._notify = notify
        self._seen = 0
        self._telling: Telling | None = None

    async def follow(self) -> None:
        """From now on changes are told, from those on that this call does not see. Raises `StoreError`."""
        if self._telling is not None:
            return
        seen = _last(await self._latest())
        if self._telling is None:
            self._seen = seen
            self._telling = Telling(self._signals, chat_news.signal(self._actor.scope), self._tell)

    async def close(self) -> None:
        """The channel has ended."""
        if self._telling is not None:
            await self._telling.close()

    async def _tell(self) -> None:
        latest = await self._latest()
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
