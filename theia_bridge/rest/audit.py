"""`/api/v5/audit`: what was done and refused in the caller's tenant."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from auth.errors import InvalidFields
from fdb_provider import errors as store
from fdb_provider.repositories.audit import ACTIONS, Query
from theia_bridge.rest.resource import Call, Page, Paging, Resource
from theia_bridge.services import audit
from theia_bridge.state import OBSERVATIONS

api = Resource("audit", "What was done and refused, by whom and when")

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class AuditQuery(Paging, frozen=True, forbid_unknown_fields=True):
    """Which entries.

    Args:
        user: id of the one who did it. Only admins may ask for others.
        action: such as `session.create`; an unknown one is refused with all that there are.
        resource: what it was done to, such as `session/ID`, `user/ID` or `session/ID/workspace/PATH`.
        since: from this time on, in milliseconds since 1970.
        until: before this time.
    """

    user: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    action: Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(ACTIONS)})] | None = None
    resource: Annotated[str, msgspec.Meta(max_length=5000)] | None = None
    since: Milliseconds | None = None
    until: Milliseconds | None = None


class AuditAnswer(msgspec.Struct, frozen=True):
    """An entry of the audit.

    Args:
        at: when, in milliseconds since 1970; of the last time if it tells of several.
        user: who; empty when nobody had signed in. Of an erased user, an id that leads to nobody.
        session: the workspace session it was done in; empty when in none.
        resource: what it was done to; empty where the action says it all.
        outcome: `refused` when the caller was not let do it.
        count: how many like it in close succession the entry tells of.
        request: the `X-Request-Id` of the request; empty where it is not known.
        address: the caller's network address; empty where it is not known.
        detail: what else matters, such as the role that was given.
    """

    id: str
    at: int
    user: str
    session: str
    action: str
    resource: str
    outcome: Literal["done", "refused"]
    count: int
    request: str
    address: str
    detail: dict[str, str]


@api.get("/audit", errors=(store.InvalidCursor,))
async def find(call: Call, query: AuditQuery) -> Page[AuditAnswer]:
    """The audit, the newest entries first: of the whole tenant for its admins, else what the caller did.

    A page may have fewer entries than asked for, even none, and `next` all the same: then more were looked
    at than one request should take.
    """
    if query.action is not None and query.action not in ACTIONS:
        raise InvalidFields({"action": f"Unknown. There are: {', '.join(sorted(ACTIONS))}."})
    await call.request.app[OBSERVATIONS].flush()
    page = await audit.find(
        call.db,
        call.files,
        call.actor,
        Query(query.user, query.action, query.resource, query.since, query.until),
        limit=query.limit,
        after=query.after,
    )
    return Page([AuditAnswer(**msgspec.structs.asdict(entry)) for entry in page.items], page.next)
