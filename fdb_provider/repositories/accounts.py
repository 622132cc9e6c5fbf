"""Tenants, their users, and the e-mail addresses by which users are found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.models import Account, Role, Tenant, User, WorkspaceSession, email_key, new_id, now_ms
from fdb_provider.records import Collection, Index
from fdb_provider.repositories import workspace_sessions
from fdb_provider.scope import Scope

TENANTS = Collection("tenant", Tenant, key=("id",))
USERS = Collection(
    "user",
    User,
    key=("id",),
    indexes=[
        Index(
            "by_email",
            ("email_key",),
            unique=True,
            serves="The members by e-mail address; whether an address to be invited is one of theirs.",
        ),
        Index(
            "by_role",
            ("role", "email_key"),
            serves="The members with a role; whether an owner is the last one.",
        ),
    ],
    soft_delete=True,
)
ACCOUNTS = Collection("account", Account, key=("email_key",))

Prepare = Callable[[Transaction, Scope], Awaitable[None]]
"""Fills a new workspace session, in the transaction that makes it."""


class Registration(msgspec.Struct, frozen=True):
    """A user with a first workspace session, and the tenant they belong to, before it is stored."""

    tenant: Tenant
    user: User
    session: WorkspaceSession

    @property
    def scope(self) -> Scope:
        return Scope(self.tenant.id, self.user.id, self.session.id)

    def into(self, tenant: Tenant, role: Role) -> Registration:
        """The same user as a member of a tenant that is there."""
        return Registration(tenant, msgspec.structs.replace(self.user, role=role), self.session)


def registration(email: str, name: str, password_hash: str) -> Registration:
    """What `register` stores. Made outside the transaction, so that a retry stores the same ids."""
    now = now_ms()
    user = User(
        id=new_id(),
        email=email.strip(),
        email_key=email_key(email),
        name=name,
        role="owner",
        password_hash=password_hash,
        created_at=now,
    )
    return Registration(Tenant(id=new_id(), name=name, created_at=now), user, first_session(user.id))


def first_session(user: str) -> WorkspaceSession:
    """A workspace session for a user who has none."""
    now = now_ms()
    return WorkspaceSession(
        id=new_id(), user=user, name="My workspace", created_at=now, used_at=now, updated_at=now
    )


async def register(tr: Transaction, new: Registration, prepare: Prepare | None = None) -> None:
    """Stores a tenant, its first user and workspace session, and has `prepare` fill the session.

    Raises:
        RecordExists: the e-mail address belongs to a user already.
    """
    await TENANTS.insert(tr, new.tenant.id, new.tenant)
    await join(tr, new, prepare)


async def join(tr: Transaction, new: Registration, prepare: Prepare | None = None) -> None:
    """The same for a tenant that is there: stores user and session only. Raises as `register`."""
    tenant_id = new.tenant.id
    await claim(tr, tenant_id, new.user)
    await USERS.insert(tr, tenant_id, new.user)
    await workspace_sessions.create(tr, tenant_id, new.session)
    if prepare is not None:
        await prepare(tr, new.scope)


async def claim(tr: Transaction, tenant_id: str, user: User) -> None:
    """Has the user found by their e-mail address.

    Raises:
        RecordExists: the address belongs to a user already.
    """
    account = Account(email_key=user.email_key, tenant=tenant_id, user=user.id)
    try:
        await ACCOUNTS.insert(tr, keyspace.SYSTEM, account)
    except RecordExists:
        raise RecordExists("This e-mail address has an account already.") from None


async def readdress(tr: Transaction, tenant_id: str, user: User, email: str) -> User:
    """Gives a user another e-mail address; returns the user as they are now, to be stored by the caller.

    Raises:
        RecordExists: it belongs to another user.
    """
    moved = msgspec.structs.replace(user, email=email.strip(), email_key=email_key(email))
    if moved.email_key != user.email_key:
        await claim(tr, tenant_id, moved)
        await ACCOUNTS.delete(tr, keyspace.SYSTEM, user.email_key)
    return moved


async def tenant(tr: Reader, tenant_id: str) -> Tenant | None:
    return await TENANTS.get(tr, tenant_id, tenant_id)


async def user(tr: Reader, tenant_id: str, user_id: str) -> User | None:
    return await USERS.get(tr, tenant_id, user_id)


async def by_email(tr: Reader, email: str) -> tuple[str, User] | None:
    """The tenant's id and the user with an e-mail address, compared as `email_key` says.

    Reads as much for an unknown address as for a known one, so that the time tells nothing.
    """
    account = await ACCOUNTS.get(tr, keyspace.SYSTEM, email_key(email))
    tenant_id, user_id = (account.tenant, account.user) if account is not None else ("none", "none")
    found = await USERS.get(tr, tenant_id, user_id)
    return None if found is None else (tenant_id, found)


async def every(tr: Reader, *, limit: int = 0) -> list[Account]:
    """The accounts of all tenants, by e-mail address; for the operator's commands only."""
    return await ACCOUNTS.list(tr, keyspace.SYSTEM, limit=limit)


async def after(tr: Reader, email_key: str, *, limit: int) -> list[Account]:
    """The next accounts behind an address, by address; "" for the first ones."""
    return await ACCOUNTS.after(tr, keyspace.SYSTEM, email_key, limit=limit)


async def set_password_hash(
    tr: Transaction, tenant_id: str, user_id: str, password_hash: str, *, was: str
) -> None:
    """Replaces a user's password hash `was`; nothing happens when it is another by now."""
    found = await USERS.get(tr, tenant_id, user_id)
    if found is not None and found.password_hash == was:
        await USERS.put(tr, tenant_id, msgspec.structs.replace(found, password_hash=password_hash))
