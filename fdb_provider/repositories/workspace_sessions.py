"""Workspace sessions. A session is its owner's alone: to others, in the tenant or not, it does not exist."""

from __future__ import annotations

import msgspec

from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import WorkspaceSession
from fdb_provider.records import Collection, Index
from fdb_provider.scope import Scope

SESSIONS = Collection(
    "workspace-session",
    WorkspaceSession,
    key=("id",),
    indexes=[Index("by_user_used", ("user", "used_at"))],
)


async def create(tr: Transaction, tenant: str, session: WorkspaceSession) -> None:
    """Stores a new session.

    Raises:
        RecordExists: there is one with its id.
    """
    await SESSIONS.insert(tr, tenant, session)


async def find(tr: Reader, scope: Scope) -> WorkspaceSession | None:
    """The session `scope.session`, or None when the scope's user has no such session."""
    session = await SESSIONS.get(tr, scope.tenant, scope.session)
    return session if session is not None and session.user == scope.user else None


async def get(tr: Reader, scope: Scope) -> WorkspaceSession:
    """The session `scope.session`.

    Raises:
        RecordNotFound: the scope's user has no such session.
    """
    session = await find(tr, scope)
    if session is None:
        raise RecordNotFound("You have no such session.")
    return session


async def recent(tr: Reader, tenant: str, user: str, *, limit: int = 0) -> list[WorkspaceSession]:
    """The user's sessions, the last used first."""
    return await SESSIONS.by_index(tr, tenant, "by_user_used", user, limit=limit, reverse=True)


async def touch(tr: Transaction, scope: Scope, now: int) -> WorkspaceSession:
    """Marks the session `scope.session` as used. Raises as `get`."""
    session = msgspec.structs.replace(await get(tr, scope), used_at=now)
    await SESSIONS.put(tr, scope.tenant, session)
    return session
