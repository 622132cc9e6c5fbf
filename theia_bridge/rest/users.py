"""`/api/v5/users/me`: who the caller is."""

from __future__ import annotations

import msgspec

from auth import errors as auth
from fdb_provider import errors as store
from fdb_provider.models import Role, User
from fdb_provider.repositories.accounts import USERS
from theia_bridge.rest.fields import Email, Name, NewPassword, Password
from theia_bridge.rest.resource import Call, Resource, Tagged
from theia_bridge.state import PROFILE

api = Resource("users", "Who the caller is")


class UserAnswer(msgspec.Struct, frozen=True):
    """A user.

    Args:
        tenant: id of the tenant they are a member of.
        created_at: in milliseconds since 1970.
    """

    id: str
    email: str
    name: str
    role: Role
    tenant: str
    created_at: int


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What users may change of themselves.

    Args:
        password: the user's own, needed to change the e-mail address.
    """

    email: Email
    name: Name
    password: Password | None = None


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password so far and the one to be."""

    current_password: Password
    new_password: NewPassword


@api.get("/users/me")
async def get(call: Call) -> Tagged[UserAnswer]:
    """The caller."""
    return _tagged(call, await call.request.app[PROFILE].get(call.actor))


@api.put("/users/me", role="viewer", errors=(store.RecordExists, store.Conflict, auth.TooManyAttempts))
async def put(call: Call, body: UserChange) -> Tagged[UserAnswer]:
    """Changes the caller's name and e-mail address; the address takes the password, throttled as login is."""
    changed = await call.request.app[PROFILE].update(
        call.actor, body.email, body.name, password=body.password, if_match=call.if_match
    )
    return _tagged(call, changed)


@api.put("/users/me/password", role="viewer", errors=(store.Conflict, auth.TooManyAttempts))
async def put_password(call: Call, body: PasswordChange) -> None:
    """Changes the caller's password, throttled as login is. All their other sign-ins end."""
    await call.request.app[PROFILE].set_password(
        call.actor, call.user.family, body.current_password, body.new_password
    )


def _tagged(call: Call, user: User) -> Tagged[UserAnswer]:
    answer = UserAnswer(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        tenant=call.scope.tenant,
        created_at=user.created_at,
    )
    return Tagged(answer, USERS.etag(user))
