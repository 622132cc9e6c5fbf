"""Parameters and results of `sessions.*`: see `protocol`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fdb_provider.repositories.workspace_sessions import Order
from theia_bridge.methods.protocol import Params, Wire
from theia_bridge.related.ranking import Kind
from theia_bridge.services.sessions import SEARCH_LIMIT, SessionId


class ListSessionsParams(Params, frozen=True):
    """Which of the caller's sessions.

    `search` keeps those that have all its words in their name, tags or description; `tag` those with that
    tag; `parent` the forks of one session, the newest first. `deleted` tells of those in the trash instead,
    the last deleted first. With any of these a page may be short, or empty, though more follow: see `next`.
    """

    search: Annotated[str, msgspec.Meta(max_length=SEARCH_LIMIT)] = ""
    tag: str | None = None
    parent: SessionId | None = None
    deleted: bool = False
    sort: Order = "used"
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    after: str | None = None


class Session(Wire, frozen=True):
    """One of the caller's sessions. Times are milliseconds since 1970.

    `used_at` is when it was last signed in to or opened, `updated_at` when its name, tags or description
    last changed. `parent` is the session it was forked from, which may be gone. `bytes` and `files` are what
    is kept in its `/workspace`, its trash included; files, folders and links count.
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
    bytes: int
    files: int


class SessionList(Wire, frozen=True):
    """`next` is to be given as `after` for the following page; null on the last one."""

    items: list[Session]
    next: str | None


class SessionParams(Params, frozen=True):
    session: SessionId


class CreateSessionParams(Params, frozen=True):
    name: str
    tags: list[str] = msgspec.field(default_factory=list)
    description: str = ""


class UpdateSessionParams(Params, frozen=True):
    """What is left out stays as it is."""

    session: SessionId
    name: str | None = None
    tags: list[str] | None = None
    description: str | None = None


class ForkSessionParams(Params, frozen=True):
    """Without `name` it is that of the session with "(fork)" behind it."""

    session: SessionId
    name: str | None = None


class RelatedSessionsParams(Params, frozen=True):
    session: SessionId
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10


class SessionReason(Wire, frozen=True):
    """Why two sessions belong together: `detail` is what they have in common, `score` how much (0 to 1)."""

    kind: Kind
    detail: str
    score: float


class RelatedSession(Wire, frozen=True):
    """`score` is from 0 to 1; the weightiest of the `reasons` is first."""

    session: Session
    score: float
    reasons: list[SessionReason]


class RelatedSessions(Wire, frozen=True):
    """The most alike first."""

    items: list[RelatedSession]
