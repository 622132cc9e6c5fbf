"""Chats as the IDE keeps them: conversations that are saved bit by bit, from several windows at once.

A save carries what has changed since the last one and the etags of what it replaces. All of it is stored, or
nothing; what is as it should be already is no conflict, so a save whose answer was lost can be sent again.
Messages are never taken away, and each has an id of its own: those of two windows never replace each other.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from auth import roles
from auth.errors import InvalidFields
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import Conversation, Message, MessageRole, now_ms
from fdb_provider.repositories import audit, chat_news, conversations, messages, workspace_sessions
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.messages import MESSAGES, Body, Prepared
from fdb_provider.scope import Actor
from theia_bridge.errors import ChangedMeanwhile
from theia_bridge.services.conversations import PLAIN, Said, check_metadata, unpack

SAVE = messages.BODY_LIMIT
"""Bytes of the messages that one save may carry: one transaction stores them."""
READ = 1024 * 1024
"""Bytes of the messages that are read at a time, if there is more than one: the window goes on meanwhile."""
CLEAR = 100
"""Chats that are deleted in one transaction."""


class Fields(msgspec.Struct, frozen=True):
    """What is to become of a chat's own fields; one that is UNSET stays as it is.

    Args:
        metadata: JSON text.
    """

    title: str | UnsetType = UNSET
    agent: str | UnsetType | None = UNSET
    metadata: bytes | UnsetType = UNSET


class Change(msgspec.Struct, frozen=True):
    """A message as it should be.

    Args:
        if_match: the etag of the one it replaces; None if there was none.
    """

    id: str
    role: MessageRole
    body: Body
    model: str | None = None
    parent: str | None = None
    if_match: str | None = None


class Saved(msgspec.Struct, frozen=True):
    """What is stored after a save: the chat, and the etags of the messages it carried."""

    conversation: Conversation
    etags: dict[str, str]


def fields_etag(conversation: Conversation) -> str:
    """A name of the value of what a chat has besides its messages."""
    fields = conversation.title, conversation.agent, conversation.metadata
    return hashlib.blake2b(msgspec.msgpack.encode(fields), digest_size=12).hexdigest()


async def read(
    db: Database,
    actor: Actor,
    conversation: str,
    *,
    known: Mapping[str, str],
    limit: int,
    after: str | None = None,
) -> tuple[Conversation, list[Said], str | None]:
    """A chat; the next of its messages, but for those whose etags are `known`; the cursor to go on from.

    A page is shorter than `limit` where the messages on it have `READ` bytes together.

    Raises:
        RecordNotFound: the actor has no such chat.
        InvalidCursor: `after` is no cursor of this list.
        ContentDamaged: what one of them says cannot be read any more.
    """

    async def body(tr: Reader) -> tuple[Conversation, list[Message], list[bytes], str | None]:
        found = await conversations.get(tr, actor.scope, conversation)

        def size(message: Message) -> int:
            return 0 if known.get(message.id) == MESSAGES.etag(message) else message.size

        page = await messages.page(
            tr, actor.scope, conversation, limit=limit, after=after, size=size, most=READ
        )
        fresh = [one for one in page.items if known.get(one.id) != MESSAGES.etag(one)]
        return found, fresh, await messages.stored(tr, actor.scope.tenant, fresh), page.next

    found, fresh, stored, behind = await db.read(body)
    return found, await unpack(fresh, stored), behind


async def store(
    db: Database,
    actor: Actor,
    conversation: str,
    *,
    fields: Fields,
    if_match: str | None,
    changes: Sequence[Change],
) -> Saved:
    """Saves what has changed in a chat; makes it, in the actor's session, if it is not there.

    Args:
        if_match: the etag of the fields that are replaced; None if there was no such chat.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: something is too long or no JSON, or a message is given twice.
        RecordNotFound: it was deleted; or a message follows one that is not there.
        ChangedMeanwhile: others have changed what is to be replaced; nothing was saved.
    """
    prepared = await _prepare(fields, changes)
    now = now_ms()

    async def body(tr: Transaction) -> Saved:
        await roles.acting(tr, actor, "member")
        save = _Save(tr, actor, now)
        await save.begin(conversation, fields, if_match)
        await save.messages(changes, prepared)
        return await save.end()

    return await db.run(body)


async def clear(db: Database, actor: Actor) -> int:
    """Deletes all chats of the actor's session, so that they can be restored; how many there were.

    Raises:
        NoPermissions: the actor may only read.
    """
    now = now_ms()

    async def body(tr: Transaction) -> int:
        await roles.acting(tr, actor, "member")
        page = await conversations.page(tr, actor.scope, session=actor.scope.session, limit=CLEAR)
        for one in page.items:
            await conversations.discard(tr, actor.scope, one.id, now=now)
            audit.record(tr, actor, "conversation.delete", f"conversation/{one.id}")
        if page.items:
            await chat_news.tell(tr, actor, actor.scope.session, None, "deleted")
        return len(page.items)

    total = 0
    while cleared := await db.run(body):
        total += cleared
    return total


class _Save:
    """One attempt of one save."""

    def __init__(self, tr: Transaction, actor: Actor, now: int) -> None:
        self._tr = tr
        self._actor = actor
        self._now = now
        self._conflicts: dict[str, str | None] = {}
        self._fields_conflict = False
        self._etags: dict[str, str] = {}
        self._new = self._changed = 0

    async def begin(self, conversation: str, fields: Fields, if_match: str | None) -> None:
        """Finds or makes the chat, with its fields as they are to be."""
        scope = self._actor.scope
        found = await CONVERSATIONS.get(self._tr, scope.tenant, scope.user, conversation, deleted=True)
        expected = if_match is not None
        if expected if found is None else found.deleted_at is not None:
            raise RecordNotFound(f"The conversation {conversation} was deleted.")
        if found is None:
            await workspace_sessions.get(self._tr, scope)
            found = Conversation(
                id=conversation,
                session=scope.session,
                user=scope.user,
                title="",
                created_at=self._now,
                updated_at=self._now,
            )
            self._was: Conversation | None = None
            self._is = _with(found, fields)
            return
        self._was = found
        self._is = _with(found, fields)
        self._fields_conflict = self._is != found and if_match != fields_etag(found)

    async def messages(self, changes: Sequence[Change], prepared: Sequence[Prepared]) -> None:
        """Stores the messages, or notes which of them cannot be."""
        for change, body in zip(changes, prepared, strict=True):
            was = await self._find(change.id) if self._is.messages else None
            if was is None and change.if_match is None:
                await self._append(change, body)
            elif was is None:
                self._conflicts[change.id] = None
            elif (was.digest, was.model) == (body.digest, change.model):
                self._etags[change.id] = MESSAGES.etag(was)
            elif change.if_match != MESSAGES.etag(was):
                self._conflicts[change.id] = MESSAGES.etag(was)
            else:
                await self._replace(was, change, body)

    async def end(self) -> Saved:
        """Stores the chat itself. Raises `ChangedMeanwhile` if anything could not be."""
        if self._conflicts or self._fields_conflict:
            was = None if self._was is None or not self._fields_conflict else fields_etag(self._was)
            raise ChangedMeanwhile(self._conflicts, was)
        resource = f"conversation/{self._is.id}"
        scope = self._actor.scope
        if self._is != self._was:
            self._is = msgspec.structs.replace(self._is, updated_at=max(self._now, self._is.updated_at))
            await CONVERSATIONS.put(self._tr, scope.tenant, self._is)
            await chat_news.tell(self._tr, self._actor, self._is.session, self._is.id, "stored")
        if self._was is None:
            audit.record(self._tr, self._actor, "conversation.create", resource)
        elif fields_etag(self._was) != fields_etag(self._is):
            audit.record(self._tr, self._actor, "conversation.update", resource)
        for action, count in (("message.create", self._new), ("message.update", self._changed)):
            if count:
                audit.record(self._tr, self._actor, action, resource, count=count)
        return Saved(self._is, self._etags)

    async def _find(self, message: str) -> Message | None:
        return await messages.find(self._tr, self._actor.scope, self._is.id, message)

    async def _append(self, change: Change, body: Prepared) -> None:
        if change.parent is not None and await self._find(change.parent) is None:
            raise RecordNotFound(
                f"The conversation has no message {change.parent} for {change.id} to follow."
            )
        added = await messages.add(
            self._tr,
            self._actor.scope,
            self._is,
            change.id,
            change.role,
            body,
            model=change.model,
            parent=change.parent,
            now=self._now,
        )
        self._new += 1
        self._etags[change.id] = MESSAGES.etag(added)
        self._is = msgspec.structs.replace(
            self._is, messages=self._is.messages + 1, size=self._is.size + added.size
        )

    async def _replace(self, was: Message, change: Change, body: Prepared) -> None:
        changed = await messages.replace(
            self._tr, self._actor.scope, was, body, model=change.model, now=self._now
        )
        self._changed += 1
        self._etags[change.id] = MESSAGES.etag(changed)
        # Its time says that something changed, though sizes may be equal.
        self._is = msgspec.structs.replace(
            self._is,
            size=self._is.size + changed.size - was.size,
            updated_at=max(self._now, self._is.updated_at + 1),
        )


def _with(conversation: Conversation, fields: Fields) -> Conversation:
    given = msgspec.structs.asdict(fields)
    return msgspec.structs.replace(
        conversation, **{name: value for name, value in given.items() if value is not UNSET}
    )


async def _prepare(fields: Fields, changes: Sequence[Change]) -> list[Prepared]:
    """The bodies, ready to be stored, after all that is given was looked at."""
    if fields.metadata is not UNSET:
        _check_metadata(fields.metadata)
    if len({change.id for change in changes}) < len(changes):
        raise InvalidFields({"messages": "Each message may be given once."})
    size = 0
    for change in changes:
        one = len(change.body.content) + len(change.body.data)
        if one > SAVE:
            raise _too_long(change.id)
        size += one
    if size > SAVE:
        raise _too_many()

    def prepare() -> list[Prepared]:
        for change in changes:
            try:
                _is_json(change.body.data)
            except (msgspec.DecodeError, RecursionError):
                raise InvalidFields({"messages": f"`data` of {change.id} is no JSON text."}) from None
        return [messages.prepare(change.body) for change in changes]

    prepared = prepare() if size <= PLAIN else await asyncio.to_thread(prepare)
    for change, body in zip(changes, prepared, strict=True):
        if body.size > SAVE:
            raise _too_long(change.id)
    if sum(body.size for body in prepared) > SAVE:  # a character may be up to four bytes
        raise _too_many()
    return prepared


_is_json = msgspec.json.Decoder(msgspec.Raw).decode
"""Raises for what is no JSON, and makes nothing of what is."""
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))
_BACKSLASH, _STAND_IN = rb"\\", b"\0\0"


def well_formed(data: bytes) -> bytes:
    """JSON text with the replacement character for each half of a pair of surrogates.

    Browsers write such halves where a character was cut in two, and other programs do not read them.
    """
    if re.search(rb"\\u[dD][89a-fA-F]", data) is None or b"\0" in data:  # with that it is no JSON
        return data
    # Once those that are escaped themselves are out of the way, each backslash begins an escape.
    return _HALF.sub(rb"\\ufffd", data.replace(_BACKSLASH, _STAND_IN)).replace(_STAND_IN, _BACKSLASH)


def _check_metadata(metadata: bytes) -> None:
    check_metadata(metadata)
    try:
        msgspec.json.decode(metadata, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        raise InvalidFields({"metadata": "They have to be the text of a JSON object."}) from None


def _too_many() -> InvalidFields:
    return InvalidFields(
        {"messages": f"They may have {SAVE // 1024**2} MiB together: store them in several calls."}
    )


def _too_long(message: str) -> InvalidFields:
    return InvalidFields(
        {"messages": f"{message} is too long: content and data may have {SAVE // 1024**2} MiB."}
    )
