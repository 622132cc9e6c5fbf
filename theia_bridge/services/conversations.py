"""Conversations and their messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from auth import roles
from auth.errors import InvalidFields
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import Conversation, Message, MessageRole, new_id, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import audit, chat_news, conversations, messages, workspace_sessions
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.messages import Body, Prepared
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Actor, Scope
from theia_bridge.services import conversation_search

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$")]
"""Ids of conversations and messages: their client's, such as UUIDs, or ours."""
Title = Annotated[str, msgspec.Meta(max_length=500)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""Names of models, agents and the like."""
METADATA_LIMIT = 16 * 1024
"""Bytes of a conversation's metadata."""
PLAIN = 16 * 1024
"""Bytes of bodies up to which packing and unpacking on the event loop costs less than another thread."""


class Said(msgspec.Struct, frozen=True):
    """A message with what it says."""

    message: Message
    body: Body


async def create(
    db: Database,
    actor: Actor,
    *,
    id: str | None = None,
    session: str | None = None,
    title: str = "",
    agent: str | None = None,
    metadata: bytes = b"{}",
) -> Conversation:
    """Begins a conversation.

    Args:
        id: the caller's, with which the request may be sent again; a new one without it.
        session: where it is held; the actor's own session without it.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: the metadata are too long.
        RecordNotFound: the actor has no such session.
        RecordExists: the actor has another conversation with that id.
    """
    check_metadata(metadata)
    now = now_ms()
    scope = Scope(actor.scope.tenant, actor.scope.user, session or actor.scope.session)
    new = Conversation(
        id=id or new_id(),
        session=scope.session,
        user=scope.user,
        title=title,
        agent=agent,
        created_at=now,
        updated_at=now,
        metadata=metadata,
    )

    async def body(tr: Transaction) -> Conversation:
        await roles.acting(tr, actor, "member")
        await workspace_sessions.get(tr, scope)
        made, is_new = await conversations.create(tr, scope, new)
        if is_new:
            audit.record(tr, actor, "conversation.create", f"conversation/{new.id}")
            await chat_news.tell(tr, actor, new.session, new.id, "stored")
        return made

    return await db.run(body)


async def get(db: Database, actor: Actor, conversation: str) -> Conversation:
    """One of the actor's conversations. Raises `RecordNotFound`."""

    async def body(tr: Reader) -> Conversation:
        return await conversations.get(tr, actor.scope, conversation)

    return await db.read(body)


async def page(
    db: Database,
    actor: Actor,
    *,
    session: str | None = None,
    agent: str | None = None,
    words: str | None = None,
    limit: int,
    after: str | None = None,
) -> Page[Conversation]:
    """The actor's conversations, the last changed first.

    Args:
        session, agent: only those of that session, only those of that agent.
        words: only those with this text in their title or in a message, in whatever case. A page may then be
            short, or empty, though more follow: so much is searched for it and no more.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    if words is not None or (session is not None and agent is not None):
        return await conversation_search.search(
            db, actor.scope, session=session, agent=agent, words=words or "", limit=limit, after=after
        )

    async def body(tr: Reader) -> Page[Conversation]:
        return await conversations.page(
            tr, actor.scope, session=session, agent=agent, limit=limit, after=after
        )

    return await db.read(body)


async def update(
    db: Database,
    actor: Actor,
    conversation: str,
    *,
    title: str,
    agent: str | None,
    metadata: bytes,
    if_match: str | None = None,
) -> Conversation:
    """Replaces all of a conversation that is not its messages.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: the metadata are too long.
        RecordNotFound: the actor has no such conversation.
        Conflict: it has been changed meanwhile.
    """
    check_metadata(metadata)
    now = now_ms()

    async def body(tr: Transaction) -> Conversation:
        await roles.acting(tr, actor, "member")
        changed = await conversations.update(
            tr,
            actor.scope,
            conversation,
            title=title,
            agent=agent,
            metadata=metadata,
            now=now,
            if_match=if_match,
        )
        audit.record(tr, actor, "conversation.update", f"conversation/{conversation}")
        await chat_news.tell(tr, actor, changed.session, conversation, "stored")
        return changed

    return await db.run(body)


async def delete(db: Database, actor: Actor, conversation: str, *, if_match: str | None = None) -> None:
    """Deletes a conversation, which can be restored until it is purged. Raises as `update`."""
    now = now_ms()

    async def body(tr: Transaction) -> None:
        await roles.acting(tr, actor, "member")
        gone = await conversations.discard(tr, actor.scope, conversation, now=now, if_match=if_match)
        audit.record(tr, actor, "conversation.delete", f"conversation/{conversation}")
        await chat_news.tell(tr, actor, gone.session, conversation, "deleted")

    await db.run(body)


async def restore(db: Database, actor: Actor, conversation: str) -> Conversation:
    """Brings a deleted conversation back; one that is not deleted stays as it is.

    Raises:
        NoPermissions: the actor may only read.
        RecordNotFound: the actor has no such conversation, or its session is gone for good.
    """

    async def body(tr: Transaction) -> Conversation:
        await roles.acting(tr, actor, "member")
        found = await conversations.get(tr, actor.scope, conversation, deleted=True)
        if found.deleted_at is None:
            return found
        if await SESSIONS.get(tr, actor.scope.tenant, found.session, deleted=True) is None:
            raise RecordNotFound(f"The session of the conversation {conversation} is gone for good.")
        await CONVERSATIONS.restore(tr, actor.scope.tenant, actor.scope.user, conversation)
        audit.record(tr, actor, "conversation.restore", f"conversation/{conversation}")
        await chat_news.tell(tr, actor, found.session, conversation, "restored")
        return msgspec.structs.replace(found, deleted_at=None)

    return await db.run(body)


async def append(
    db: Database,
    actor: Actor,
    conversation: str,
    role: MessageRole,
    body: Body,
    *,
    id: str | None = None,
    model: str | None = None,
    parent: str | None = None,
) -> Said:
    """Adds a message at the end of a conversation.

    Args:
        id: the caller's, with which the request may be sent again; a new one without it.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: the message is too long.
        RecordNotFound: the actor has no such conversation, or it has no message `parent`.
        RecordExists: the conversation has another message with that id.
    """
    prepared = await _prepare(body)
    now = now_ms()
    message = id or new_id()

    async def append(tr: Transaction) -> Message:
        await roles.acting(tr, actor, "member")
        found = await conversations.get(tr, actor.scope, conversation)
        if parent is not None and await messages.find(tr, actor.scope, conversation, parent) is None:
            raise RecordNotFound(f"The conversation has no message {parent} to follow.")
        added, is_new = await messages.append(
            tr, actor.scope, found, message, role, prepared, model=model, parent=parent, now=now
        )
        if is_new:
            await conversations.put(tr, actor.scope, _with(found, 1, added.size, now))
            audit.record(
                tr, actor, "message.create", f"conversation/{conversation}", detail={"message": message}
            )
            await chat_news.tell(tr, actor, found.session, conversation, "stored")
        return added

    return Said(await db.run(append), body)


async def replace(
    db: Database,
    actor: Actor,
    conversation: str,
    message: str,
    body: Body,
    *,
    model: str | None = None,
    if_match: str | None = None,
) -> Said:
    """Gives a message another body, such as what a model has answered by now.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: the message is too long.
        RecordNotFound: the actor has no such conversation, or it has no such message.
        Conflict: the message has been changed meanwhile.
    """
    prepared = await _prepare(body)
    now = now_ms()

    async def replace(tr: Transaction) -> Message:
        await roles.acting(tr, actor, "member")
        found = await conversations.get(tr, actor.scope, conversation)
        was = await messages.get(tr, actor.scope, conversation, message)
        changed = await messages.replace(
            tr, actor.scope, was, prepared, model=model, now=now, if_match=if_match
        )
        await conversations.put(tr, actor.scope, _with(found, 0, changed.size - was.size, now))
        audit.record(tr, actor, "message.update", f"conversation/{conversation}", detail={"message": message})
        await chat_news.tell(tr, actor, found.session, conversation, "stored")
        return changed

    return Said(await db.run(replace), body)


async def read(db: Database, actor: Actor, conversation: str, message: str) -> Said:
    """A message.

    Raises:
        RecordNotFound: the actor has no such conversation, or it has no such message.
        ContentDamaged: what it says cannot be read any more.
    """

    async def body(tr: Reader) -> tuple[list[Message], list[bytes]]:
        await conversations.get(tr, actor.scope, conversation)
        found = [await messages.get(tr, actor.scope, conversation, message)]
        return found, await messages.stored(tr, actor.scope.tenant, found)

    (said,) = await unpack(*await db.read(body))
    return said


async def history(
    db: Database,
    actor: Actor,
    conversation: str,
    *,
    limit: int,
    after: str | None = None,
    reverse: bool = False,
) -> Page[Said]:
    """The messages of a conversation from the first on, or from the last back.

    A page is shorter than `limit` where the messages on it have `messages.PAGE` bytes together.

    Raises:
        RecordNotFound: the actor has no such conversation.
        InvalidCursor: `after` is no cursor of this list.
        ContentDamaged: what one of them says cannot be read any more.
    """

    async def body(tr: Reader) -> tuple[Page[Message], list[bytes]]:
        await conversations.get(tr, actor.scope, conversation)
        found = await messages.page(tr, actor.scope, conversation, limit=limit, after=after, reverse=reverse)
        return found, await messages.stored(tr, actor.scope.tenant, found.items)

    found, stored = await db.read(body)
    return Page(await unpack(found.items, stored), found.next)


def check_metadata(metadata: bytes) -> None:
    """Raises `InvalidFields` if they are more than may be kept."""
    if len(metadata) > METADATA_LIMIT:
        raise InvalidFields({"metadata": f"They may have {METADATA_LIMIT:,} bytes as JSON."})


def _with(conversation: Conversation, count: int, size: int, now: int) -> Conversation:
    """The conversation with so many messages, and bytes of them, more."""
    return msgspec.structs.replace(
        conversation,
        messages=conversation.messages + count,
        size=conversation.size + size,
        updated_at=max(now, conversation.updated_at),
    )


async def _prepare(body: Body) -> Prepared:
    size = len(body.content) + len(body.data)
    if size > messages.BODY_LIMIT:  # before more work is put into it
        raise _too_long()
    prepared = messages.prepare(body) if size <= PLAIN else await asyncio.to_thread(messages.prepare, body)
    if prepared.size > messages.BODY_LIMIT:
        raise _too_long()
    return prepared


def _too_long() -> InvalidFields:
    limit = messages.BODY_LIMIT // 1024**2
    return InvalidFields({"content": f"It may have {limit} MiB together with `data`."})


async def unpack(found: Sequence[Message], stored: Sequence[bytes]) -> list[Said]:
    """Messages with what they say. Raises `ContentDamaged`."""

    def unpacked() -> list[Said]:
        return [
            Said(message, messages.unpack(message, body)) for message, body in zip(found, stored, strict=True)
        ]

    plain = sum(message.size for message in found) <= PLAIN
    return unpacked() if plain else await asyncio.to_thread(unpacked)
