"""How much each member and each session of a tenant keeps, for its admins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from auth import roles
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import NoPermissions
from fdb_provider.files import usage
from fdb_provider.files.usage import Usage
from fdb_provider.models import TokenUse, User, WorkspaceSession, at_least
from fdb_provider.records import Page
from fdb_provider.repositories import members, token_usage
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Actor, Scope


class Home(msgspec.Struct, frozen=True):
    """A user and what they keep in `/home`."""

    user: User
    kept: Usage


class Workspace(msgspec.Struct, frozen=True):
    """A session and what is kept in its `/workspace`."""

    session: WorkspaceSession
    kept: Usage


async def homes(
    db: Database, actor: Actor, *, removed: bool = False, limit: int, after: str | None = None
) -> Page[Home]:
    """The members, or the removed ones, in the order of `members.page`.

    Raises:
        NoPermissions: the actor is no admin.
        InvalidCursor: `after` is not of such a list.
    """
    tenant = actor.scope.tenant

    async def body(tr: Reader) -> Page[Home]:
        await roles.acting(tr, actor, "admin")
        page = await members.page(tr, tenant, removed=removed, limit=limit, after=after)
        kept = await usage.each(tr, [usage.prefix(Scope(tenant, user.id, ""), "user") for user in page.items])
        return Page([Home(*pair) for pair in zip(page.items, kept, strict=True)], page.next)

    return await db.read(body)


async def workspaces(
    db: Database,
    actor: Actor,
    user: str | None = None,
    *,
    limit: int,
    after: str | None = None,
) -> Page[Workspace]:
    """The sessions of all the tenant's users, or of one, the last used first.

    Raises:
        NoPermissions: the actor is no admin.
        InvalidCursor: `after` is not of such a list.
    """
    tenant = actor.scope.tenant

    async def body(tr: Reader) -> Page[Workspace]:
        await roles.acting(tr, actor, "admin")
        if user is None:
            page = await SESSIONS.page(tr, tenant, None, limit=limit, after=after)
        else:
            page = await SESSIONS.page(
                tr, tenant, "by_user_used", user, limit=limit, after=after, reverse=True
            )
        kept = await _of(tr, tenant, page.items)
        return Page([Workspace(*pair) for pair in zip(page.items, kept, strict=True)], page.next)

    return await db.read(body)


async def tokens(
    db: Database, actor: Actor, user: str | None = None, *, limit: int, after: str | None = None
) -> Page[TokenUse]:
    """What was taken of language models by day and model: by one user, or all that the actor may know of.

    That is everybody in the tenant for its admins, and else the actor. By user, the last day first.

    Raises:
        NoPermissions: it is asked what others took, and the actor is no admin.
        InvalidCursor: `after` is not of such a list.
    """

    async def body(tr: Reader) -> Page[TokenUse]:
        caller = await roles.acting(tr, actor)
        whose = user
        if not at_least(caller.role, "admin"):
            if user not in (None, caller.id):
                raise NoPermissions(f"Only an admin may see what others took; your role is {caller.role}.")
            whose = caller.id
        return await token_usage.page(tr, actor.scope.tenant, whose, limit=limit, after=after)

    return await db.read(body)


async def kept_by(db: Database, tenant: str, sessions: Sequence[WorkspaceSession]) -> list[Usage]:
    """What is kept in each session's `/workspace`."""
    return await db.read(lambda tr: _of(tr, tenant, sessions))


async def _of(tr: Reader, tenant: str, sessions: Sequence[WorkspaceSession]) -> list[Usage]:
    return await usage.each(
        tr, [usage.prefix(Scope(tenant, one.user, one.id), "session") for one in sessions]
    )
