"""Inviting people, and who may do so."""

from __future__ import annotations

from dataclasses import dataclass

from auth import roles
from auth.codes import InvitationCode
from auth.errors import InvalidFields, InvitationRejected
from auth.fields import check_fields
from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.models import Invitation, Role, Tenant, at_least, email_key, new_id, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import accounts, audit, invitations, members
from fdb_provider.scope import Actor, Scope

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """An invitation that is good, with the tenant it leads into; None when one is to be made."""

    invitation: Invitation
    tenant: Tenant | None


async def invite(
    db: Database, actor: Actor, email: str, role: Role, days: int
) -> tuple[Invitation, InvitationCode]:
    """Makes an invitation into the actor's tenant; its code can be had only now.

    Args:
        days: after so many it expires.

    Raises:
        InvalidFields: the address is not acceptable.
        NoPermissions: the actor is no admin, or gives a role above their own.
        RecordExists: the address is a member's or a removed member's, or is invited already.
    """
    check_fields(email=email)
    invitation, code = _made(actor.scope.tenant, email, role, days, by=actor.scope.user)

    async def body(tr: Transaction) -> None:
        roles.check_reach(await roles.acting(tr, actor, "admin"), role)
        await _store(tr, actor, invitation)

    await db.run(body)
    return invitation, code


async def invite_as_operator(
    db: Database, tenant: str, email: str, role: Role, days: int
) -> tuple[Invitation, InvitationCode]:
    """The same by the operator, who may do all.

    Args:
        tenant: `keyspace.SYSTEM` for an invitation to have a tenant of one's own.
    """
    check_fields(email=email)
    invitation, code = _made(tenant, email, role, days, by="")

    async def body(tr: Transaction) -> None:
        if await accounts.by_email(tr, email) is not None:
            raise RecordExists("This address has an account already.")
        await _store(tr, Actor(Scope(tenant, "", "")), invitation)

    await db.run(body)
    return invitation, code


async def pending(db: Database, actor: Actor, *, limit: int, after: str | None = None) -> Page[Invitation]:
    """The tenant's invitations, the first to expire first; expired ones stay a while.

    Raises:
        InvalidCursor: `after` is not of this list.
        NoPermissions: the actor is no admin.
    """

    async def body(tr: Reader) -> Page[Invitation]:
        await roles.acting(tr, actor, "admin")
        return await invitations.page(tr, actor.scope.tenant, limit=limit, after=after)

    return await db.read(body)


async def take_back(db: Database, actor: Actor, invitation: str) -> None:
    """Ends an invitation: its code is good for nothing then.

    Raises:
        RecordNotFound: there is no such invitation.
        NoPermissions: the actor is no admin, or it gives a role above theirs.
    """
    tenant = actor.scope.tenant

    async def body(tr: Transaction) -> None:
        user = await roles.acting(tr, actor, "admin")
        found = await invitations.get(tr, tenant, invitation)
        roles.check_reach(user, found.role)
        await invitations.delete(tr, tenant, found.id)
        audit.record(tr, actor, "invitation.revoke", f"invitation/{found.id}")

    await db.run(body)


async def standing(tr: Reader, code: InvitationCode) -> Standing:
    """The invitation with that code, as long as whoever made it may give what it gives.

    Raises:
        InvitationRejected: it was used, taken back or never made, or has expired.
    """
    invitation = await invitations.find(tr, code.tenant, code.invitation, code.digest, now_ms())
    if invitation is None:
        raise InvitationRejected
    if code.tenant == keyspace.SYSTEM:
        return Standing(invitation, None)
    tenant = await accounts.tenant(tr, code.tenant)
    if tenant is None:
        raise InvitationRejected
    if invitation.created_by:
        by = await accounts.user(tr, code.tenant, invitation.created_by)
        if by is None or not at_least(by.role, "admin") or not at_least(by.role, invitation.role):
            raise InvitationRejected
    return Standing(invitation, tenant)


async def accept(
    tr: Transaction,
    actor: Actor,
    code: InvitationCode,
    new: accounts.Registration,
    prepare: accounts.Prepare | None,
) -> accounts.Registration:
    """Uses up an invitation: stores a user in the tenant it leads into, and returns them as a member of it.

    Raises:
        InvitationRejected: as `standing`.
        InvalidFields: it is for another e-mail address.
        RecordExists: the address belongs to a user already.
    """
    found = await standing(tr, code)
    invitation = found.invitation
    if new.user.email_key != invitation.email_key:
        raise InvalidFields({"email": "The invitation is for another e-mail address."})
    await invitations.delete(tr, code.tenant, invitation.id)
    if found.tenant is None:
        await accounts.register(tr, new, prepare)
        joined = new
    else:
        joined = new.into(found.tenant, invitation.role)
        await accounts.join(tr, joined, prepare)
    detail = {"role": joined.user.role, "by": invitation.created_by}
    audit.record(tr, actor.within(joined.scope), "member.join", f"invitation/{invitation.id}", detail=detail)
    return joined


def _made(tenant: str, email: str, role: Role, days: int, *, by: str) -> tuple[Invitation, InvitationCode]:
    code = InvitationCode.new(tenant, new_id())
    now = now_ms()
    invitation = Invitation(
        id=code.invitation,
        email=email.strip(),
        email_key=email_key(email),
        role=role,
        secret_hash=code.digest,
        created_by=by,
        created_at=now,
        expires_at=now + days * DAY_MS,
    )
    return invitation, code


async def _store(tr: Transaction, actor: Actor, invitation: Invitation) -> None:
    tenant = actor.scope.tenant
    if await members.by_email(tr, tenant, invitation.email_key) is not None:
        raise RecordExists("This address is a member's already.")
    if (former := await members.removed_with(tr, tenant, invitation.email_key)) is not None:
        raise RecordExists(
            f"This address is that of a removed member: bring them back, with all their data, by "
            f"POST /api/v5/tenants/me/members/{former.id}/restore."
        )
    await invitations.create(tr, tenant, invitation)
    audit.record(
        tr, actor, "invitation.create", f"invitation/{invitation.id}", detail={"role": invitation.role}
    )
