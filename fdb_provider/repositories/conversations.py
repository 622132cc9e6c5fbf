"""Conversations. One is its user's alone: to others, in the tenant or not, it does not exist."""

from __future__ import annotations

import msgspec

from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordExists, RecordNotFound
from fdb_provider.models import Conversation
from fdb_provider.records import Collection, Index, Page
from fdb_provider.repositories import messages
from fdb_provider.scope import Scope


async def _purge(tr: Transaction, tenant: str, conversation: Conversation) -> bool:
    """The messages go with their conversation; ranges are cleared, so it costs the same for any number."""
    messages.clear(tr, tenant, conversation.user, conversation.id)
    return True


CONVERSATIONS = Collection(
    "conversation",
    Conversation,
    key=("user", "id"),
    soft_delete=True,
    purge=_purge,
    indexes=[
        Index(
            "by_user_updated",
            ("user", "updated_at"),
            serves="A user's conversations, the last changed first.",
        ),
        Index(
            "by_session_updated",
            ("user", "session", "updated_at"),
            serves="Those of one workspace session; all that go with it when it is purged.",
        ),
        Index(
            "by_agent_updated",
            ("user", "agent", "updated_at"),
            serves="Those pinned to one agent.",
        ),
    ],
)


async def create(tr: Transaction, scope: Scope, new: Conversation) -> tuple[Conversation, bool]:
    """Stores a new conversation, whose user is the scope's; the conversation, and whether it is new.

    When it is there already, because the request came twice, it is returned as it is.

    Raises:
        RecordExists: its id is that of another one, or of one that was deleted.
    """
    found = await CONVERSATIONS.get(tr, scope.tenant, scope.user, new.id, deleted=True)
    if found is None:
        await CONVERSATIONS.insert(tr, scope.tenant, new)
        return new, True
    if found.deleted_at is not None:
        raise RecordExists(f"The conversation {new.id} was deleted: restore it, or take another id.")
    if (found.session, found.title, found.agent, found.metadata) != (
        new.session,
        new.title,
        new.agent,
        new.metadata,
    ):
        raise RecordExists(f"You have another conversation with the id {new.id}.")
    return found, False


async def get(tr: Reader, scope: Scope, conversation: str, *, deleted: bool = False) -> Conversation:
    """A conversation of the scope's user.

    Args:
        deleted: also when it was deleted.

    Raises:
        RecordNotFound: there is none with that id.
    """
    found = await CONVERSATIONS.get(tr, scope.tenant, scope.user, conversation, deleted=deleted)
    if found is None:
        raise RecordNotFound(f"You have no conversation {conversation}.")
    return found


async def page(
    tr: Reader,
    scope: Scope,
    *,
    session: str | None = None,
    agent: str | None = None,
    limit: int,
    after: str | None = None,
) -> Page[Conversation]:
    """Conversations of the scope's user, the last changed first.

    Args:
        session, agent: only those of that session, or else only those of that agent.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    index: str
    values: tuple[str, ...]
    if session is not None:
        index, values = "by_session_updated", (scope.user, session)
    elif agent is not None:
        index, values = "by_agent_updated", (scope.user, agent)
    else:
        index, values = "by_user_updated", (scope.user,)
    return await CONVERSATIONS.page(tr, scope.tenant, index, *values, limit=limit, after=after, reverse=True)


async def put(tr: Transaction, scope: Scope, changed: Conversation) -> None:
    """Stores a conversation that was changed."""
    await CONVERSATIONS.put(tr, scope.tenant, changed)


async def update(
    tr: Transaction,
    scope: Scope,
    conversation: str,
    *,
    title: str,
    agent: str | None,
    metadata: bytes,
    now: int,
    if_match: str | None = None,
) -> Conversation:
    """Changes what is not its messages.

    Raises:
        RecordNotFound: as `get`.
        Conflict: its etag is not `if_match`.
    """
    found = await get(tr, scope, conversation)
    CONVERSATIONS.expect(found, if_match)
    changed = msgspec.structs.replace(
        found, title=title, agent=agent, metadata=metadata, updated_at=max(now, found.updated_at)
    )
    await put(tr, scope, changed)
    return changed


async def discard(
    tr: Transaction, scope: Scope, conversation: str, *, now: int, if_match: str | None = None
) -> Conversation:
    """Deletes a conversation, so that it can be restored. Raises as `update`."""
    found = await get(tr, scope, conversation)
    CONVERSATIONS.expect(found, if_match)
    await CONVERSATIONS.discard(tr, scope.tenant, scope.user, conversation, at=now)
    return found


async def purge_session(tr: Transaction, scope: Scope, *, limit: int) -> int:
    """Removes at most so many of the conversations of the session `scope.session` for good; how many it were.

    Those that were deleted before are not among them: they go when their own time has come.
    """
    found = await page(tr, scope, session=scope.session, limit=limit)
    for conversation in found.items:
        await CONVERSATIONS.purge(tr, scope.tenant, scope.user, conversation.id)
    return len(found.items)
