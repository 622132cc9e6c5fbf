"""Conversations against their messages, and messages against what they say."""

from __future__ import annotations

from functools import partial

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import ContentDamaged
from fdb_provider.fsck.finding import Finding
from fdb_provider.models import Conversation, Message
from fdb_provider.records import Page
from fdb_provider.repositories import messages
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.messages import MESSAGES
from fdb_provider.scan import Tell, pages, parts
from fdb_provider.scope import Scope

_MESSAGES = 200
"""Messages read in one transaction, if they are short."""


async def look(db: Database, tenant: str, deep: bool, tell: Tell) -> set[Finding]:
    """What is wrong with the conversations of a tenant.

    Args:
        deep: read every message too.
    """
    findings: set[Finding] = set()
    known: set[tuple[str, str]] = set()
    prefix = keyspace.records(tenant, CONVERSATIONS.name)
    async for page in pages(db, *keyspace.range_of(prefix)):
        for key, _ in page:
            user, conversation = keyspace.unpack(key, prefix)
            known.add((user, conversation))
            found = await db.read(partial(_count, tenant=tenant, user=user, conversation=conversation))
            findings |= set() if found is None else {found}
            if deep:
                findings |= await _read(db, Scope(tenant, user, ""), conversation)
        tell(len(page))
    for prefix in (keyspace.records(tenant, MESSAGES.name), keyspace.all_message_parts(tenant)):
        async for of_user in parts(db, prefix):
            async for of_one in parts(db, prefix + of_user):
                user, conversation = keyspace.unpack(of_user + of_one)
                if (user, conversation) not in known:
                    findings.add(
                        Finding(
                            tenant,
                            "messages without conversation",
                            f"conversation {conversation} of {user}",
                            "the user has no such conversation",
                        )
                    )
    return findings


async def _count(tr: Reader, *, tenant: str, user: str, conversation: str) -> Finding | None:
    """The next message of a conversation has the position that follows the last one's."""
    try:
        found = await CONVERSATIONS.get(tr, tenant, user, conversation, deleted=True)
        last = await MESSAGES.list(tr, tenant, user, conversation, limit=1, reverse=True)
    except msgspec.MsgspecError:
        return None  # it is found as an unreadable record
    following = last[0].position + 1 if last else 0
    if found is None or found.messages == following:
        return None
    return Finding(
        tenant,
        "wrong count of messages",
        f"conversation {conversation} of {user}",
        f"{found.messages} counted, the next one is {following}",
        partial(_recount, was=found, tenant=tenant, count=following),
    )


async def _read(db: Database, scope: Scope, conversation: str) -> set[Finding]:
    """Every message is there and says what it said."""
    findings: set[Finding] = set()
    expected = 0
    after: str | None = None

    async def body(tr: Reader) -> tuple[Page[Message], list[bytes]]:
        page = await messages.page(tr, scope, conversation, limit=_MESSAGES, after=after)
        return page, await messages.stored(tr, scope.tenant, page.items)

    while True:
        try:
            page, stored = await db.read(body)
        except msgspec.MsgspecError:
            return findings  # it is found as an unreadable record
        for message, kept in zip(page.items, stored, strict=True):
            label = f"message {message.position} of conversation {conversation} of {scope.user}"
            if message.position != expected:
                detail = f"{message.position - expected} messages before it are gone"
                findings.add(Finding(scope.tenant, "content missing", label, detail))
            expected = message.position + 1
            try:
                messages.unpack(message, kept)
            except ContentDamaged:
                detail = f"{len(kept)} bytes are stored, which are not what was saved"
                findings.add(Finding(scope.tenant, "content damaged", label, detail))
        after = page.next
        if after is None:
            return findings


async def _recount(tr: Transaction, *, was: Conversation, tenant: str, count: int) -> None:
    if await CONVERSATIONS.get(tr, tenant, was.user, was.id, deleted=True) == was:
        await CONVERSATIONS.put(tr, tenant, msgspec.structs.replace(was, messages=count))
