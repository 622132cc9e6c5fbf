"""All that is kept of a user, as members of one archive, made while they are taken.

Records are lines of JSON (NDJSON), one file for each kind; files are as they are in `/home` and in the
sessions' workspaces. Each kind is read page by page, so it is as at some moments of the reading. Neither
secrets nor hashes of them are in it, and nothing of others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from stream_zip import ZIP_64, AsyncMemberFile

from auth import roles
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.files.service import FileService
from fdb_provider.models import (
    Agent,
    Conversation,
    Message,
    Setting,
    Tenant,
    TokenUse,
    User,
    WorkspaceSession,
    now_ms,
)
from fdb_provider.records import Page
from fdb_provider.repositories import accounts, audit, auth_sessions, messages
from fdb_provider.repositories.agents import AGENTS
from fdb_provider.repositories.audit import Query
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.settings import SETTINGS
from fdb_provider.repositories.token_usage import TOKENS
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Actor, Scope
from theia_bridge.services import audit as audit_service
from theia_bridge.zips import REGULAR, zip_members

FORMAT = 1
"""Of the archive; one more with every change that a reader has to know of."""
_PAGE = 100
_PIECE = 64 * 1024
_MODE = REGULAR | 0o600

Line = dict[str, object]
R = TypeVar("R", bound=msgspec.Struct)


class Export:
    """All that is kept of one user.

    Args:
        actor: the user, whose own data it is.
    """

    def __init__(self, db: Database, files: FileService, actor: Actor) -> None:
        self._db = db
        self._files = files
        self._actor = actor
        self._scope = actor.scope
        self._made = now_ms()

    async def begin(self, by: Actor | None = None) -> None:
        """Notes in the audit that it is made.

        Args:
            by: for whom; None for the user themselves.

        Raises:
            TokenRejected: there is no such user any more.
        """

        async def body(tr: Transaction) -> None:
            user = await roles.acting(tr, self._actor)
            audit.record(tr, by or self._actor, "user.export", f"user/{user.id}")

        await self._db.run(body)

    async def members(self) -> AsyncIterator[AsyncMemberFile]:
        """The members of the archive, each to be read before the next one is asked for."""
        kinds: dict[str, AsyncIterator[Line]] = {
            "profile": self._profile(),
            "sign-ins": self._sign_ins(),
            "sessions": self._sessions(),
            "settings": self._settings(),
            "agents": self._agents(),
            "tokens": self._tokens(),
            "conversations": self._conversations(),
            "messages": self._messages(),
            "audit": self._audit(),
        }
        for kind, lines in kinds.items():
            yield self._member(f"{kind}.ndjson", _encoded(lines))
        async for member in self._folder(self._scope, "/home", "home/"):
            yield member
        async for session in self._all_sessions():
            scope = Scope(self._scope.tenant, self._scope.user, session.id)
            folder = f"sessions/{session.id}/workspace/"
            async for member in self._folder(scope, "/workspace", folder):
                yield member

    def _member(self, name: str, content: AsyncIterator[bytes]) -> AsyncMemberFile:
        return name, datetime.fromtimestamp(self._made / 1000, UTC), _MODE, ZIP_64, content

    async def _folder(self, scope: Scope, path: str, folder: str) -> AsyncIterator[AsyncMemberFile]:
        entries = await self._files.walk(scope, path)
        async for member in zip_members(self._files, scope, entries, folder):
            yield member

    async def _profile(self) -> AsyncIterator[Line]:
        async def body(tr: Reader) -> tuple[User, Tenant | None]:
            return await roles.acting(tr, self._actor), await accounts.tenant(tr, self._scope.tenant)

        user, tenant = await self._db.read(body)
        yield {
            "format": FORMAT,
            "exported_at": self._made,
            **_fields(user, "id", "email", "name", "role", "created_at"),
            "tenant": {"id": self._scope.tenant, "name": tenant.name if tenant is not None else ""},
        }

    async def _sign_ins(self) -> AsyncIterator[Line]:
        found = await self._db.read(
            partial(auth_sessions.of_user, tenant=self._scope.tenant, user=self._scope.user)
        )
        for family in found:
            yield _fields(family, "id", "session", "created_at", "used_at", "expires_at", "agent", "address")

    async def _all_sessions(self) -> AsyncIterator[WorkspaceSession]:
        """Deleted ones, too."""
        async for session in self._scan(partial(SESSIONS.scan, tenant=self._scope.tenant, limit=_PAGE)):
            if session.user == self._scope.user:
                yield session

    async def _sessions(self) -> AsyncIterator[Line]:
        async for session in self._all_sessions():
            yield msgspec.structs.asdict(session)

    async def _settings(self) -> AsyncIterator[Line]:
        tenant, user = self._scope.tenant, self._scope.user

        async def page(tr: Reader, *, behind: Setting | None) -> list[Setting]:
            return await SETTINGS.scan(tr, tenant, user, behind=behind, limit=_PAGE)

        async for setting in self._scan(page):
            yield _fields(setting, "category", "key", "updated_at") | {"value": msgspec.Raw(setting.value)}

    async def _tokens(self) -> AsyncIterator[Line]:
        tenant, user = self._scope.tenant, self._scope.user

        async def page(tr: Reader, *, behind: TokenUse | None) -> list[TokenUse]:
            return await TOKENS.scan(tr, tenant, user, behind=behind, limit=_PAGE)

        async for used in self._scan(page):
            yield msgspec.structs.asdict(used)

    async def _agents(self) -> AsyncIterator[Line]:
        agent: Agent
        async for agent in self._scan(partial(AGENTS.scan, tenant=self._scope.tenant, limit=_PAGE)):
            if agent.created_by == self._scope.user:
                yield msgspec.structs.asdict(agent)

    async def _all_conversations(self) -> AsyncIterator[Conversation]:
        tenant, user = self._scope.tenant, self._scope.user

        async def page(tr: Reader, *, behind: Conversation | None) -> list[Conversation]:
            return await CONVERSATIONS.scan(tr, tenant, user, behind=behind, limit=_PAGE)

        async for conversation in self._scan(page):
            yield conversation

    async def _conversations(self) -> AsyncIterator[Line]:
        async for conversation in self._all_conversations():
            yield msgspec.structs.asdict(conversation) | {"metadata": msgspec.Raw(conversation.metadata)}

    async def _messages(self) -> AsyncIterator[Line]:
        async for conversation in self._all_conversations():
            after: str | None = None
            while conversation.messages:
                page, stored = await self._db.read(partial(self._page, of=conversation, after=after))
                for message, held in zip(page.items, stored, strict=True):
                    said = await asyncio.to_thread(messages.unpack, message, held)
                    yield {
                        **_fields(message, "conversation", "position", "id", "role", "model", "parent"),
                        **_fields(message, "created_at", "updated_at"),
                        "content": said.content,
                        "data": msgspec.Raw(said.data),
                    }
                if (after := page.next) is None:
                    break

    async def _page(
        self, tr: Reader, *, of: Conversation, after: str | None
    ) -> tuple[Page[Message], list[bytes]]:
        page = await messages.page(tr, self._scope, of.id, limit=_PAGE, after=after)
        return page, await messages.stored(tr, self._scope.tenant, page.items)

    async def _audit(self) -> AsyncIterator[Line]:
        query = Query(user=self._scope.user)
        after: str | None = None
        while True:
            page = await audit_service.find(
                self._db, self._files, self._actor, query, limit=_PAGE, after=after
            )
            for entry in page.items:
                yield msgspec.structs.asdict(entry)
            if (after := page.next) is None:
                return

    async def _scan(self, read: Callable[..., Awaitable[list[R]]]) -> AsyncIterator[R]:
        behind: R | None = None
        while page := await self._db.read(partial(read, behind=behind)):
            for record in page:
                yield record
            behind = page[-1]


def _fields(record: msgspec.Struct, *names: str) -> Line:
    return {name: getattr(record, name) for name in names}


async def _encoded(lines: AsyncIterator[Line]) -> AsyncIterator[bytes]:
    pending = bytearray()
    async for line in lines:
        pending += msgspec.json.encode(line)
        pending += b"\n"
        if len(pending) >= _PIECE:
            yield bytes(pending)
            pending.clear()
    yield bytes(pending)
