"""Signing up, in, on and out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from auth.context import UserContext
from auth.device import described
from auth.errors import InvalidCredentials, InvalidFields, RefreshRejected
from auth.passwords import Passwords
from auth.refresh import REFRESH_SECONDS, RefreshToken
from auth.throttle import Throttle
from auth.tokens import Tokens
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.models import AuthSession, User, WorkspaceSession, email_key, new_id, now_ms
from fdb_provider.repositories import accounts, audit, auth_sessions, workspace_sessions
from fdb_provider.scope import ANYBODY, Actor, Scope

EMAIL_LIMIT = 254
"""Characters of an e-mail address (RFC 5321, 4.5.3.1.3, less the angle brackets)."""
PASSWORD_LIMITS = 8, 1024
"""Characters of a password: at least 8 (NIST SP 800-63B, 5.1.1.2), and few enough to hash."""
NAME_LIMIT = 200

# Deliberately simple: something, an @, and a host name of labels; only delivery can tell more.
_EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f\"(),:;<>\[\]\\]{1,64}@[^\W_](?:[\w-]{0,62}[^\W_])?(?:\.[^\W_](?:[\w-]{0,62}[^\W_])?)*"
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a caller has after signing up, in or on."""

    tenant: str
    user: User
    session: WorkspaceSession
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An access token for one workspace session; the sign-in it belongs to is prolonged as before."""

    session: WorkspaceSession
    access_token: str = field(repr=False)
    expires_in: int


class Accounts:
    """The operations behind the auth resource.

    Args:
        refresh_seconds: the life of a refresh token.
        prepare: fills the first workspace session of a new account, in the transaction that makes it.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        tokens: Tokens,
        throttle: Throttle,
        *,
        refresh_seconds: int = REFRESH_SECONDS,
        prepare: accounts.Prepare | None = None,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = throttle
        self._prepare = prepare
        self.refresh_seconds = refresh_seconds

    async def register(
        self, email: str, password: str, name: str, *, actor: Actor = ANYBODY, agent: str = ""
    ) -> SignIn:
        """Makes a tenant with its first user and workspace session, and signs the user in.

        Args:
            actor: the caller, whose address counts for the limit on failures.
            agent: the program that calls, by its own account (`User-Agent`); here and below.

        Raises:
            InvalidFields: a field is not acceptable.
            RecordExists: the e-mail address has an account already (this counts as a failure).
            TooManyAttempts, PasswordsBusy, StoreError
        """
        name = name.strip()
        check_fields(email=email, password=password, name=name)
        async with self._throttle.attempt(account=None, address=actor.address or None) as attempt:
            new = accounts.registration(email, name, await self._passwords.hash(password))
            refresh = RefreshToken.new(new.tenant.id, new_id())
            family = self._family(refresh, new.scope, new.user.created_at, actor, agent)

            async def body(tr: Transaction) -> None:
                await accounts.register(tr, new, self._prepare)
                await auth_sessions.create(tr, new.tenant.id, family)
                audit.record(tr, actor.within(new.scope), "auth.register", _resource(family.id))

            try:
                await self._database.run(body)
            except RecordExists:
                await attempt.failed()
                raise
        return await self._sign_in(new.scope, new.user, new.session, refresh)

    async def login(
        self,
        email: str,
        password: str,
        *,
        session: str | None = None,
        actor: Actor = ANYBODY,
        agent: str = "",
    ) -> SignIn:
        """Signs a user in to a workspace session: the one asked for, or the last used.

        Raises:
            InvalidCredentials: unknown account or wrong password; the two cannot be told apart.
            RecordNotFound: the password is right, but the user has no such session.
            TooManyAttempts, PasswordsBusy, StoreError
        """

        async def find(tr: Reader) -> tuple[str, User] | None:
            return await accounts.by_email(tr, email)

        async with self._throttle.attempt(account=email_key(email), address=actor.address or None) as attempt:
            found = await self._database.read(find)
            stored = found[1].password_hash if found is not None else None
            if not await self._passwords.verify(stored, password) or found is None:
                await attempt.failed()
                raise InvalidCredentials(None if found is None else Scope(found[0], found[1].id, ""))
            await attempt.succeeded()
        tenant, user = found
        rehashed = None
        if self._passwords.outdated(user.password_hash):
            rehashed = await self._passwords.hash(password)
        now = now_ms()
        refresh = RefreshToken.new(tenant, new_id())

        async def body(tr: Transaction) -> tuple[User, WorkspaceSession] | None:
            current = await accounts.user(tr, tenant, user.id)
            if current is None or current.password_hash != user.password_hash:
                return None
            target = session
            if target is None:
                target = (await self._last_used(tr, tenant, user.id)).id
            used = await workspace_sessions.touch(tr, Scope(tenant, user.id, target), now)
            scope = Scope(tenant, user.id, used.id)
            await auth_sessions.create(tr, tenant, self._family(refresh, scope, now, actor, agent))
            if rehashed is not None:
                await accounts.set_password_hash(tr, tenant, user.id, rehashed, was=user.password_hash)
            audit.record(tr, actor.within(scope), "auth.login", _resource(refresh.family))
            return current, used

        done = await self._database.run(body)
        if done is None:  # the password was changed, or the user removed, since it was checked
            return await self.login(email, password, session=session, actor=actor, agent=agent)
        user, used = done
        return await self._sign_in(Scope(tenant, user.id, used.id), user, used, refresh)

    async def refresh(
        self, refresh_token: str, *, session: str | None = None, actor: Actor = ANYBODY, agent: str = ""
    ) -> SignIn:
        """Trades a refresh token for a new pair. Trading one twice ends its sign-in, but for the few seconds
        of `auth_sessions.GRACE_MS`, in which tabs and lost answers do so without a thief.

        Args:
            session: the workspace session the access token is for, as `open` gives them; without it, the one
                that was signed in to.

        Raises:
            RefreshRejected: the token is unknown, expired, revoked or used.
            RecordNotFound: the user has no such session; the refresh token was not used.
            StoreError
        """
        used = RefreshToken.parse(refresh_token)
        fresh = RefreshToken.new(used.tenant, used.family)
        now = now_ms()

        # Returns None rather than raising when the token is refused: the revocation must be committed.
        async def body(tr: Transaction) -> tuple[User, WorkspaceSession] | None:
            family = await auth_sessions.get(tr, used.tenant, used.family)
            if family is None or family.expires_at <= now:
                return None
            scope = Scope(used.tenant, family.user, family.session)
            family = auth_sessions.rotated(
                family,
                used=used.digest,
                fresh=fresh.digest,
                now=now,
                expires_at=now + self.refresh_seconds * 1000,
            )
            if family is None:
                await auth_sessions.revoke(tr, used.tenant, used.family)
                audit.record(tr, actor.within(scope), "auth.reuse", _resource(used.family))
                return None
            user = await accounts.user(tr, used.tenant, family.user)
            if user is None:
                await auth_sessions.revoke(tr, used.tenant, used.family)
                return None
            if session is not None:
                opened = await workspace_sessions.get(tr, replace(scope, session=session))
            else:  # when its own was deleted, it goes on in the one used last
                opened = await workspace_sessions.find(tr, scope) or await self._last_used(
                    tr, used.tenant, user.id
                )
                family = msgspec.structs.replace(family, session=opened.id)
            await auth_sessions.put(tr, used.tenant, described(family, actor, agent))
            audit.record(tr, actor.within(scope), "auth.refresh", _resource(used.family))
            return user, opened

        found = await self._database.run(body)
        if found is None:
            raise RefreshRejected
        user, opened = found
        return await self._sign_in(Scope(used.tenant, user.id, opened.id), user, opened, fresh)

    async def open(self, user: UserContext, session: str) -> Opened:
        """A token of the caller's sign-in for another workspace session of theirs, which counts as used.

        The token stands while the sign-in and the session do. The tokens that follow from the refresh token
        are for the session that was signed in to, unless `refresh` is told otherwise.

        Raises:
            RecordNotFound: the user has no such session.
            StoreError
        """
        scope = Scope(user.scope.tenant, user.scope.user, session)

        async def body(tr: Transaction) -> WorkspaceSession:
            return await workspace_sessions.touch(tr, scope, now_ms())

        opened = await self._database.run(body)
        token, _ = await self._tokens.issue(scope, user.role, user.family)
        return Opened(opened, token, self._tokens.seconds)

    async def logout(self, refresh_token: str, *, actor: Actor = ANYBODY) -> None:
        """Ends the sign-in a refresh token belongs to; it may be the one before the valid one.

        Any other token changes nothing and is no error: the caller is signed out either way. So whoever
        has learnt a family's id alone, which access tokens tell, cannot end it.
        """
        try:
            token = RefreshToken.parse(refresh_token)
        except RefreshRejected:
            return

        async def body(tr: Transaction) -> None:
            family = await auth_sessions.get(tr, token.tenant, token.family)
            if family is not None and auth_sessions.holds(family, token.digest):
                await auth_sessions.revoke(tr, token.tenant, token.family)
                scope = Scope(token.tenant, family.user, family.session)
                audit.record(tr, actor.within(scope), "auth.logout", _resource(token.family))

        await self._database.run(body)

    async def _last_used(self, tr: Transaction, tenant: str, user: str) -> WorkspaceSession:
        """The user's workspace session used last; a new one when all were deleted."""
        recent = await workspace_sessions.recent(tr, tenant, user, limit=1)
        if recent:
            return recent[0]
        made = accounts.first_session(user)
        await workspace_sessions.create(tr, tenant, made)
        if self._prepare is not None:
            await self._prepare(tr, Scope(tenant, user, made.id))
        return made

    def _family(self, refresh: RefreshToken, scope: Scope, now: int, actor: Actor, agent: str) -> AuthSession:
        """The record of a new sign-in with its first refresh token."""
        family = AuthSession(
            id=refresh.family,
            user=scope.user,
            session=scope.session,
            secret_hash=refresh.digest,
            created_at=now,
            used_at=now,
            expires_at=now + self.refresh_seconds * 1000,
        )
        return described(family, actor, agent)

    async def _sign_in(
        self, scope: Scope, user: User, session: WorkspaceSession, refresh: RefreshToken
    ) -> SignIn:
        token, _ = await self._tokens.issue(scope, user.role, refresh.family)
        return SignIn(scope.tenant, user, session, token, str(refresh), self._tokens.seconds)


def _resource(family: str) -> str:
    """A sign-in, as the audit names it."""
    return f"sign-in/{family}"


def check_fields(*, email: str, password: str, name: str) -> None:
    """Raises: InvalidFields: with what is wrong with each field that cannot be accepted."""
    wrong: Mapping[str, str | None] = {
        "email": None
        if len(email) <= EMAIL_LIMIT and _EMAIL.fullmatch(email.strip())
        else "Enter an e-mail address like name@example.com.",
        "password": None
        if PASSWORD_LIMITS[0] <= len(password) <= PASSWORD_LIMITS[1]
        else f"Use between {PASSWORD_LIMITS[0]} and {PASSWORD_LIMITS[1]:,} characters.",
        "name": None
        if name.strip()
        and len(name) <= NAME_LIMIT
        and not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
        else f"Enter a name of at most {NAME_LIMIT} characters.",
    }
    if fields := {field: message for field, message in wrong.items() if message is not None}:
        raise InvalidFields(fields)
