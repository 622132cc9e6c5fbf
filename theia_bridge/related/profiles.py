"""What a session is compared by, taken from its files and conversations."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import ContentDamaged
from fdb_provider.files.entry import FILE
from fdb_provider.files.service import FileService
from fdb_provider.models import Conversation, Message, SessionProfile, now_ms
from fdb_provider.repositories import conversations, messages, workspace_sessions
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.session_profiles import PROFILES
from fdb_provider.scope import Scope
from theia_bridge.related import sketch, words

FRESH = 30_000
"""Milliseconds within which a profile is not made again, whatever has changed."""
TITLE = 3
"""How much more a word of a title counts than one of a message."""
_CONVERSATIONS = 100
"""Conversations of a session whose words count: those changed last."""
_MESSAGES = 50
"""Messages of each of these that count: the first ones, which say what it is about."""
_BYTES = 1024 * 1024
"""Bytes of all these messages, after which no more are read."""


class Known(NamedTuple):
    """What is known of a session, and what its files and conversations are now.

    Args:
        seen: changes with every change of these.
        profile: None if it was never made.
    """

    seen: bytes
    profile: SessionProfile | None

    @property
    def fresh(self) -> bool:
        """Whether the profile need not be made anew."""
        profile = self.profile
        return profile is not None and (profile.seen == self.seen or now_ms() < profile.made_at + FRESH)


async def look(tr: Reader, scope: Scope) -> Known:
    """Looks at the session `scope.session`."""
    profile = PROFILES.get(tr, scope.tenant, scope.user, scope.session)
    head = tr.get(keyspace.feed_head(keyspace.root(scope, "workspace")))
    talked = await CONVERSATIONS.places(tr, scope.tenant, "by_session_updated", scope.user, scope.session)
    changing = [await head or b"", *talked]
    seen = hashlib.blake2b(msgspec.msgpack.encode(changing), digest_size=16).digest()
    return Known(seen, await profile)


async def make(db: Database, files: FileService, scope: Scope, seen: bytes) -> None:
    """Makes the profile of a session anew.

    Args:
        seen: as `look` told it.
    """
    made = SessionProfile(
        user=scope.user,
        session=scope.session,
        seen=seen,
        sketch=sketch.pack(await _contents(files, scope)),
        words=await _words(db, scope),
        made_at=now_ms(),
    )
    await db.run(partial(_store, scope=scope, made=made))


async def _store(tr: Transaction, *, scope: Scope, made: SessionProfile) -> None:
    """Stores a profile, unless its session is gone by now."""
    if await workspace_sessions.find(tr, scope) is not None:
        await PROFILES.put(tr, scope.tenant, made)


async def _contents(files: FileService, scope: Scope) -> sketch.Sketch:
    sketching = sketch.Sketching()
    after: bytes | None = None
    while True:
        page, after = await files.walk_page(scope, "/workspace", after)
        sketching.add(entry.sha256 for _, entry in page if entry.kind == FILE and entry.size)
        if after is None:
            return sketching.made()
        await asyncio.sleep(0)


async def _words(db: Database, scope: Scope) -> dict[str, int]:
    counts: Counter[str] = Counter()
    size = 0
    for conversation in await db.read(partial(_conversations, scope=scope)):
        for word, count in words.count(conversation.title).items():
            counts[word] += TITLE * count
        if conversation.messages and size < _BYTES:
            said, stored = await db.read(partial(_messages, scope=scope, conversation=conversation.id))
            size += sum(message.size for message in said)
            counts += await asyncio.to_thread(_count, said, stored)
    return words.most(counts)


async def _conversations(tr: Reader, *, scope: Scope) -> list[Conversation]:
    page = await conversations.page(tr, scope, session=scope.session, limit=_CONVERSATIONS)
    return page.items


async def _messages(tr: Reader, *, scope: Scope, conversation: str) -> tuple[list[Message], list[bytes]]:
    page = await messages.page(tr, scope, conversation, limit=_MESSAGES)
    return page.items, await messages.stored(tr, scope.tenant, page.items)


def _count(said: list[Message], stored: list[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for message, body in zip(said, stored, strict=True):
        with suppress(ContentDamaged):
            counts += words.count(messages.unpack(message, body).content)
    return counts
