"""Workspace sessions. A session is its owner's alone: to others, in the tenant or not, it does not exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from fdb_provider import keyspace, signals
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import QuotaExceeded, RecordNotFound
from fdb_provider.files import doomed
from fdb_provider.models import WorkspaceSession
from fdb_provider.records import Collection, Index, Page
from fdb_provider.records.index import BY_DELETED
from fdb_provider.repositories import conversations
from fdb_provider.repositories.session_profiles import PROFILES
from fdb_provider.scope import Scope

Order = Literal["used", "created", "name"]
"""The last used first, the newest first, or by name."""
_CONVERSATIONS = 50
"""Conversations that go with a session in one transaction."""


async def _purge(tr: Transaction, tenant: str, session: WorkspaceSession) -> bool:
    """Conversations and files go with their session, the latter behind it."""
    scope = Scope(tenant, session.user, session.id)
    if await conversations.purge_session(tr, scope, limit=_CONVERSATIONS) == _CONVERSATIONS:
        return False
    await PROFILES.delete(tr, tenant, session.user, session.id)
    doomed.doom(tr, scope, "workspace")
    return True


SESSIONS = Collection(
    "workspace-session",
    WorkspaceSession,
    key=("id",),
    soft_delete=True,
    purge=_purge,
    indexes=[
        Index(
            "by_user_used",
            ("user", "used_at"),
            serves="A user's sessions, the last used first; the one that is signed in to.",
        ),
        Index("by_user_name", ("user", "name_key"), serves="A user's sessions by name."),
        Index(
            "by_user_created",
            ("user", "created_at"),
            serves="A user's sessions, the newest first; how many there are.",
        ),
        Index(
            "by_user_updated",
            ("user", "updated_at"),
            serves="Which sessions of a user have changed since they were last compared.",
        ),
        Index(
            "by_user_tag",
            ("user", "tags", "used_at"),
            each="tags",
            serves="A user's sessions with one tag, the last used first.",
        ),
        Index(
            "by_user_parent",
            ("user", "parent", "forked_at"),
            serves="The forks of one of a user's sessions, the newest first.",
        ),
    ],
)


async def create(tr: Transaction, tenant: str, session: WorkspaceSession) -> None:
    """Stores a new session.

    Raises:
        RecordExists: there is one with its id.
    """
    await SESSIONS.insert(tr, tenant, session)
    tell(tr, Scope(tenant, session.user, session.id))


def tell(tr: Transaction, scope: Scope) -> None:
    """Has whoever follows the sessions of the scope's user told that one of them has changed."""
    signals.give(tr, keyspace.sessions_signal(scope.tenant, scope.user))


async def find(tr: Reader, scope: Scope, *, deleted: bool = False) -> WorkspaceSession | None:
    """The session `scope.session`, or None when the scope's user has no such session.

    Args:
        deleted: also when it is in the trash.
    """
    session = await SESSIONS.get(tr, scope.tenant, scope.session, deleted=deleted)
    return session if session is not None and session.user == scope.user else None


async def get(tr: Reader, scope: Scope) -> WorkspaceSession:
    """The session `scope.session`.

    Raises:
        RecordNotFound: the scope's user has no such session.
    """
    session = await find(tr, scope)
    if session is None:
        raise RecordNotFound("You have no such session.")
    return session


async def recent(tr: Reader, tenant: str, user: str, *, limit: int = 0) -> list[WorkspaceSession]:
    """The user's sessions, the last used first."""
    return await SESSIONS.by_index(tr, tenant, "by_user_used", user, limit=limit, reverse=True)


async def page(
    tr: Reader,
    scope: Scope,
    *,
    order: Order = "used",
    tag: str | None = None,
    parent: str | None = None,
    where: Callable[[WorkspaceSession], bool] | None = None,
    limit: int,
    after: str | None = None,
) -> Page[WorkspaceSession]:
    """Sessions of the scope's user.

    Args:
        tag: only those with that tag. Together with `parent`, or in another order than by use, a page may
            then be short, or empty, though more follow.
        where: only those for which it is true; the same of the page.
        parent: only the forks of that session, the newest first whatever the order.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    values: tuple[str, ...] = (scope.user,)
    index = {"used": "by_user_used", "created": "by_user_created", "name": "by_user_name"}[order]
    filtered = tag is not None
    if parent is not None:
        index, values = "by_user_parent", (scope.user, parent)
    elif tag is not None and order == "used":
        index, values, filtered = "by_user_tag", (scope.user, tag), False
    return await SESSIONS.page(
        tr,
        scope.tenant,
        index,
        *values,
        limit=limit,
        after=after,
        reverse=index != "by_user_name",
        where=_both((lambda session: tag in session.tags) if filtered else None, where),
    )


async def page_deleted(
    tr: Reader,
    scope: Scope,
    *,
    tag: str | None = None,
    where: Callable[[WorkspaceSession], bool] | None = None,
    limit: int,
    after: str | None = None,
) -> Page[WorkspaceSession]:
    """Those in the trash, the last deleted first. A page may be short, or empty, though more follow.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    return await SESSIONS.page(
        tr,
        scope.tenant,
        BY_DELETED.name,
        limit=limit,
        after=after,
        reverse=True,
        where=_both(
            lambda session: session.user == scope.user and (tag is None or tag in session.tags), where
        ),
    )


def _both(
    one: Callable[[WorkspaceSession], bool] | None, other: Callable[[WorkspaceSession], bool] | None
) -> Callable[[WorkspaceSession], bool] | None:
    if one is None or other is None:
        return one or other
    return lambda session: one(session) and other(session)


async def check_room(tr: Reader, tenant: str, user: str, most: int) -> None:
    """Lets one more session of a user pass.

    Args:
        most: how many they may have; 0 is no limit.

    Raises:
        QuotaExceeded: they have as many.
    """
    if most and len(await SESSIONS.places(tr, tenant, "by_user_created", user, limit=most)) == most:
        raise QuotaExceeded(
            f"you have {most:,} sessions, as many as you may: delete some, or ask for a higher limit"
        )


async def touch(tr: Transaction, scope: Scope, now: int) -> WorkspaceSession:
    """Marks the session `scope.session` as used. Raises as `get`."""
    session = msgspec.structs.replace(await get(tr, scope), used_at=now)
    await SESSIONS.put(tr, scope.tenant, session)
    tell(tr, scope)
    return session
