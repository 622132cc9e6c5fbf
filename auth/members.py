"""The members of a tenant: what they may do, leaving, and coming back.

Nobody gives, changes or takes away a role above their own, so nobody raises themselves; and a tenant always
has an owner.
"""

from __future__ import annotations

import msgspec

from auth import roles
from auth.errors import LastOwner
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.models import Role, User, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import audit, auth_sessions, members
from fdb_provider.repositories.accounts import USERS
from fdb_provider.scope import Actor


async def page(
    db: Database,
    actor: Actor,
    role: Role | None = None,
    *,
    removed: bool = False,
    limit: int,
    after: str | None = None,
) -> Page[User]:
    """The members by e-mail address or, for admins, the removed ones; all or those with a role.

    Raises:
        InvalidCursor: `after` is not of such a list.
        NoPermissions: removed ones are asked for, and the actor is no admin.
    """

    async def body(tr: Reader) -> Page[User]:
        await roles.acting(tr, actor, "admin" if removed else "viewer")
        return await members.page(tr, actor.scope.tenant, role, removed=removed, limit=limit, after=after)

    return await db.read(body)


async def get(db: Database, actor: Actor, user: str) -> User:
    """A member. Raises: RecordNotFound: there is no such member."""
    return await db.read(lambda tr: members.get(tr, actor.scope.tenant, user))


async def set_role(db: Database, actor: Actor, user: str, role: Role, *, if_match: str | None = None) -> User:
    """Gives a member another role, which counts at once, for their open channels within a second.

    Raises:
        RecordNotFound: there is no such member.
        Conflict: the member has changed since.
        NoPermissions: the actor is no admin, or the member's role or the new one is above theirs.
        LastOwner: the tenant would be without an owner.
    """
    tenant = actor.scope.tenant

    async def body(tr: Transaction) -> User:
        acting = await roles.acting(tr, actor, "admin")
        found = await members.get(tr, tenant, user)
        roles.check_reach(acting, found.role)
        roles.check_reach(acting, role)
        USERS.expect(found, if_match)
        if role == found.role:
            return found
        if await members.is_last_owner(tr, tenant, found):
            raise LastOwner
        changed = msgspec.structs.replace(found, role=role)
        await USERS.put(tr, tenant, changed)
        await auth_sessions.review(tr, tenant, user)
        audit.record(tr, actor, "member.role", f"user/{user}", detail={"was": found.role, "role": role})
        return changed

    return await db.run(body)


async def remove(db: Database, actor: Actor, user: str, *, if_match: str | None = None) -> None:
    """Takes a member out of the tenant and ends their sign-ins, on every gateway within a second.

    Their data stays with the tenant until it is purged; till then `restore` brings both back.

    Raises:
        As `set_role`.
    """
    tenant = actor.scope.tenant

    async def body(tr: Transaction) -> None:
        acting = await roles.acting(tr, actor, "admin")
        found = await members.get(tr, tenant, user)
        roles.check_reach(acting, found.role)
        if await members.is_last_owner(tr, tenant, found):
            raise LastOwner
        USERS.expect(found, if_match)
        await members.remove(tr, tenant, found, now_ms())
        await auth_sessions.revoke_all(tr, tenant, user, keep=None)
        audit.record(tr, actor, "member.remove", f"user/{user}")

    await db.run(body)


async def restore(db: Database, actor: Actor, user: str) -> User:
    """Brings a removed member back as they were, with their password and all their data.

    Raises:
        RecordNotFound: there is no such removed member, or they were purged.
        RecordExists: somebody else has their address by now.
        NoPermissions: the actor is no admin, or the member's role is above theirs.
    """
    tenant = actor.scope.tenant

    async def body(tr: Transaction) -> User:
        acting = await roles.acting(tr, actor, "admin")
        back = await members.restore(tr, tenant, user)
        roles.check_reach(acting, back.role)
        audit.record(tr, actor, "member.restore", f"user/{user}")
        return back

    return await db.run(body)
