"""`sessions.*`: the caller's workspace sessions, of which the channel works on one."""

from __future__ import annotations

from collections.abc import Sequence

from fdb_provider.files.usage import Usage
from fdb_provider.models import WorkspaceSession
from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.session_changes import DID_CHANGE, SessionsChanged
from theia_bridge.methods.sessions_protocol import (
    CreateSessionParams,
    ForkSessionParams,
    ListSessionsParams,
    RelatedSession,
    RelatedSessions,
    RelatedSessionsParams,
    Session,
    SessionList,
    SessionParams,
    SessionReason,
    UpdateSessionParams,
)
from theia_bridge.services import sessions, usage
from theia_bridge.services.sessions import Change, Details

registry: Registry[Context] = Registry()
registry.notification(
    DID_CHANGE,
    SessionsChanged,
    "One of the caller's sessions was made, changed, opened, deleted or restored. Told to channels that have "
    "called `sessions.list` or `sessions.get`.",
)


@registry.method("sessions.list")
async def list_sessions(context: Context, params: ListSessionsParams) -> SessionList:
    """The caller's sessions."""
    context.session_changes.follow(context.user.scope)
    page = await sessions.page(
        context.db,
        context.actor,
        order=params.sort,
        search=params.search,
        tag=params.tag,
        parent=params.parent,
        deleted=params.deleted,
        limit=params.limit,
        after=params.after,
    )
    return SessionList(items=await _with_sizes(context, page.items), next=page.next)


@registry.method("sessions.get")
async def get(context: Context, params: SessionParams) -> Session:
    """One of them."""
    context.session_changes.follow(context.user.scope)
    return await _with_size(context, await sessions.get(context.db, context.actor, params.session))


@registry.method("sessions.create", shielded=True)
async def create(context: Context, params: CreateSessionParams) -> Session:
    """Makes a session with nothing in it."""
    details = Details(params.name, tuple(params.tags), params.description)
    return _told(await sessions.create(context.db, context.files, context.actor, details), Usage(0, 0))


@registry.method("sessions.update", shielded=True)
async def update(context: Context, params: UpdateSessionParams) -> Session:
    """Changes name, tags or description."""
    change = Change(
        name=params.name,
        tags=None if params.tags is None else tuple(params.tags),
        description=params.description,
    )
    changed = await sessions.update(context.db, context.actor, params.session, change)
    return await _with_size(context, changed)


@registry.method("sessions.delete", shielded=True)
async def delete(context: Context, params: SessionParams) -> None:
    """Puts a session into the trash. What is open in it is closed on every gateway, perhaps this channel."""
    await sessions.delete(context.db, context.actor, params.session)


@registry.method("sessions.restore", shielded=True)
async def restore(context: Context, params: SessionParams) -> Session:
    """Brings a deleted session back as it was."""
    restored = await sessions.restore(context.db, context.files, context.actor, params.session)
    return await _with_size(context, restored)


@registry.method("sessions.fork", shielded=True)
async def fork(context: Context, params: ForkSessionParams) -> Session:
    """Makes a session with the files another one has at this instant, whoever writes to it meanwhile."""
    made = await sessions.fork(context.db, context.files, context.actor, params.session, name=params.name)
    return await _with_size(context, made)


@registry.method("sessions.related")
async def related(context: Context, params: RelatedSessionsParams) -> RelatedSessions:
    """The caller's sessions that have something in common with one, and what that is."""
    found = await context.related.find(sessions.within(context.actor, params.session), limit=params.limit)
    told = await _with_sizes(context, [one.session for one in found])
    return RelatedSessions(
        items=[
            RelatedSession(
                session=session,
                score=round(one.score, 3),
                reasons=[
                    SessionReason(kind=why.kind, detail=why.detail, score=round(why.score, 3))
                    for why in one.reasons
                ],
            )
            for session, one in zip(told, found, strict=True)
        ]
    )


async def _with_size(context: Context, session: WorkspaceSession) -> Session:
    return (await _with_sizes(context, [session]))[0]


async def _with_sizes(context: Context, found: Sequence[WorkspaceSession]) -> list[Session]:
    kept = await usage.kept_by(context.db, context.user.scope.tenant, found)
    return [_told(*pair) for pair in zip(found, kept, strict=True)]


def _told(session: WorkspaceSession, kept: Usage) -> Session:
    return Session(
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
        bytes=max(0, kept.bytes),
        files=max(0, kept.files),
    )
