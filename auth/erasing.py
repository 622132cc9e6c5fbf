"""Who may have all data of whom erased: users their own, admins those of members."""

from __future__ import annotations

from auth import roles
from auth.errors import LastOwner
from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import NoPermissions, RecordNotFound
from fdb_provider.models import Erasure, User, now_ms
from fdb_provider.repositories import erasures, members
from fdb_provider.repositories.accounts import TENANTS, USERS
from fdb_provider.scope import Actor


async def begin(tr: Transaction, actor: Actor, user: User, *, with_tenant: bool) -> Erasure:
    """Begins to erase a user of the actor's tenant, and a tenant that would be without an owner too.

    Args:
        with_tenant: also if that tenant has other members, whose data go as well.

    Raises:
        LastOwner: it has, and they are not to go.
    """
    tenant = actor.scope.tenant
    if not await members.is_last_owner(tr, tenant, user):
        return await erasures.begin(tr, actor, user, now_ms())
    others = [one for one in await USERS.by_index(tr, tenant, "by_email", limit=2) if one.id != user.id]
    if others and not with_tenant:
        raise LastOwner(", or have all members erased too: `with_tenant`")
    await erasures.forget(tr, tenant, user)
    found = await TENANTS.get(tr, tenant, tenant)
    if found is None:
        raise RecordNotFound("Your tenant was deleted.")
    return await erasures.begin_tenant(tr, found, now_ms())


async def begin_member(db: Database, actor: Actor, user: str) -> Erasure:
    """Begins to erase a member, or one who was removed, with all their data. It cannot be undone.

    Raises:
        RecordNotFound: there is no such member.
        NoPermissions: the actor is no admin, the member's role is above theirs, or it is themselves.
    """
    tenant = actor.scope.tenant

    async def body(tr: Transaction) -> Erasure:
        acting = await roles.acting(tr, actor, "admin")
        found = await USERS.get(tr, tenant, user, deleted=True)
        if found is None:
            raise RecordNotFound("There is no such member.")
        roles.check_reach(acting, found.role)
        if found.id == acting.id:
            raise NoPermissions("That takes your password: erase yourself as `users/me`.")
        return await erasures.begin(tr, actor, found, now_ms())

    return await db.run(body)
