"""`chat.*`: the caller's chats, which are the conversations of the REST API."""

from __future__ import annotations

from msgspec import UNSET

from fdb_provider.models import Conversation
from fdb_provider.repositories.messages import MESSAGES, Body
from rpc import Registry
from theia_bridge.chat.news import DID_CHANGE, DidChangeChat
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
    Cleared,
    StoredMessage,
)
from theia_bridge.methods.context import Context
from theia_bridge.services import chats, conversations
from theia_bridge.services.chats import Change, Fields
from theia_bridge.services.conversations import Said

registry: Registry[Context] = Registry()
registry.notification(
    DID_CHANGE,
    DidChangeChat,
    "Others have changed a chat of the session. Sent to channels that have asked for a chat.",
)


@registry.method("chat.index")
async def index(context: Context, params: ChatIndexParams) -> ChatIndex:
    """The caller's chats without their messages, the last changed first."""
    await context.chats.follow()
    session = None if params.all_sessions else params.session or context.user.scope.session
    page = await conversations.page(
        context.db, context.actor, session=session, words=params.q, limit=params.limit, after=params.after
    )
    return ChatIndex(chats=[_chat(one) for one in page.items], next=page.next)


@registry.method("chat.read")
async def read(context: Context, params: ChatReadParams) -> ChatContent:
    """A chat and the next of its messages, from the first on."""
    await context.chats.follow()
    found, said, behind = await chats.read(
        context.db, context.actor, params.id, known=params.known, limit=params.limit, after=params.after
    )
    return ChatContent(chat=_chat(found), messages=[_message(one) for one in said], next=behind)


@registry.method("chat.delete", shielded=True)
async def delete(context: Context, params: ChatParams) -> None:
    """Deletes a chat, which can be restored until it is purged."""
    await conversations.delete(context.db, context.actor, params.id)


@registry.method("chat.restore", shielded=True)
async def restore(context: Context, params: ChatParams) -> Chat:
    """Brings a deleted chat back."""
    return _chat(await conversations.restore(context.db, context.actor, params.id))


@registry.method("chat.clear", shielded=True)
async def clear(context: Context) -> Cleared:
    """Deletes all chats of this session, which can be restored until they are purged."""
    return Cleared(deleted=await chats.clear(context.db, context.actor))


@registry.method("chat.store", shielded=True)
async def store(context: Context, params: ChatStoreParams) -> ChatStored:
    """Saves what has changed in a chat, all or nothing; a chat that is not there is made in this session.

    It can be sent again: what is as it should be already is no conflict. Conflict has in its `data` the etags
    of what others have changed: `messages` by their ids, and `chat` if it is the chat's own fields.
    """
    await context.chats.follow()
    saved = await chats.store(
        context.db,
        context.actor,
        params.id,
        fields=Fields(
            title=params.title,
            agent=params.agent,
            metadata=UNSET if params.metadata is UNSET else chats.well_formed(params.metadata.encode()),
        ),
        if_match=params.if_match,
        changes=[_change(one) for one in params.messages],
    )
    return ChatStored(chat=_chat(saved.conversation), etags=saved.etags)


def _change(message: StoredMessage) -> Change:
    return Change(
        message.id,
        message.role,
        Body(message.content, chats.well_formed(message.data.encode())),
        message.model,
        message.parent,
        message.if_match,
    )


def _chat(conversation: Conversation) -> Chat:
    return Chat(
        id=conversation.id,
        session=conversation.session,
        title=conversation.title,
        agent=conversation.agent,
        metadata=conversation.metadata.decode(),
        etag=chats.fields_etag(conversation),
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
        messages=conversation.messages,
        size=conversation.size,
    )


def _message(said: Said) -> ChatMessage:
    message = said.message
    return ChatMessage(
        id=message.id,
        position=message.position,
        role=message.role,
        content=said.body.content,
        data=said.body.data.decode(),
        model=message.model,
        parent=message.parent,
        etag=MESSAGES.etag(message),
        created_at=message.created_at,
        updated_at=message.updated_at,
    )
