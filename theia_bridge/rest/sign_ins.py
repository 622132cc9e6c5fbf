"""`/api/v5/auth/sessions`: where the caller is signed in."""

from __future__ import annotations

import msgspec

from auth import sign_ins
from fdb_provider.errors import InvalidCursor, RecordNotFound
from fdb_provider.models import AuthSession
from theia_bridge.rest.resource import Call, Id, Page, Paging, Resource

api = Resource("sign-ins", "Where the caller is signed in, and ending it")


class SignInInfo(msgspec.Struct, frozen=True):
    """A sign-in. Times are milliseconds since 1970.

    Args:
        created_at: when the password was given.
        used_at: when its tokens were last made or prolonged; a client does so every few minutes.
        expires_at: when it ends if it is not used till then.
        address, user_agent: where it was used last and by what program, which says so itself; "" where that
            is not known.
        session: the workspace session that was signed in to.
        current: the sign-in this request was made with.
    """

    id: str
    created_at: int
    used_at: int
    expires_at: int
    address: str
    user_agent: str
    session: str
    current: bool


@api.get("/auth/sessions", errors=(InvalidCursor,))
async def sessions(call: Call, query: Paging) -> Page[SignInInfo]:
    """The caller's sign-ins, the last to expire first: as a rule, the one used last."""
    found = await sign_ins.page(call.db, call.actor, limit=query.limit, after=query.after)
    return Page([_shown(call, one) for one in found.items], found.next)


@api.delete("/auth/sessions/{id}", role="viewer", errors=(RecordNotFound,))
async def end_session(call: Call, path: Id) -> None:
    """Ends a sign-in of the caller, also the one of this request. Its sockets close within a second."""
    await sign_ins.end(call.db, call.actor, path.id)


@api.delete("/auth/sessions", role="viewer")
async def end_other_sessions(call: Call) -> None:
    """Ends all sign-ins of the caller but the one of this request."""
    await sign_ins.end_others(call.db, call.actor, call.user.family)


def _shown(call: Call, family: AuthSession) -> SignInInfo:
    return SignInInfo(
        id=family.id,
        created_at=family.created_at,
        used_at=family.used_at,
        expires_at=family.expires_at,
        address=family.address,
        user_agent=family.agent,
        session=family.session,
        current=family.id == call.user.family,
    )
