"""`/api/v5/users/me` and the members again: taking out, and erasing, all data of a user."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from aiohttp import web
from stream_zip import async_stream_zip

from auth import erasing
from auth import errors as auth
from auth.fields import PASSWORD_LIMITS
from fdb_provider import errors as store
from fdb_provider.erasure import LINGER
from fdb_provider.models import Erasure
from theia_bridge.rest.auth import forget_cookies
from theia_bridge.rest.resource import Call, Id, Resource
from theia_bridge.rest.streaming import attachment, stream
from theia_bridge.services.export import Export
from theia_bridge.state import ERASER, PROFILE

api = Resource("personal data", "All data of a user: taken out, or erased")


class EraseForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Says again who it is, and what goes.

    Args:
        password: the caller's own.
        with_tenant: as the only owner of a tenant with other members: they all go, too.
    """

    password: Annotated[str, msgspec.Meta(max_length=PASSWORD_LIMITS[1])]
    with_tenant: bool = False


class ErasureAnswer(msgspec.Struct, frozen=True):
    """What is being erased.

    Args:
        tombstone: the id that is in the user's place in the audit; null for a tenant, of which nothing stays.
        ends_at: when the last traces go, in milliseconds since 1970.
    """

    erases: Literal["user", "tenant"]
    tombstone: str | None
    ends_at: int


@api.get("/users/me/export", gives=["application/zip"])
async def export(call: Call) -> web.StreamResponse:
    """All that is kept of the caller, as a ZIP archive: records as lines of JSON, and all files.

    It is made while it is sent. If it cannot be finished, the connection is cut.
    """
    response = attachment(f"theia-bridge-{call.scope.user}.zip", "application/zip")
    made = Export(call.db, call.files, call.actor)
    if call.request.method == "GET":
        await made.begin()
    return await stream(call.request, response, async_stream_zip(made.members()))


@api.delete(
    "/users/me",
    role="viewer",
    status=202,
    errors=(auth.LastOwner, store.Conflict, auth.TooManyAttempts),
)
async def erase(call: Call, body: EraseForm) -> ErasureAnswer:
    """Erases the caller with all their data, for good; takes the password, throttled as login is.

    All their sign-ins end at once, and nothing of theirs can be reached any more. What is kept goes right
    after that, and the last traces, such as files that were deleted a moment before, when `ends_at` has come.
    A tenant that would be left without an owner is erased too, with all its members.
    """
    erasure = await call.request.app[PROFILE].erase(call.actor, body.password, with_tenant=body.with_tenant)
    forget_cookies(call.response)
    return _begun(call, erasure)


@api.post("/tenants/me/members/{id}/erase", role="admin", status=202, errors=(store.RecordNotFound,))
async def erase_member(call: Call, path: Id) -> ErasureAnswer:
    """Erases a member, or one who was removed, with all their data, for good; as the caller at `users/me`."""
    return _begun(call, await erasing.begin_member(call.db, call.actor, path.id))


def _begun(call: Call, erasure: Erasure) -> ErasureAnswer:
    call.request.app[ERASER].start(erasure)
    return ErasureAnswer(
        erases="user" if erasure.user else "tenant",
        tombstone=erasure.tombstone if erasure.user else None,
        ends_at=erasure.began + LINGER,
    )
