"""The tenant."""

from __future__ import annotations

import msgspec

from auth import roles
from auth.fields import check_fields
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import Tenant
from fdb_provider.repositories import accounts, audit
from fdb_provider.scope import Actor


async def get(db: Database, actor: Actor) -> Tenant:
    """The actor's tenant."""
    return await db.read(lambda tr: _get(tr, actor))


async def rename(db: Database, actor: Actor, name: str, *, if_match: str | None = None) -> Tenant:
    """Gives the tenant another name.

    Raises:
        InvalidFields: the name is not acceptable.
        NoPermissions: the actor is no admin.
        Conflict: the tenant has changed since.
    """
    name = name.strip()
    check_fields(name=name)

    async def body(tr: Transaction) -> Tenant:
        await roles.acting(tr, actor, "admin")
        found = await _get(tr, actor)
        accounts.TENANTS.expect(found, if_match)
        changed = msgspec.structs.replace(found, name=name)
        if changed != found:
            await accounts.TENANTS.put(tr, changed.id, changed)
            audit.record(tr, actor, "tenant.update", f"tenant/{changed.id}", detail={"changed": "name"})
        return changed

    return await db.run(body)


async def _get(tr: Reader, actor: Actor) -> Tenant:
    found = await accounts.tenant(tr, actor.scope.tenant)
    if found is None:
        raise RecordNotFound("Your tenant was deleted.")
    return found
