"""Messages of conversations, in their order.

What a message says is its body. A short one is kept in the message's own record; a longer one in parts, each
below the limit of a value, and compressed where that saves an eighth. A message is never deleted but with its
conversation, so positions have no gaps and are not used twice.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import ContentDamaged, RecordExists, RecordNotFound
from fdb_provider.models import Conversation, Message, MessageRole
from fdb_provider.records import Collection, Index, Page
from fdb_provider.scope import Scope

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MESSAGES = Collection(
    "message",
    Message,
    key=("user", "conversation", "position"),
    indexes=[
        Index(
            "by_id",
            ("user", "conversation", "id"),
            unique=True,
            serves="A message by its id; whether one was added before, when a request comes twice.",
        )
    ],
)
BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of a body: one transaction stores it, even if it cannot be compressed."""
PART = 90_000
"""Bytes of a part: below FoundationDB's 100 kB for a value."""
INLINE = 4 * 1024
"""Bytes of a body that is kept in the record, uncompressed: one page of the disk."""
PAGE = 8 * 1024 * 1024
"""Bytes of the bodies that are read in one transaction, if there is more than one."""


class Body(msgspec.Struct, array_like=True, frozen=True):
    """What a message says.

    Args:
        content: its text.
        data: what its client keeps with it: JSON text.
    """

    content: str
    data: bytes = b"null"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


@dataclass(frozen=True, slots=True)
class Prepared:
    """A body ready to be stored.

    Args:
        size, digest: of the body itself.
        stored: the body as it is stored; when `packed`, a zstd frame.
    """

    size: int
    digest: bytes
    stored: bytes
    packed: bool


def prepare(body: Body) -> Prepared:
    """Takes the time of hashing and compressing: for a long body, call it in another thread."""
    plain = _encode(body)
    stored = zstd.compress(plain) if len(plain) > INLINE else plain
    packed = len(stored) <= len(plain) - len(plain) // 8 and len(plain) > INLINE
    return Prepared(len(plain), hashlib.sha256(plain).digest(), stored if packed else plain, packed)


async def append(
    tr: Transaction,
    scope: Scope,
    conversation: Conversation,
    message: str,
    role: MessageRole,
    body: Prepared,
    *,
    model: str | None = None,
    parent: str | None = None,
    now: int,
) -> tuple[Message, bool]:
    """Adds a message at the end; the message, and whether it is new.

    When it is there already, because the request came twice, it is returned as it is. The caller stores the
    conversation with one message more if it is new: so two that append at once follow each other.

    Raises:
        RecordExists: another message of the conversation has its id.
    """
    found = await find(tr, scope, conversation.id, message)
    if found is not None:
        if (found.digest, found.role, found.model, found.parent) != (body.digest, role, model, parent):
            raise RecordExists(f"The conversation has another message with the id {message}.")
        return found, False
    added = await add(tr, scope, conversation, message, role, body, model=model, parent=parent, now=now)
    return added, True


async def add(
    tr: Transaction,
    scope: Scope,
    conversation: Conversation,
    message: str,
    role: MessageRole,
    body: Prepared,
    *,
    model: str | None = None,
    parent: str | None = None,
    now: int,
) -> Message:
    """As `append`, for a message of which is known that it is not there. Raises `RecordExists` if it is."""
    added = _stored(
        tr,
        scope.tenant,
        Message(
            user=conversation.user,
            conversation=conversation.id,
            position=conversation.messages,
            id=message,
            role=role,
            created_at=now,
            updated_at=now,
            size=body.size,
            digest=body.digest,
            model=model,
            parent=parent,
        ),
        body,
    )
    await MESSAGES.insert(tr, scope.tenant, added)
    return added


async def find(tr: Reader, scope: Scope, conversation: str, message: str) -> Message | None:
    """A message of a conversation of the scope's user."""
    found = await MESSAGES.by_index(tr, scope.tenant, "by_id", scope.user, conversation, message)
    return found[0] if found else None


async def get(tr: Reader, scope: Scope, conversation: str, message: str) -> Message:
    """As `find`.

    Raises:
        RecordNotFound: there is none.
    """
    found = await find(tr, scope, conversation, message)
    if found is None:
        raise RecordNotFound(f"The conversation has no message {message}.")
    return found


async def replace(
    tr: Transaction,
    scope: Scope,
    message: Message,
    body: Prepared,
    *,
    model: str | None,
    now: int,
    if_match: str | None = None,
) -> Message:
    """Gives a message another body; the message as it is then.

    Raises:
        Conflict: its etag is not `if_match`.
    """
    MESSAGES.expect(message, if_match)
    parts = keyspace.message_parts(scope.tenant, message.user, message.conversation)
    tr.clear_range(*keyspace.range_of(parts + keyspace.pack(message.position)))
    changed = _stored(
        tr,
        scope.tenant,
        msgspec.structs.replace(message, model=model, updated_at=max(now, message.updated_at)),
        body,
    )
    await MESSAGES.put(tr, scope.tenant, changed)
    return changed


def _size(message: Message) -> int:
    return message.size


async def page(
    tr: Reader,
    scope: Scope,
    conversation: str,
    *,
    limit: int,
    after: str | None = None,
    reverse: bool = False,
    size: Callable[[Message], int] = _size,
    most: int = PAGE,
) -> Page[Message]:
    """Messages by their position, fewer than `limit` where their bodies are longer than `most` together.

    Args:
        size: bytes that count of a message.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """

    async def read(limit: int) -> Page[Message]:
        return await MESSAGES.page(
            tr, scope.tenant, None, scope.user, conversation, limit=limit, after=after, reverse=reverse
        )

    found = await read(limit)
    fitting = within([size(message) for message in found.items], most)
    return found if fitting == len(found.items) else await read(fitting)


def within(sizes: Sequence[int], limit: int) -> int:
    """How many of these, from the first on, have at most `limit` bytes together; one has in any case."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > limit and count:
            return count
    return len(sizes)


async def stored(tr: Reader, tenant: str, found: Sequence[Message]) -> list[bytes]:
    """The bodies of messages of one conversation as they are stored, for `unpack`."""
    positions = [message.position for message in found if message.parts]
    if not positions:
        return [message.body for message in found]
    prefix = keyspace.message_parts(tenant, found[0].user, found[0].conversation)
    # The parts of messages that follow each other do so too: one range for each run of them.
    skipped = set(range(min(positions), max(positions))) - {message.position for message in found}
    runs: list[tuple[int, int]] = []
    for position in sorted(positions):
        if runs and skipped.isdisjoint(range(runs[-1][1], position)):
            runs[-1] = runs[-1][0], position
        else:
            runs.append((position, position))
    rows = [
        tr.get_range(
            keyspace.range_of(prefix + keyspace.pack(first))[0],
            keyspace.range_of(prefix + keyspace.pack(last))[1],
        )
        for first, last in runs
    ]
    parts: dict[int, list[bytes]] = {}
    for run in rows:
        async for key, part in run:
            parts.setdefault(keyspace.unpack(key, prefix)[0], []).append(part)
    return [b"".join(parts.get(one.position, ())) if one.parts else one.body for one in found]


def unpack(message: Message, stored: bytes) -> Body:
    """The body. For a long one, call it in another thread.

    Raises:
        ContentDamaged: it is not what was saved.
    """
    try:
        plain = zstd.decompress(stored) if message.packed else stored
        if hashlib.sha256(plain).digest() == message.digest:
            return _decode(plain)
    except (zstd.ZstdError, msgspec.MsgspecError):
        pass
    raise ContentDamaged(
        f"The body of the message {message.id} is damaged in the store; the other messages are not affected."
    )


def clear(tr: Transaction, tenant: str, user: str, conversation: str) -> None:
    """Removes all messages of a conversation, whatever their number."""
    of_one = keyspace.pack(user, conversation)
    for prefix in (
        keyspace.records(tenant, MESSAGES.name) + of_one,
        keyspace.index(tenant, MESSAGES.name, "by_id") + of_one,
        keyspace.message_parts(tenant, user, conversation),
    ):
        tr.clear_range(*keyspace.range_of(prefix))


def _stored(tr: Transaction, tenant: str, message: Message, body: Prepared) -> Message:
    """Writes the parts of a body, if it has any; the message with the body, or as one with parts."""
    described = msgspec.structs.replace(
        message, size=body.size, digest=body.digest, packed=body.packed, parts=0, body=b""
    )
    if len(body.stored) <= INLINE:
        return msgspec.structs.replace(described, body=body.stored)
    prefix = keyspace.message_parts(tenant, message.user, message.conversation) + keyspace.pack(
        message.position
    )
    starts = range(0, len(body.stored), PART)
    for i, start in enumerate(starts):
        tr.set(prefix + keyspace.pack(i), body.stored[start : start + PART])
    return msgspec.structs.replace(described, parts=len(starts))
