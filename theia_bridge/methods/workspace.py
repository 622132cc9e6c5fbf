"""`workspace.*`: the session the caller works in."""

from __future__ import annotations

from fdb_provider.engine import Reader
from fdb_provider.errors import RecordNotFound
from fdb_provider.files.usage import OWNERS
from fdb_provider.models import User, WorkspaceSession
from fdb_provider.repositories import accounts, workspace_sessions
from rpc import ChannelClosed, Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.protocol import Quota, WorkspaceInfo, WorkspaceUsage
from theia_bridge.workspace.errors import WorkspaceUnavailable
from theia_bridge.workspace.mirror.protocol import (
    DID_CONFLICT,
    DID_REFUSE,
    MirrorConflict,
    MirrorRefusal,
    MirrorSettled,
)
from theia_bridge.workspace.protocol import WorkspaceRuntime

registry: Registry[Context] = Registry()
registry.notification(
    "workspace.didChangeRuntime",
    WorkspaceRuntime,
    "The runtime of the session has started, ended or changed.",
)
registry.notification("mirror.didConflict", MirrorConflict, DID_CONFLICT)
registry.notification("mirror.didRefuse", MirrorRefusal, DID_REFUSE)


@registry.method("workspace.info")
async def info(context: Context) -> WorkspaceInfo:
    """The session this channel works on, and who is working."""
    scope = context.user.scope

    async def body(tr: Reader) -> tuple[WorkspaceSession, User | None]:
        return await workspace_sessions.get(tr, scope), await accounts.user(tr, scope.tenant, scope.user)

    session, user = await context.db.read(body)
    if user is None:
        raise RecordNotFound("your account was deleted")
    return WorkspaceInfo(
        session=session.id,
        session_name=session.name,
        user=user.id,
        user_name=user.name,
        role=user.role,
        roots=["/workspace", "/home"],
        max_frame=context.max_frame,
    )


@registry.method("workspace.usage")
async def usage(context: Context) -> WorkspaceUsage:
    """How much the session, the user and the tenant keep, and how much they may."""
    used, limits = await context.files.usage(context.user.scope)
    session, user, tenant = (
        Quota(
            bytes=max(0, used[owner].bytes),
            files=max(0, used[owner].files),
            bytes_limit=limits.of(owner, "bytes"),
            files_limit=limits.of(owner, "files"),
        )
        for owner in OWNERS
    )
    return WorkspaceUsage(session=session, user=user, tenant=tenant)


@registry.method("workspace.runtime")
async def runtime(context: Context) -> WorkspaceRuntime:
    """How the runtime is that runs this session's terminals and language servers; it is not started."""
    return await context.runtimes.describe(context.user.scope)


@registry.method("workspace.start", shielded=True)
async def start(context: Context) -> WorkspaceRuntime:
    """Starts the runtime of this session unless it runs, and answers when it does."""
    started = await context.runtimes.of(context.user.scope, context.actor)
    return await started.describe()


@registry.method("workspace.stop", shielded=True)
async def stop(context: Context) -> WorkspaceRuntime:
    """Stops the runtime of this session: its programs end, after what they wrote is stored."""
    await context.runtimes.stop(context.user.scope)
    return await context.runtimes.describe(context.user.scope)


@registry.method("workspace.sync")
async def sync(context: Context) -> MirrorSettled:
    """Answers when the runtime's disk and the store are equal in all that was there before the call.

    Without a runtime there is nothing to wait for.
    """
    running = context.runtimes.get(context.user.scope)
    if running is None:
        return MirrorSettled(refused=0, refusals=[])
    await running.ready()
    try:
        return await running.rpc.call("mirror.settle", None, MirrorSettled)
    except ChannelClosed:
        raise WorkspaceUnavailable("The workspace has ended. Try again in a moment.") from None
