"""Sign-ins of workspace runtimes: each has one of its own, with the rights of its session's user.

Their tokens are for another audience than those of people, so neither passes for the other. As sign-ins they
end with everything that ends those: a new password, the user's removal, signing out everywhere.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import msgspec

from auth.errors import Reason, TokenRejected
from auth.keys import LEEWAY_SECONDS
from auth.tokens import Tokens
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import NoPermissions
from fdb_provider.models import AuthSession, User, WorkspaceSession, at_least, new_id, now_ms
from fdb_provider.repositories import accounts, audit, auth_sessions, workspace_sessions
from fdb_provider.scope import Actor, Scope

AUDIENCE = "/workspace"
"""What the audience of their tokens has at its end."""
AGENT = "Theia Bridge workspace"
"""What their sign-ins are listed as."""


@dataclass(frozen=True, slots=True)
class RuntimeSignIn:
    """A runtime's sign-in, and the access token it has now; `expires_at` is in seconds since 1970."""

    family: str
    token: str = field(repr=False)
    expires_at: int


class RuntimeSignIns:
    """Opens, prolongs and ends them.

    Args:
        tokens: of the runtimes' own audience.
    """

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens

    async def open(self, actor: Actor) -> RuntimeSignIn:
        """A sign-in for the runtime of the actor's session.

        Raises:
            RecordNotFound: the user has no such session.
            NoPermissions: the user only reads.
            StoreError
        """
        scope, family = actor.scope, new_id()

        async def body(tr: Transaction) -> User:
            user = await accounts.user(tr, scope.tenant, scope.user)
            await workspace_sessions.get(tr, scope)
            if user is None or not at_least(user.role, "member"):
                raise NoPermissions("You are a viewer in this tenant: you may read, but not run programs.")
            now = now_ms()
            record = AuthSession(
                id=family,
                user=scope.user,
                session=scope.session,
                secret_hash=secrets.token_bytes(
                    32
                ),  # of no secret that anybody has: it is prolonged here only
                created_at=now,
                used_at=now,
                expires_at=self._ends(now),
                agent=AGENT,
            )
            await auth_sessions.create(tr, scope.tenant, record)
            audit.record(tr, actor, "workspace.start", f"session/{scope.session}")
            return user

        user = await self._database.run(body)
        return await self._issue(scope, user, family)

    async def renew(self, scope: Scope, family: str) -> RuntimeSignIn:
        """Prolongs one, with a newer token.

        Raises:
            TokenRejected: it has ended.
            StoreError
        """

        async def body(tr: Transaction) -> User | None:
            record = await auth_sessions.get(tr, scope.tenant, family)
            user = await accounts.user(tr, scope.tenant, scope.user)
            if record is None or user is None or not at_least(user.role, "member"):
                return None
            now = now_ms()
            record = msgspec.structs.replace(record, used_at=now, expires_at=self._ends(now))
            await auth_sessions.put(tr, scope.tenant, record)
            return user

        user = await self._database.run(body)
        if user is None:
            raise TokenRejected(Reason.REVOKED)
        return await self._issue(scope, user, family)

    async def end(self, actor: Actor, family: str) -> None:
        """Ends one, if it has not ended yet."""
        scope = actor.scope

        async def body(tr: Transaction) -> None:
            await auth_sessions.revoke(tr, scope.tenant, family)
            audit.record(tr, actor, "workspace.stop", f"session/{scope.session}")

        await self._database.run(body)

    async def known(self, tenant: str, session: str) -> bool:
        """Whether a session is there, or may come back. Raises `StoreError`."""

        async def body(tr: Reader) -> WorkspaceSession | None:
            return await workspace_sessions.SESSIONS.get(tr, tenant, session, deleted=True)

        return await self._database.read(body) is not None

    async def _issue(self, scope: Scope, user: User, family: str) -> RuntimeSignIn:
        token, claims = await self._tokens.issue(scope, user.role, family)
        return RuntimeSignIn(family, token, claims.exp)

    def _ends(self, now: int) -> int:
        return now + (self._tokens.seconds + LEEWAY_SECONDS) * 1000
