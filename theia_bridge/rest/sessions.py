"""`/api/v5/sessions`: the workspace sessions of the caller."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fdb_provider.errors import Conflict, InvalidCursor, QuotaExceeded, RecordNotFound, StoreUnavailable
from fdb_provider.models import WorkspaceSession
from fdb_provider.repositories.workspace_sessions import SESSIONS, Order
from theia_bridge.related.ranking import Kind
from theia_bridge.rest.fields import Name
from theia_bridge.rest.resource import Call, Id, Page, Paging, Resource, Tagged
from theia_bridge.services import sessions
from theia_bridge.services.sessions import (
    DESCRIPTION_LIMIT,
    SEARCH_LIMIT,
    TAG_LIMIT,
    TAGS,
    Details,
    SessionId,
)
from theia_bridge.state import ACCOUNTS, RELATED

api = Resource("sessions", "Workspace sessions of the caller: each has files and conversations of its own")

Tag = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"minLength": 1, "maxLength": TAG_LIMIT, "pattern": r"^[^\s\x00-\x1f\x7f-\x9f]+$"}
    ),
]
Tags = Annotated[list[Tag], msgspec.Meta(extra_json_schema={"maxItems": TAGS})]
Description = Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": DESCRIPTION_LIMIT})]


class Filter(Paging, frozen=True, forbid_unknown_fields=True):
    """Args:
    sort: the last used first, the last created first, or by name.
    search: only those that have all its words in name, tags or description. A page may then be short, or
        empty, though more follow.
    tag: only those with that tag; the same of the page.
    parent: only the forks of that session, the newest first whatever `sort` says.
    deleted: those in the trash instead, whatever their parent, the last deleted first.
    """

    sort: Order = "used"
    search: Annotated[str, msgspec.Meta(max_length=SEARCH_LIMIT)] = ""
    tag: Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_LIMIT)] | None = None
    parent: SessionId | None = None
    deleted: bool = False


class SessionDetails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a session: what is left out is empty then.

    Args:
        tags: upper and lower case do not make two of one.
    """

    name: Name
    tags: Tags = []
    description: Description = ""


class ForkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    name: of the fork; that of the session with "(fork)" behind it without one.
    """

    name: Name | None = None


class SessionAnswer(msgspec.Struct, frozen=True):
    """A session. Times are in milliseconds since 1970.

    Args:
        used_at: when it was last signed in to or opened.
        updated_at: when its name, tags or description last changed.
        parent: the session it was forked from, which may be gone.
        deleted_at: when it went into the trash.
    """

    id: str
    name: str
    tags: list[str]
    description: str
    created_at: int
    used_at: int
    updated_at: int
    parent: str | None
    forked_at: int | None
    deleted_at: int | None


class OpenedAnswer(msgspec.Struct, frozen=True):
    """An access token for a session; the sign-in is prolonged with its refresh token as before.

    Args:
        expires_in: the token's life in seconds.
    """

    access_token: str
    expires_in: int
    session: SessionAnswer
    token_type: str = "Bearer"  # noqa: S105 - not a password


class RelatedQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    limit: sessions at most.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10


class ReasonAnswer(msgspec.Struct, frozen=True):
    """Why two sessions belong together.

    Args:
        detail: what they have in common.
        score: how much of it, from 0 to 1.
    """

    kind: Kind
    detail: str
    score: float


class RelatedSession(msgspec.Struct, frozen=True):
    """Args:
    score: from 0 to 1: the weighted sum of the reasons'.
    reasons: the weightiest first.
    """

    session: SessionAnswer
    score: float
    reasons: list[ReasonAnswer]


class RelatedAnswer(msgspec.Struct, frozen=True):
    """Args:
    items: the most alike first.
    """

    items: list[RelatedSession]


@api.post("/sessions", status=201, location="/sessions/{id}", errors=(QuotaExceeded,))
async def create(call: Call, body: SessionDetails) -> Tagged[SessionAnswer]:
    """Make a session with nothing in it."""
    return _tagged(await sessions.create(call.db, call.files, call.actor, _details(body)))


@api.get("/sessions", errors=(InvalidCursor,))
async def page(call: Call, query: Filter) -> Page[SessionAnswer]:
    """The caller's sessions."""
    found = await sessions.page(
        call.db,
        call.actor,
        order=query.sort,
        search=query.search,
        tag=query.tag,
        parent=query.parent,
        deleted=query.deleted,
        limit=query.limit,
        after=query.after,
    )
    return Page([_answer(one) for one in found.items], found.next)


@api.get("/sessions/{id}", errors=(RecordNotFound,))
async def get(call: Call, path: Id) -> Tagged[SessionAnswer]:
    """A session."""
    return _tagged(await sessions.get(call.db, call.actor, path.id))


@api.put("/sessions/{id}", errors=(RecordNotFound, Conflict))
async def update(call: Call, path: Id, body: SessionDetails) -> Tagged[SessionAnswer]:
    """Replace name, tags and description of a session."""
    return _tagged(
        await sessions.update(call.db, call.actor, path.id, _details(body), if_match=call.if_match)
    )


@api.delete("/sessions/{id}", errors=(RecordNotFound, Conflict))
async def delete(call: Call, path: Id) -> None:
    """Delete a session. It can be restored until it is purged, after the days of `trash_days`.

    What is open in it is closed on every gateway, and its tokens are refused; refreshing goes on in the
    session used last, or in a new one.
    """
    await sessions.delete(call.db, call.actor, path.id, if_match=call.if_match)


@api.post("/sessions/{id}/restore", errors=(RecordNotFound, QuotaExceeded))
async def restore(call: Call, path: Id) -> Tagged[SessionAnswer]:
    """Bring a deleted session back as it was."""
    return _tagged(await sessions.restore(call.db, call.files, call.actor, path.id))


@api.post(
    "/sessions/{id}/fork",
    status=201,
    location="/sessions/{id}",
    errors=(RecordNotFound, QuotaExceeded, StoreUnavailable),
)
async def fork(call: Call, path: Id, body: ForkRequest | None) -> Tagged[SessionAnswer]:
    """Make a session with the files another one has at this instant, whoever writes to it meanwhile.

    Contents are shared, so it costs names only. Tags and description are taken over; conversations, history
    and trash are not.
    """
    name = None if body is None else body.name
    return _tagged(await sessions.fork(call.db, call.files, call.actor, path.id, name=name))


@api.get("/sessions/{id}/related", errors=(RecordNotFound,))
async def related(call: Call, path: Id, query: RelatedQuery) -> RelatedAnswer:
    """The caller's sessions that have something in common with one, and what that is.

    Counted are forks, equal contents of files, tags, and words of names, descriptions and conversations; what
    most sessions have counts little.
    """
    found = await call.request.app[RELATED].find(sessions.within(call.actor, path.id), limit=query.limit)
    return RelatedAnswer(
        [
            RelatedSession(
                _answer(one.session),
                round(one.score, 3),
                [ReasonAnswer(why.kind, why.detail, round(why.score, 3)) for why in one.reasons],
            )
            for one in found
        ]
    )


@api.post("/sessions/{id}/open", role="viewer", errors=(RecordNotFound,))
async def open_(call: Call, path: Id) -> OpenedAnswer:
    """A token for one of the caller's sessions, which counts as used then."""
    opened = await call.request.app[ACCOUNTS].open(call.user, path.id, actor=call.actor)
    return OpenedAnswer(opened.access_token, opened.expires_in, _answer(opened.session))


def _details(given: SessionDetails) -> Details:
    return Details(given.name, tuple(given.tags), given.description)


def _tagged(session: WorkspaceSession) -> Tagged[SessionAnswer]:
    return Tagged(_answer(session), SESSIONS.etag(session))


def _answer(session: WorkspaceSession) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        name=session.name,
        tags=list(session.tags),
        description=session.description,
        created_at=session.created_at,
        used_at=session.used_at,
        updated_at=session.updated_at or session.created_at,
        parent=session.parent,
        forked_at=session.forked_at,
        deleted_at=session.deleted_at,
    )
