"""Conversations by what is said in them.

There is no index of words: conversations are read, the last changed first, as many as there is time for in
one request; the caller goes on from the cursor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from fdb_provider.engine import Database, Reader
from fdb_provider.models import Conversation, Message
from fdb_provider.records import Page
from fdb_provider.repositories import conversations, messages
from fdb_provider.scope import Scope

BYTES = 4 * 1024 * 1024
"""Bytes of messages that are read for one page; but one conversation is, whatever its size."""
CONVERSATIONS = 1000
"""Conversations that are looked at for one page."""
_AT_ONCE = 20
"""Conversations that are read side by side."""
_MESSAGES = 200
"""Messages that are read in one transaction."""


async def search(
    db: Database,
    scope: Scope,
    *,
    session: str | None,
    agent: str | None,
    words: str,
    limit: int,
    after: str | None,
) -> Page[Conversation]:
    """The conversations of the scope's user that have a text in their title or a message, in whatever case.

    A page may be short, or empty, though more follow.

    Args:
        session, agent: only those of that session, only those of that agent.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    wanted = words.casefold()
    found: list[Conversation] = []
    looked_at = size = 0
    while True:
        part = await db.read(
            partial(
                _part,
                scope=scope,
                session=session,
                agent=agent,
                limit=min(limit - len(found), _AT_ONCE),
                after=after,
                size=BYTES - size,
            )
        )
        fitting = [one for one in part.items if agent in (None, one.agent)]
        hits = await asyncio.gather(*(_says(db, scope, one, wanted) for one in fitting))
        found += [one for one, hit in zip(fitting, hits, strict=True) if hit]
        looked_at += len(part.items)
        size += sum(one.size for one in part.items)
        after = part.next
        if after is None or len(found) == limit or size >= BYTES or looked_at >= CONVERSATIONS:
            return Page(found, after)


async def _part(
    tr: Reader,
    *,
    scope: Scope,
    session: str | None,
    agent: str | None,
    limit: int,
    after: str | None,
    size: int,
) -> Page[Conversation]:
    """The next conversations whose messages have at most `size` bytes together, but at least one."""

    async def read(limit: int) -> Page[Conversation]:
        return await conversations.page(tr, scope, session=session, agent=agent, limit=limit, after=after)

    part = await read(limit)
    fitting = messages.within([one.size for one in part.items], size)
    return part if fitting == len(part.items) else await read(fitting)


async def _says(db: Database, scope: Scope, conversation: Conversation, wanted: str) -> bool:
    if wanted in conversation.title.casefold():
        return True
    after: str | None = None
    while conversation.size:
        page, stored = await db.read(partial(_read, scope=scope, conversation=conversation.id, after=after))
        if await asyncio.to_thread(_among, wanted, page.items, stored):
            return True
        after = page.next
        if after is None:
            break
    return False


async def _read(
    tr: Reader, *, scope: Scope, conversation: str, after: str | None
) -> tuple[Page[Message], list[bytes]]:
    page = await messages.page(tr, scope, conversation, limit=_MESSAGES, after=after)
    return page, await messages.stored(tr, scope.tenant, page.items)


def _among(wanted: str, found: Sequence[Message], stored: Sequence[bytes]) -> bool:
    return any(
        wanted in messages.unpack(message, body).content.casefold()
        for message, body in zip(found, stored, strict=True)
    )
