"""The gateway that the tests of a module share, once for each storage engine, and what they ask it for."""

from __future__ import annotations

import pytest

from fdb_provider.models import new_id
from rpc import RpcError
from rpc.client import Client
from tests.tenants.conftest import gateway
from theia_bridge.methods.chat_protocol import (
    Chat,
    ChatContent,
    ChatIndex,
    ChatIndexParams,
    ChatMessage,
    ChatParams,
    ChatReadParams,
    ChatStored,
    ChatStoreParams,
    StoredMessage,
)

__all__ = ["gateway"]


def message(content: str, id: str | None = None, **fields: object) -> StoredMessage:
    """What somebody says, under a new id."""
    given = {"id": id or new_id(), "role": "user", "content": content, **fields}
    return StoredMessage(**given)  # type: ignore[arg-type]  # of whatever fields


async def store(client: Client, chat: str, *messages: StoredMessage, **fields: object) -> ChatStored:
    params = ChatStoreParams(id=chat, messages=list(messages), **fields)  # type: ignore[arg-type]
    return await client.call("chat.store", params, ChatStored)


async def conflict(client: Client, chat: str, *messages: StoredMessage, **fields: object) -> RpcError:
    """Asserts that a save is refused, as others have changed what it was to replace."""
    with pytest.raises(RpcError) as caught:
        await store(client, chat, *messages, **fields)
    assert caught.value.kind == "Conflict"
    return caught.value


async def read(client: Client, chat: str, known: dict[str, str] | None = None) -> list[ChatMessage]:
    """All messages of a chat."""
    found: list[ChatMessage] = []
    after: str | None = None
    while True:
        params = ChatReadParams(id=chat, known=known or {}, after=after)
        page = await client.call("chat.read", params, ChatContent)
        found += page.messages
        if (after := page.next) is None:
            return found


async def index(client: Client, **asked: object) -> list[Chat]:
    """All chats that are asked for."""
    found: list[Chat] = []
    after: str | None = None
    while True:
        params = ChatIndexParams(after=after, **asked)  # type: ignore[arg-type]
        page = await client.call("chat.index", params, ChatIndex)
        found += page.chats
        if (after := page.next) is None:
            return found


async def delete(client: Client, chat: str) -> None:
    await client.call("chat.delete", ChatParams(id=chat))
