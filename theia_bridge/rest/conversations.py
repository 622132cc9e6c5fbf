"""`/api/v5/conversations`: a user's conversations and their messages."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fdb_provider.errors import (
    Conflict,
    ContentDamaged,
    InvalidCursor,
    RecordExists,
    RecordNotFound,
)
from fdb_provider.models import Conversation, MessageRole
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.messages import BODY_LIMIT, MESSAGES, Body
from theia_bridge.rest.resource import Call, Page, Paging, Resource, Tagged
from theia_bridge.services import conversations
from theia_bridge.services.conversations import Id, Label, Said, Title
from theia_bridge.services.sessions import SessionId

api = Resource("conversations", "Conversations of the caller, and their messages")

REQUEST_LIMIT = 2 * BODY_LIMIT
"""Bytes of a request with a message: JSON takes more, twice as much where a text is written in escapes."""


def _null() -> msgspec.Raw:
    return msgspec.Raw(b"null")


class ConversationPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Id


class MessagePath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    message: Id


class Filter(Paging, frozen=True, forbid_unknown_fields=True):
    """Args:
    session: only those of that session.
    agent: only those pinned to that agent.
    q: only those with this text in their title or in a message, in whatever case. A page may then be short,
        or empty, though more follow.
    """

    session: SessionId | None = None
    agent: Label | None = None
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class History(Paging, frozen=True, forbid_unknown_fields=True):
    """Args:
    order: from the first message on, or from the last back.
    """

    order: Literal["first", "last"] = "first"


class NewConversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    id: the client's own; the request can then be sent again, and makes one conversation.
    session: the session it is held in; the one of the token without it.
    agent: the agent it is pinned to.
    metadata: what the client keeps with it, at most 16 KiB.
    """

    id: Id | None = None
    session: SessionId | None = None
    title: Title = ""
    agent: Label | None = None
    metadata: dict[str, msgspec.Raw] = {}


class ConversationUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces all of it: what is left out is empty then."""

    title: Title
    agent: Label | None = None
    metadata: dict[str, msgspec.Raw] = {}


class ConversationAnswer(msgspec.Struct, frozen=True):
    """Args:
    created_at, updated_at: in milliseconds since 1970; a message more, or a changed one, counts.
    messages: how many there are.
    size: bytes of all of them.
    """

    id: str
    session: str
    title: str
    agent: str | None
    created_at: int
    updated_at: int
    messages: int
    size: int
    metadata: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    id: the client's own; the request can then be sent again, and adds one message.
    content: what it says. With `data` it may have 8 MiB.
    data: what the client keeps with it: any JSON.
    model: the language model that wrote it.
    parent: id of the message it follows, where the conversation has branches.
    """

    role: MessageRole
    content: str
    id: Id | None = None
    data: msgspec.Raw = msgspec.field(default_factory=_null)
    model: Label | None = None
    parent: Id | None = None


class MessageUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces all of it that can change: what is left out is empty then."""

    content: str
    data: msgspec.Raw = msgspec.field(default_factory=_null)
    model: Label | None = None


class MessageAnswer(msgspec.Struct, frozen=True):
    """Args:
    position: 0 for the first message of the conversation, one more for each that follows.
    updated_at: when its content or data last changed.
    etag: of this version, for `If-Match`.
    """

    id: str
    position: int
    role: MessageRole
    content: str
    data: msgspec.Raw
    model: str | None
    parent: str | None
    created_at: int
    updated_at: int
    etag: str


@api.post("/conversations", status=201, location="/conversations/{id}", errors=(RecordNotFound, RecordExists))
async def create(call: Call, body: NewConversation) -> Tagged[ConversationAnswer]:
    """Begin a conversation.

    With an `id`, sending the same request again answers what the first one made.
    """
    made = await conversations.create(
        call.db,
        call.actor,
        id=body.id,
        session=body.session,
        title=body.title,
        agent=body.agent,
        metadata=msgspec.json.encode(body.metadata),
    )
    return _answer(made)


@api.get("/conversations", errors=(InvalidCursor,))
async def page(call: Call, query: Filter) -> Page[ConversationAnswer]:
    """The caller's conversations, the last changed first."""
    found = await conversations.page(
        call.db,
        call.actor,
        session=query.session,
        agent=query.agent,
        words=query.q,
        limit=query.limit,
        after=query.after,
    )
    return Page([_answer(one).value for one in found.items], found.next)


@api.get("/conversations/{id}", errors=(RecordNotFound,))
async def get(call: Call, path: ConversationPath) -> Tagged[ConversationAnswer]:
    """A conversation, without its messages."""
    return _answer(await conversations.get(call.db, call.actor, path.id))


@api.put("/conversations/{id}", errors=(RecordNotFound, Conflict))
async def update(call: Call, path: ConversationPath, body: ConversationUpdate) -> Tagged[ConversationAnswer]:
    """Replace title, agent and metadata of a conversation."""
    changed = await conversations.update(
        call.db,
        call.actor,
        path.id,
        title=body.title,
        agent=body.agent,
        metadata=msgspec.json.encode(body.metadata),
        if_match=call.if_match,
    )
    return _answer(changed)


@api.delete("/conversations/{id}", errors=(RecordNotFound, Conflict))
async def delete(call: Call, path: ConversationPath) -> None:
    """Delete a conversation. It can be restored until it is purged, after the days of `trash_days`."""
    await conversations.delete(call.db, call.actor, path.id, if_match=call.if_match)


@api.post("/conversations/{id}/restore", errors=(RecordNotFound,))
async def restore(call: Call, path: ConversationPath) -> Tagged[ConversationAnswer]:
    """Bring a deleted conversation back."""
    return _answer(await conversations.restore(call.db, call.actor, path.id))


@api.post(
    "/conversations/{id}/messages",
    status=201,
    errors=(RecordNotFound, RecordExists),
    body_limit=REQUEST_LIMIT,
)
async def append(call: Call, path: ConversationPath, body: NewMessage) -> Tagged[MessageAnswer]:
    """Add a message at the end of a conversation.

    Messages that are added at the same time follow each other. With an `id`, sending the same request again
    answers the message that the first one added; another message with that `id` is refused.
    """
    said = await conversations.append(
        call.db,
        call.actor,
        path.id,
        body.role,
        Body(body.content, bytes(body.data)),
        id=body.id,
        model=body.model,
        parent=body.parent,
    )
    return _message(said)


@api.get("/conversations/{id}/messages", errors=(RecordNotFound, InvalidCursor, ContentDamaged))
async def history(call: Call, path: ConversationPath, query: History) -> Page[MessageAnswer]:
    """The messages of a conversation.

    A page is shorter than `limit` where the messages on it have 8 MiB together.
    """
    found = await conversations.history(
        call.db,
        call.actor,
        path.id,
        limit=query.limit,
        after=query.after,
        reverse=query.order == "last",
    )
    return Page([_message(said).value for said in found.items], found.next)


@api.get("/conversations/{id}/messages/{message}", errors=(RecordNotFound, ContentDamaged))
async def read(call: Call, path: MessagePath) -> Tagged[MessageAnswer]:
    """A message."""
    return _message(await conversations.read(call.db, call.actor, path.id, path.message))


@api.put(
    "/conversations/{id}/messages/{message}", errors=(RecordNotFound, Conflict), body_limit=REQUEST_LIMIT
)
async def replace(call: Call, path: MessagePath, body: MessageUpdate) -> Tagged[MessageAnswer]:
    """Replace what a message says, such as an answer that has grown. Its place and role stay."""
    said = await conversations.replace(
        call.db,
        call.actor,
        path.id,
        path.message,
        Body(body.content, bytes(body.data)),
        model=body.model,
        if_match=call.if_match,
    )
    return _message(said)


def _answer(conversation: Conversation) -> Tagged[ConversationAnswer]:
    answer = ConversationAnswer(
        id=conversation.id,
        session=conversation.session,
        title=conversation.title,
        agent=conversation.agent,
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
        messages=conversation.messages,
        size=conversation.size,
        metadata=msgspec.Raw(conversation.metadata),
    )
    return Tagged(answer, CONVERSATIONS.etag(conversation))


def _message(said: Said) -> Tagged[MessageAnswer]:
    message = said.message
    etag = MESSAGES.etag(message)
    answer = MessageAnswer(
        id=message.id,
        position=message.position,
        role=message.role,
        content=said.body.content,
        data=msgspec.Raw(said.body.data),
        model=message.model,
        parent=message.parent,
        created_at=message.created_at,
        updated_at=message.updated_at,
        etag=etag,
    )
    return Tagged(answer, etag)
