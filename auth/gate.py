"""The gate: nothing is done for a caller before `Gate.authenticate` has returned."""

from __future__ import annotations

from dataclasses import replace

from auth.context import UserContext
from auth.errors import Reason, TokenRejected
from auth.tokens import Tokens
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import AuthSession, User, WorkspaceSession
from fdb_provider.repositories import accounts, auth_sessions, workspace_sessions
from fdb_provider.scope import Scope


class Gate:
    """Turns an access token into the caller it stands for."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens

    async def authenticate(self, token: str | None, session: str | None = None) -> UserContext:
        """The caller behind an access token.

        What it stands for is looked up each time, so a token of a revoked sign-in, a removed user or a
        deleted session stops at once on every gateway, and none passes while the store does not answer.

        Args:
            session: the caller's workspace session they want to act in, instead of the token's, which may
                then be gone. It takes no more than `Accounts.open` asks for a token for it.

        Raises:
            TokenRejected: with the reason; `MISSING` for None and for an empty token.
            RecordNotFound: they have no such session.
            StoreError: the store does not answer.
        """
        if not token:
            raise TokenRejected(Reason.MISSING)
        caller = (await self._tokens.verify(token)).context()
        if session is None or session == caller.scope.session:
            return await self.review(caller)
        scope = Scope(caller.scope.tenant, caller.scope.user, session)
        try:
            return await self.review(replace(caller, scope=scope))
        except TokenRejected as error:
            if error.reason is Reason.SESSION_GONE:
                raise RecordNotFound("You have no such session.") from None
            raise

    async def review(self, caller: UserContext) -> UserContext:
        """A caller who was let in, as the store has them now: with the role of the user's record.

        Raises:
            TokenRejected: the sign-in has ended, the user is gone, or the session is not theirs.
            StoreError: the store does not answer.
        """
        tenant, scope = caller.scope.tenant, caller.scope

        async def look(tr: Reader) -> tuple[AuthSession | None, User | None, WorkspaceSession | None]:
            family = auth_sessions.FAMILIES.get(tr, tenant, caller.family)
            user = accounts.USERS.get(tr, tenant, scope.user)
            session = workspace_sessions.SESSIONS.get(tr, tenant, scope.session)
            return await family, await user, await session

        family, user, session = await self._database.read(look)
        if family is None or family.user != scope.user or user is None:
            raise TokenRejected(Reason.REVOKED)
        if session is None or session.user != scope.user:
            raise TokenRejected(Reason.SESSION_GONE)
        return replace(caller, role=user.role)
