"""What goes over the wire in `chat.*` and `agents.*`.

What a client keeps with a chat comes as JSON text, so that it comes back to the letter.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from fdb_provider.models import MessageRole
from theia_bridge.methods.protocol import Params, Wire
from theia_bridge.services.conversations import Id, Label, Title
from theia_bridge.services.sessions import SessionId

Etag = Annotated[str, msgspec.Meta(max_length=64)]
Cursor = Annotated[str, msgspec.Meta(max_length=1000)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200)]
MESSAGES_AT_ONCE = 200
"""Messages one call may store."""
KNOWN = 20_000
"""Messages a caller may know when it reads a chat."""


class ChatIndexParams(Params, frozen=True):
    """Those of the session `session`, which without it is that of the channel; or of `allSessions`.

    `q` is a text that the title or a message has, in whatever case; a page may then be short, or empty,
    though `next` leads on. `after` is the `next` of the page before.
    """

    session: SessionId | None = None
    all_sessions: bool = False
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    limit: Limit = 50
    after: Cursor | None = None


class Chat(Wire, frozen=True):
    """A chat without its messages.

    `etag` is of `title`, `agent` and `metadata` alone: a message more does not change it. `metadata` is the
    text of a JSON object. Times are milliseconds since 1970; `size` is bytes of all messages.
    """

    id: str
    session: str
    title: str
    agent: str | None
    metadata: str
    etag: str
    created_at: int
    updated_at: int
    messages: int
    size: int


class ChatIndex(Wire, frozen=True):
    """The last changed first. `next` is null with the last page."""

    chats: list[Chat]
    next: str | None


class ChatParams(Params, frozen=True):
    id: Id


class ChatReadParams(Params, frozen=True):
    """`known` has etags by the ids of messages: those that have these etags still are left out."""

    id: Id
    known: Annotated[dict[Id, Etag], msgspec.Meta(max_length=KNOWN)] = msgspec.field(default_factory=dict)
    limit: Limit = 200
    after: Cursor | None = None


class ChatMessage(Wire, frozen=True):
    """A message. `position` is its place, which stays: 0 for the first. `data` is JSON text."""

    id: str
    position: int
    role: MessageRole
    content: str
    data: str
    model: str | None
    parent: str | None
    etag: str
    created_at: int
    updated_at: int


class ChatContent(Wire, frozen=True):
    """A page of a chat's messages, from the first on, with some 1 MiB. `next` is null with the last page."""

    chat: Chat
    messages: list[ChatMessage]
    next: str | None


class StoredMessage(Params, frozen=True):
    """A message to be stored. Its role and parent stay as they were first stored.

    `if_match` is the etag it must still have; without it there must be none, or the very same.
    """

    id: Id
    role: MessageRole
    content: str
    data: str = "null"
    model: Label | None = None
    parent: Id | None = None
    if_match: Etag | None = None


class ChatStoreParams(Params, frozen=True):
    """`title`, `agent` and `metadata` are left as they are when they are left out.

    `if_match` is the etag of these three, needed when they change; without it, there is no such chat yet.
    `messages` are those that are new or have changed, at most 200 and 8 MiB of them together.
    """

    id: Id
    title: Title | UnsetType = UNSET
    agent: Label | UnsetType | None = UNSET
    metadata: str | UnsetType = UNSET
    if_match: Etag | None = None
    messages: Annotated[list[StoredMessage], msgspec.Meta(max_length=MESSAGES_AT_ONCE)] = msgspec.field(
        default_factory=list
    )


class ChatStored(Wire, frozen=True):
    """`etags` are those of the messages that were given, by their ids."""

    chat: Chat
    etags: dict[str, str]


class Cleared(Wire, frozen=True):
    """`deleted` chats can be restored."""

    deleted: int


class AgentListParams(Params, frozen=True):
    limit: Limit = 200
    after: Cursor | None = None


class AgentInfo(Wire, frozen=True):
    """`model` is empty for the server's default. `tools` are names of those it may call."""

    id: str
    name: str
    description: str
    prompt: str
    model: str
    tools: list[str]
    updated_at: int


class AgentList(Wire, frozen=True):
    """Agents of the tenant by name."""

    agents: list[AgentInfo]
    next: str | None
