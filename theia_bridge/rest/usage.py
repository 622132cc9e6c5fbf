"""`/api/v5/tenants/me/usage`: how much is kept, and how much may be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from fdb_provider.errors import InvalidCursor
from fdb_provider.files.retention import DAY
from fdb_provider.files.usage import Owner, Usage
from fdb_provider.models import Limits, Role
from theia_bridge.rest.resource import Call, Page, Paging, Resource
from theia_bridge.services import usage

api = Resource("usage", "How much is kept, and how much may be")


class Quota(msgspec.Struct, frozen=True):
    """What is kept and what may be; a limit of 0 is none. What is in the trash counts.

    Args:
        files: the number of files, folders and links.
    """

    bytes: int
    files: int
    bytes_limit: int
    files_limit: int


class UsageAnswer(msgspec.Struct, frozen=True):
    """What the caller's tenant, user and session keep.

    Args:
        tenant: all sessions and homes of the tenant together.
        user: the caller's `/home`.
        session: the `/workspace` of the session the token is for.
    """

    tenant: Quota
    user: Quota
    session: Quota


class UserUsage(msgspec.Struct, frozen=True):
    """A member and what they keep.

    Args:
        removed_at: in milliseconds since 1970; null for who is a member now.
        home: their `/home`; their sessions are counted on their own.
    """

    id: str
    email: str
    name: str
    role: Role
    removed_at: int | None
    home: Quota


class SessionUsage(msgspec.Struct, frozen=True):
    """A session and what is kept in it.

    Args:
        user: its owner.
        created_at, used_at: in milliseconds since 1970.
        workspace: its `/workspace`.
    """

    id: str
    user: str
    name: str
    created_at: int
    used_at: int
    workspace: Quota


class DayOfTokens(msgspec.Struct, frozen=True):
    """What a user has taken of a language model on one day.

    Args:
        user: id of the user.
        day: as `2026-11-26`, in UTC.
        completions: how often it was asked.
        input_tokens, output_tokens: of what it was asked, and of what it answered.
    """

    user: str
    day: str
    model: str
    completions: int
    input_tokens: int
    output_tokens: int


class UserQuery(Paging, frozen=True, forbid_unknown_fields=True):
    """Which users.

    Args:
        removed: instead of the members, those who were removed and are still kept.
    """

    removed: bool = False


class OfUser(Paging, frozen=True, forbid_unknown_fields=True):
    """Which users' things.

    Args:
        user: only those of this user, who may have been removed.
    """

    user: Annotated[str, msgspec.Meta(max_length=64)] | None = None


@api.get("/tenants/me/usage")
async def get(call: Call) -> UsageAnswer:
    """What the caller's tenant, user and session keep, with their limits."""
    kept, limits = await call.files.usage(call.scope)
    return UsageAnswer(
        tenant=_quota(kept["tenant"], limits, "tenant"),
        user=_quota(kept["user"], limits, "user"),
        session=_quota(kept["session"], limits, "session"),
    )


@api.get("/tenants/me/usage/users", role="admin", errors=(InvalidCursor,))
async def list_users(call: Call, query: UserQuery) -> Page[UserUsage]:
    """What each member keeps in their home, by e-mail address."""
    limits = await call.files.limits(call.scope.tenant)
    page = await usage.homes(call.db, call.actor, removed=query.removed, limit=query.limit, after=query.after)
    items = [
        UserUsage(
            id=home.user.id,
            email=home.user.email,
            name=home.user.name,
            role=home.user.role,
            removed_at=home.user.deleted_at,
            home=_quota(home.kept, limits, "user"),
        )
        for home in page.items
    ]
    return Page(items, page.next)


@api.get("/tenants/me/usage/sessions", role="admin", errors=(InvalidCursor,))
async def list_sessions(call: Call, query: OfUser) -> Page[SessionUsage]:
    """What is kept in each session of the tenant, or in those of one user, the last used first.

    It is all that admins see of others' sessions.
    """
    limits = await call.files.limits(call.scope.tenant)
    page = await usage.workspaces(call.db, call.actor, query.user, limit=query.limit, after=query.after)
    items = [
        SessionUsage(
            id=one.session.id,
            user=one.session.user,
            name=one.session.name,
            created_at=one.session.created_at,
            used_at=one.session.used_at,
            workspace=_quota(one.kept, limits, "session"),
        )
        for one in page.items
    ]
    return Page(items, page.next)


@api.get("/tenants/me/usage/tokens", errors=(InvalidCursor,))
async def list_tokens(call: Call, query: OfUser) -> Page[DayOfTokens]:
    """Tokens of language models by user, day and model, the last day first.

    Of the whole tenant, or of one user, for its admins; else what the caller took.
    """
    page = await usage.tokens(call.db, call.actor, query.user, limit=query.limit, after=query.after)
    items = [
        DayOfTokens(
            user=one.user,
            day=datetime.fromtimestamp(one.day * DAY / 1000, UTC).date().isoformat(),
            model=one.model,
            completions=one.completions,
            input_tokens=one.input,
            output_tokens=one.output,
        )
        for one in page.items
    ]
    return Page(items, page.next)


def _quota(kept: Usage, limits: Limits, owner: Owner) -> Quota:
    return Quota(
        bytes=max(0, kept.bytes),
        files=max(0, kept.files),
        bytes_limit=limits.of(owner, "bytes"),
        files_limit=limits.of(owner, "files"),
    )
