"""Which conversations of a session have changed lately, for windows in which they are open.

One key of the session has the last changes with a running number; it is the signal, too, that something has
changed (see `signals`). Whoever follows it sees by the numbers whether they have missed any.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.scope import Actor, Scope

LATEST = 32
"""Changes that are kept: more than are made between two looks."""
What = Literal["stored", "deleted", "restored"]


class ChatNews(msgspec.Struct, array_like=True, frozen=True):
    """A change of a conversation.

    Args:
        number: one more than that of the change before.
        conversation: its id; None for more of them than are told.
        origin: the request that has made it, as in `scope.Actor`: on a channel, the one that opened it.
    """

    number: int
    conversation: str | None
    what: What
    origin: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[ChatNews]).decode


def signal(scope: Scope) -> bytes:
    """The signal that a conversation of the session `scope.session` has changed."""
    return keyspace.chat_news(scope)


async def tell(tr: Transaction, actor: Actor, session: str, conversation: str | None, what: What) -> None:
    """Tells of a change, in the transaction that makes it.

    Args:
        session: the workspace session that the conversation is held in, one of the actor's.
    """
    scope = Scope(actor.scope.tenant, actor.scope.user, session)
    before = await latest(tr, scope)
    number = before[-1].number + 1 if before else 1
    changed = ChatNews(number, conversation, what, actor.request)
    tr.set(signal(scope), _encode([*before[1 - LATEST :], changed]))


async def latest(tr: Reader, scope: Scope) -> list[ChatNews]:
    """The last changes in the session `scope.session`, the newest last."""
    value = await tr.get(signal(scope))
    return [] if value is None else _decode(value)
