"""`/api/v5/tenants/me`: the caller's tenant, its members, and who is invited."""

from __future__ import annotations

from typing import Annotated

import msgspec

from auth import errors as auth
from auth import invitations, members
from auth.errors import RegistrationClosed
from fdb_provider import errors as store
from fdb_provider.models import Invitation, Role, Tenant, User
from fdb_provider.repositories.accounts import TENANTS, USERS
from theia_bridge.rest.fields import Email, Name
from theia_bridge.rest.resource import Call, Id, Page, Paging, Resource, Tagged
from theia_bridge.services import tenants

api = Resource("tenants", "The caller's tenant, its members, and who is invited")

MOST_DAYS = 90
"""Days an invitation may be good for."""


class TenantAnswer(msgspec.Struct, frozen=True):
    """A tenant.

    Args:
        role: the caller's in it.
        created_at: in milliseconds since 1970.
    """

    id: str
    name: str
    role: Role
    created_at: int


class TenantChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be changed of a tenant."""

    name: Name


class MemberAnswer(msgspec.Struct, frozen=True):
    """A member of a tenant.

    Args:
        created_at, removed_at: in milliseconds since 1970; `removed_at` is null for who is a member now.
    """

    id: str
    email: str
    name: str
    role: Role
    created_at: int
    removed_at: int | None


class MemberQuery(Paging, frozen=True, forbid_unknown_fields=True):
    """Which members.

    Args:
        role: only those with this role.
        removed: instead of those who are members, those who were removed and can be restored (for admins).
    """

    role: Role | None = None
    removed: bool = False


class MemberChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be changed of a member."""

    role: Role


class InvitationForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be invited.

    Args:
        role: what they will be.
        expires_in_days: how long the invitation is good.
    """

    email: Email
    role: Role = "member"
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = 7


class InvitationAnswer(msgspec.Struct, frozen=True):
    """An invitation.

    Args:
        created_by: id of the user who made it; empty for the operator of the server.
        created_at, expires_at: in milliseconds since 1970.
    """

    id: str
    email: str
    role: Role
    created_by: str
    created_at: int
    expires_at: int


class InvitationMade(InvitationAnswer, frozen=True):
    """An invitation that was just made.

    Args:
        code: to be given to whoever is invited. It is not kept, so it cannot be had again.
        link: the path of the page where it is used.
    """

    code: str
    link: str


@api.get("/tenants/me")
async def get(call: Call) -> Tagged[TenantAnswer]:
    """The caller's tenant."""
    return _tenant(call, await tenants.get(call.db, call.actor))


@api.put("/tenants/me", role="admin", errors=(store.Conflict,))
async def put(call: Call, body: TenantChange) -> Tagged[TenantAnswer]:
    """Renames the tenant."""
    return _tenant(call, await tenants.rename(call.db, call.actor, body.name, if_match=call.if_match))


@api.get("/tenants/me/members", errors=(store.InvalidCursor,))
async def list_members(call: Call, query: MemberQuery) -> Page[MemberAnswer]:
    """The members, by e-mail address."""
    page = await members.page(
        call.db, call.actor, query.role, removed=query.removed, limit=query.limit, after=query.after
    )
    return Page([_member(user) for user in page.items], page.next)


@api.get("/tenants/me/members/{id}", errors=(store.RecordNotFound, store.Conflict))
async def get_member(call: Call, path: Id) -> Tagged[MemberAnswer]:
    """A member."""
    return _tagged(await members.get(call.db, call.actor, path.id))


@api.put(
    "/tenants/me/members/{id}", role="admin", errors=(store.RecordNotFound, store.Conflict, auth.LastOwner)
)
async def put_member(call: Call, path: Id, body: MemberChange) -> Tagged[MemberAnswer]:
    """Gives a member another role, at most one's own.

    It counts at once, within a second for what they have open. The last owner stays one.
    """
    changed = await members.set_role(call.db, call.actor, path.id, body.role, if_match=call.if_match)
    return _tagged(changed)


@api.delete(
    "/tenants/me/members/{id}", role="admin", errors=(store.RecordNotFound, store.Conflict, auth.LastOwner)
)
async def delete_member(call: Call, path: Id) -> None:
    """Removes a member, whose sign-ins end within a second.

    Their sessions and files stay with the tenant until they are purged; till then the member can be restored.
    """
    await members.remove(call.db, call.actor, path.id, if_match=call.if_match)


@api.post("/tenants/me/members/{id}/restore", role="admin", errors=(store.RecordNotFound, store.RecordExists))
async def restore_member(call: Call, path: Id) -> Tagged[MemberAnswer]:
    """Brings a removed member back as they were, with their password, sessions and files."""
    return _tagged(await members.restore(call.db, call.actor, path.id))


@api.get("/tenants/me/invitations", role="admin", errors=(store.InvalidCursor,))
async def list_invitations(call: Call, query: Paging) -> Page[InvitationAnswer]:
    """The invitations that were not used or taken back, the next to expire first."""
    page = await invitations.pending(call.db, call.actor, limit=query.limit, after=query.after)
    return Page([_invitation(one) for one in page.items], page.next)


@api.post(
    "/tenants/me/invitations",
    status=201,
    role="admin",
    errors=(store.RecordExists, auth.RegistrationClosed),
)
async def post_invitation(call: Call, body: InvitationForm) -> InvitationMade:
    """Invites someone into the tenant. The answer alone has the code, which is good for one registration."""
    if call.settings.registration == "closed":
        raise RegistrationClosed("closed")
    made, code = await invitations.invite(call.db, call.actor, body.email, body.role, body.expires_in_days)
    known = msgspec.structs.asdict(_invitation(made))
    return InvitationMade(**known, code=str(code), link=f"/login?invitation={code}")


@api.delete("/tenants/me/invitations/{id}", role="admin", errors=(store.RecordNotFound,))
async def delete_invitation(call: Call, path: Id) -> None:
    """Takes an invitation back: its code is good for nothing then."""
    await invitations.take_back(call.db, call.actor, path.id)


def _tenant(call: Call, tenant: Tenant) -> Tagged[TenantAnswer]:
    answer = TenantAnswer(id=tenant.id, name=tenant.name, role=call.user.role, created_at=tenant.created_at)
    return Tagged(answer, TENANTS.etag(tenant))


def _member(user: User) -> MemberAnswer:
    return MemberAnswer(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        created_at=user.created_at,
        removed_at=user.deleted_at,
    )


def _tagged(user: User) -> Tagged[MemberAnswer]:
    return Tagged(_member(user), USERS.etag(user))


def _invitation(one: Invitation) -> InvitationAnswer:
    return InvitationAnswer(
        id=one.id,
        email=one.email,
        role=one.role,
        created_by=one.created_by,
        created_at=one.created_at,
        expires_at=one.expires_at,
    )
