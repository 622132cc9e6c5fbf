"""The users of a tenant as its members: their roles, leaving, and coming back."""

from __future__ import annotations

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import Role, User
from fdb_provider.records import Page
from fdb_provider.repositories import accounts
from fdb_provider.repositories.accounts import ACCOUNTS, USERS

_SCAN = 200
"""Removed members that are looked through at a time."""


async def page(
    tr: Reader,
    tenant: str,
    role: Role | None = None,
    *,
    removed: bool = False,
    limit: int,
    after: str | None = None,
) -> Page[User]:
    """Members by e-mail address, or the removed ones, the last removed first; all or those with a role.

    Raises:
        InvalidCursor: `after` is not of such a list.
    """
    if removed:
        return await USERS.page(
            tr,
            tenant,
            "by_deleted",
            limit=limit,
            after=after,
            reverse=True,
            where=None if role is None else lambda user: user.role == role,
        )
    if role is not None:
        return await USERS.page(tr, tenant, "by_role", role, limit=limit, after=after)
    return await USERS.page(tr, tenant, "by_email", limit=limit, after=after)


async def get(tr: Reader, tenant: str, user: str) -> User:
    """The member with that id.

    Raises:
        RecordNotFound: the tenant has no such member, or not any more.
    """
    found = await USERS.get(tr, tenant, user)
    if found is None:
        raise RecordNotFound("There is no such member.")
    return found


async def is_last_owner(tr: Reader, tenant: str, user: User) -> bool:
    """Whether the tenant would be without an owner if that user were none.

    Reads two owners, so it conflicts with a transaction that makes one of them no owner meanwhile.
    """
    if user.role != "owner":
        return False
    owners = await USERS.by_index(tr, tenant, "by_role", "owner", limit=2)
    return all(owner.id == user.id for owner in owners)


async def by_email(tr: Reader, tenant: str, email_key: str) -> User | None:
    """The member with an address in the form of `email_key`."""
    found = await USERS.by_index(tr, tenant, "by_email", email_key)
    return found[0] if found else None


async def removed_with(tr: Reader, tenant: str, email_key: str) -> User | None:
    """The one removed last of those who had that address."""
    after: str | None = None
    while True:
        some = await page(tr, tenant, removed=True, limit=_SCAN, after=after)
        for user in some.items:
            if user.email_key == email_key:
                return user
        if some.next is None:
            return None
        after = some.next


async def remove(tr: Transaction, tenant: str, user: User, at: int) -> None:
    """Takes a user out of the tenant. Their data stays with it, and their address is free."""
    await USERS.discard(tr, tenant, user.id, at=at)
    await ACCOUNTS.delete(tr, keyspace.SYSTEM, user.email_key)


async def restore(tr: Transaction, tenant: str, user: str) -> User:
    """Brings a removed member back as they were.

    Raises:
        RecordNotFound: there is no such removed member, or not any more.
        RecordExists: somebody else has their address by now.
    """
    found = await USERS.get(tr, tenant, user, deleted=True)
    if found is None or found.deleted_at is None:
        raise RecordNotFound("There is no such removed member.")
    await accounts.claim(tr, tenant, found)
    back = await USERS.restore(tr, tenant, user)
    assert back is not None
    return back
