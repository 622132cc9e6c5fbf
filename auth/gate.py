"""The gate: nothing is done for a caller before `Gate.authenticate` has returned."""

from __future__ import annotations

from auth.context import UserContext
from auth.errors import Reason, TokenRejected
from auth.tokens import Tokens
from fdb_provider.engine import Database, Reader
from fdb_provider.models import AuthSession
from fdb_provider.repositories import auth_sessions


class Gate:
    """Turns an access token into the caller it stands for."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens

    async def authenticate(self, token: str | None) -> UserContext:
        """The caller behind an access token.

        The sign-in is looked up each time (one read), so a token of a revoked one stops at once on every
        gateway, and no token passes while the store does not answer.

        Raises:
            TokenRejected: with the reason; `MISSING` for None and for an empty token.
            StoreError: the store does not answer.
        """
        if not token:
            raise TokenRejected(Reason.MISSING)
        context = (await self._tokens.verify(token)).context()

        async def look(tr: Reader) -> AuthSession | None:
            return await auth_sessions.get(tr, context.scope.tenant, context.family)

        family = await self._database.read(look)
        if family is None or family.user != context.scope.user:
            raise TokenRejected(Reason.REVOKED)
        return context
