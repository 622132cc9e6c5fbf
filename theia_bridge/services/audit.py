"""Asking the audit: admins for all of their tenant, everybody else for what they did themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from auth import roles
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import NoPermissions
from fdb_provider.files import audited
from fdb_provider.files.paths import ROOTS
from fdb_provider.files.service import FileService
from fdb_provider.models import Audit, User, WorkspaceSession, at_least
from fdb_provider.records import Page
from fdb_provider.repositories import audit
from fdb_provider.repositories.accounts import USERS
from fdb_provider.repositories.audit import Query
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Actor, Scope

_ALL = 1 << 60
_PAGE = 500
"""Roots that are looked at in one transaction."""


async def find(
    db: Database,
    files: FileService,
    actor: Actor,
    query: Query,
    *,
    limit: int,
    after: str | None = None,
) -> Page[Audit]:
    """Entries, the newest first; when the first page is asked for, all changes of files until then are there.

    A page may have fewer than `limit` although there are more.

    Raises:
        NoPermissions: it is asked what others did, and the actor is no admin.
        InvalidCursor: `after` is not of that query.
    """
    query = await db.read(partial(_allowed, actor=actor, query=query))
    if after is None and _concerns_files(query):
        await _tell_of_files(db, files, actor.scope.tenant, query.user)
    return await db.read(
        partial(audit.find, tenant=actor.scope.tenant, query=query, limit=limit, after=after)
    )


async def _allowed(tr: Reader, *, actor: Actor, query: Query) -> Query:
    user = await roles.acting(tr, actor)
    if at_least(user.role, "admin"):
        return query
    if query.user not in (None, user.id):
        raise NoPermissions(f"Only an admin may see what others did; your role is {user.role}.")
    return replace(query, user=user.id)


def _concerns_files(query: Query) -> bool:
    return (query.action is None or query.action.startswith("file.")) and (
        query.resource is None or any(f"/{root}/" in query.resource for root in ROOTS)
    )


async def _tell_of_files(db: Database, files: FileService, tenant: str, user: str | None) -> None:
    """Sees that the audit tells of all changes of files of a tenant, or of one user."""
    if user is not None:
        sessions = await db.read(partial(_sessions, tenant=tenant, user=user))
        await _catch_up(db, files, "workspace", [Scope(tenant, user, session.id) for session in sessions])
        await _catch_up(db, files, "home", [Scope(tenant, user, "")])
        return
    session: WorkspaceSession | None = None
    while some := await db.read(partial(SESSIONS.scan, tenant=tenant, behind=session, limit=_PAGE)):
        await _catch_up(db, files, "workspace", [Scope(tenant, one.user, one.id) for one in some])
        session = some[-1]
    member: User | None = None
    while users := await db.read(partial(USERS.scan, tenant=tenant, behind=member, limit=_PAGE)):
        await _catch_up(db, files, "home", [Scope(tenant, one.id, "") for one in users])
        member = users[-1]


async def _sessions(tr: Reader, *, tenant: str, user: str) -> list[WorkspaceSession]:
    """All sessions of a user, deleted ones too."""
    live = await SESSIONS.by_index(tr, tenant, "by_user_used", user)
    gone = await SESSIONS.purgeable(tr, tenant, before=_ALL, limit=0)
    return live + [session for session in gone if session.user == user]


async def _catch_up(db: Database, files: FileService, root: str, scopes: Sequence[Scope]) -> None:
    for start in range(0, len(scopes), _PAGE):
        some = scopes[start : start + _PAGE]
        for scope in await db.read(partial(audited.behind, scopes=some, name=root)):
            await files.tell_audit(scope, (root,))
