"""The sign-ins of a user, as they see them: where they are signed in, and ending what is not theirs."""

from __future__ import annotations

from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import AuthSession, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import audit, auth_sessions
from fdb_provider.scope import Actor


async def page(db: Database, actor: Actor, *, limit: int, after: str | None = None) -> Page[AuthSession]:
    """The actor's sign-ins that have not ended, the last to expire first: as a rule, the one used last.

    Raises:
        InvalidCursor: `after` is not of this list.
    """
    scope = actor.scope

    async def body(tr: Reader) -> Page[AuthSession]:
        return await auth_sessions.page(tr, scope.tenant, scope.user, now_ms(), limit=limit, after=after)

    return await db.read(body)


async def end(db: Database, actor: Actor, sign_in: str) -> None:
    """Ends one of the actor's sign-ins; its open channels close within a second, on every gateway.

    Raises:
        RecordNotFound: the actor has no such sign-in.
    """
    scope = actor.scope

    async def body(tr: Transaction) -> None:
        family = await auth_sessions.get(tr, scope.tenant, sign_in)
        if family is None or family.user != scope.user:
            raise RecordNotFound("You have no such sign-in.")
        await auth_sessions.revoke(tr, scope.tenant, sign_in)
        audit.record(tr, actor, "auth.revoke", f"sign-in/{sign_in}")

    await db.run(body)


async def end_others(db: Database, actor: Actor, keep: str) -> None:
    """Ends all the actor's sign-ins but `keep`, as `end` does."""
    scope = actor.scope

    async def body(tr: Transaction) -> None:
        ended = await auth_sessions.revoke_all(tr, scope.tenant, scope.user, keep=keep)
        detail = {"ended": str(len(ended))}
        audit.record(tr, actor, "auth.revoke-others", f"sign-in/{keep}", detail=detail)

    await db.run(body)
