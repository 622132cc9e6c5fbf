"""Erasures under way. They are kept in the tenant `SYSTEM`, as a tenant may be what goes."""

from __future__ import annotations

import msgspec

from fdb_provider.engine import Transaction
from fdb_provider.keyspace import SYSTEM
from fdb_provider.models import ErasedSession, Erasure, Tenant, User, new_id
from fdb_provider.records import Collection
from fdb_provider.repositories import audit, auth_sessions
from fdb_provider.repositories.accounts import ACCOUNTS, TENANTS, USERS
from fdb_provider.scope import Actor, Scope

ERASURES = Collection("erasure", Erasure, key=("id",))
ERASED_SESSIONS = Collection("erased-session", ErasedSession, key=("erasure", "session"))
NAMELESS = "A tenant"
"""The name of a tenant that had the name of who founded it, once they are erased."""


async def begin(tr: Transaction, actor: Actor, user: User, now: int) -> Erasure:
    """Begins to erase a user of the actor's tenant, removed or not: from here on they are nobody.

    Their sign-ins end, and their address is free.
    """
    tenant = actor.scope.tenant
    erasure = Erasure(new_id(), tenant, user.id, user.email_key, new_id(), now)
    await ERASURES.insert(tr, SYSTEM, erasure)
    await forget(tr, tenant, user)
    found = await TENANTS.get(tr, tenant, tenant)
    if found is not None and found.name == user.name:
        # Tenants are named after who founds them.
        await TENANTS.put(tr, tenant, msgspec.structs.replace(found, name=NAMELESS))
    themselves = actor.scope.user == user.id
    who = Actor(Scope(tenant, erasure.tombstone, "")) if themselves else actor
    audit.record(tr, who, "user.erase", f"user/{erasure.tombstone}")
    return erasure


async def begin_tenant(tr: Transaction, tenant: Tenant, now: int) -> Erasure:
    """Begins to erase a tenant with all its users."""
    erasure = Erasure(new_id(), tenant.id, "", "", new_id(), now)
    await ERASURES.insert(tr, SYSTEM, erasure)
    await TENANTS.delete(tr, tenant.id, tenant.id)
    audit.record(tr, Actor(Scope(SYSTEM, "", "")), "tenant.erase", f"tenant/{tenant.id}")
    return erasure


async def forget(tr: Transaction, tenant: str, user: User) -> None:
    """Has a user be nobody: without sign-ins, and not found by their address any more."""
    await auth_sessions.revoke_all(tr, tenant, user.id, keep=None)
    account = await ACCOUNTS.get(tr, SYSTEM, user.email_key)
    if account is not None and (account.tenant, account.user) == (tenant, user.id):
        await ACCOUNTS.delete(tr, SYSTEM, user.email_key)
    await USERS.delete(tr, tenant, user.id)
