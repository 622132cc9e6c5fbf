"""Invitations to join a tenant. Those kept in the tenant `SYSTEM` lead into one that is still to be made."""

from __future__ import annotations

import hmac

from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordExists, RecordNotFound
from fdb_provider.models import Invitation
from fdb_provider.records import Collection, Index, Page

INVITATIONS = Collection(
    "invitation",
    Invitation,
    key=("id",),
    indexes=[
        Index(
            "by_email",
            ("email_key",),
            unique=True,
            serves="The invitation of an e-mail address: there is one at a time.",
        ),
        Index(
            "by_expiry",
            ("expires_at",),
            serves="A tenant's invitations, the next to expire first; those that have expired.",
        ),
    ],
)
_SWEEP = 20
"""At most so many expired invitations are removed when one is made."""


async def create(tr: Transaction, tenant: str, invitation: Invitation) -> None:
    """Stores an invitation, and removes such that have expired.

    Raises:
        RecordExists: the address has one that has not expired.
    """
    oldest = await INVITATIONS.by_index(tr, tenant, "by_expiry", limit=_SWEEP)
    same = await INVITATIONS.by_index(tr, tenant, "by_email", invitation.email_key)
    for old in {one.id: one for one in (*oldest, *same)}.values():
        if old.expires_at <= invitation.created_at:
            await INVITATIONS.delete(tr, tenant, old.id)
        elif old.email_key == invitation.email_key:
            raise RecordExists("This address is invited already: take that invitation back first.")
    await INVITATIONS.insert(tr, tenant, invitation)


async def page(tr: Reader, tenant: str, *, limit: int, after: str | None = None) -> Page[Invitation]:
    """The tenant's invitations, the first to expire first.

    Raises:
        InvalidCursor: `after` is not of this list.
    """
    return await INVITATIONS.page(tr, tenant, "by_expiry", limit=limit, after=after)


async def get(tr: Reader, tenant: str, invitation: str) -> Invitation:
    """Raises: RecordNotFound: there is no such invitation, or not any more."""
    found = await INVITATIONS.get(tr, tenant, invitation)
    if found is None:
        raise RecordNotFound("There is no such invitation.")
    return found


async def find(tr: Reader, tenant: str, invitation: str, secret: bytes, now: int) -> Invitation | None:
    """The invitation if `secret` is the SHA-256 hash of its secret and it has not expired."""
    found = await INVITATIONS.get(tr, tenant, invitation)
    if found is None or found.expires_at <= now or not hmac.compare_digest(found.secret_hash, secret):
        return None
    return found


async def delete(tr: Transaction, tenant: str, invitation: str) -> None:
    """Takes one back."""
    await INVITATIONS.delete(tr, tenant, invitation)
