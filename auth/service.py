"""Signing up, in, on and out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from auth import invitations
from auth.codes import InvitationCode
from auth.context import UserContext
from auth.device import described
from auth.errors import (
    InvalidCredentials,
    InvitationRejected,
    RefreshRejected,
    RegistrationClosed,
)
from auth.fields import check_fields
from auth.invitations import Standing
from auth.keys import LEEWAY_SECONDS
from auth.passwords import Passwords
from auth.refresh import REFRESH_SECONDS, RefreshToken
from auth.throttle import Throttle
from auth.tokens import Tokens
from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.models import (
    AuthSession,
    User,
    WorkspaceSession,
    email_key,
    new_id,
    now_ms,
)
from fdb_provider.repositories import accounts, audit, auth_sessions, workspace_sessions
from fdb_provider.scope import ANYBODY, Actor, Scope

RegistrationMode = Literal["open", "invitation", "closed"]
"""Who may make an account: everybody, whoever was invited, or nobody."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a caller has after signing up, in or on; the refresh token is "" where there is to be none."""

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
        registration: who may make an account.
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
        registration: RegistrationMode = "open",
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = throttle
        self._prepare = prepare
        self._registration = registration
        self.refresh_seconds = refresh_seconds

    async def register(
        self,
        email: str,
        password: str,
        name: str,
        *,
        invitation: str | None = None,
        actor: Actor = ANYBODY,
        agent: str = "",
    ) -> SignIn:
        """Makes a user with a first workspace session, and signs them in.

        They get a tenant of their own, or become a member of the one that invited them.

        Args:
            invitation: the code of an invitation.
            actor: the caller, whose address counts for the limit on failures.
            agent: the program that calls, by its own account (`User-Agent`); here and below.

        Raises:
            RegistrationClosed: accounts are not made here, or only by invitation.
            InvalidFields: a field is not acceptable, or the invitation is for another e-mail address.
            InvitationRejected: the code is good for nothing (this counts as a failure).
            RecordExists: the e-mail address has an account already (this counts as a failure).
            TooManyAttempts, PasswordsBusy, StoreError
        """
        if self._registration == "closed" or (self._registration == "invitation" and invitation is None):
            raise RegistrationClosed(self._registration)
        name = name.strip()
        check_fields(email=email, password=password, name=name)
        async with self._throttle.attempt(account=None, address=actor.address or None) as attempt:
            try:
                joined, refresh = await self._register(email, password, name, invitation, actor, agent)
            except (RecordExists, InvitationRejected):
                await attempt.failed()
                raise
        return await self._sign_in(joined.scope, joined.user, joined.session, refresh)

    async def _register(
        self, email: str, password: str, name: str, invitation: str | None, actor: Actor, agent: str
    ) -> tuple[accounts.Registration, RefreshToken]:
        code = None if invitation is None else InvitationCode.parse(invitation)
        if code is not None:  # before a password is hashed for nothing
            await self._database.read(lambda tr: invitations.standing(tr, code))
        new = accounts.registration(email, name, await self._passwords.hash(password))
        tenant = new.tenant.id if code is None or code.tenant == keyspace.SYSTEM else code.tenant
        refresh = RefreshToken.new(tenant, new_id())
        family = self._family(refresh, new.scope, new.user.created_at, actor, agent)

        async def body(tr: Transaction) -> accounts.Registration:
            if code is None:
                joined = new
                await accounts.register(tr, new, self._prepare)
            else:
                joined = await invitations.accept(tr, actor, code, new, self._prepare)
            await auth_sessions.create(tr, tenant, family)
            audit.record(tr, actor.within(joined.scope), "auth.register", _resource(family.id))
            return joined

        return await self._database.run(body), refresh

    async def invited(self, invitation: str, *, actor: Actor = ANYBODY) -> Standing:
        """What an invitation is for, to be shown to whoever has its code.

        Raises:
            RegistrationClosed: accounts are not made here.
            InvitationRejected: the code is good for nothing (this counts as a failure).
            TooManyAttempts, StoreError
        """
        if self._registration == "closed":
            raise RegistrationClosed(self._registration)
        async with self._throttle.attempt(account=None, address=actor.address or None) as attempt:
            try:
                code = InvitationCode.parse(invitation)
                return await self._database.read(lambda tr: invitations.standing(tr, code))
            except InvitationRejected:
                await attempt.failed()
                raise

    async def login(
        self,
        email: str,
        password: str,
        *,
        session: str | None = None,
        remember: bool = True,
        actor: Actor = ANYBODY,
        agent: str = "",
    ) -> SignIn:
        """Signs a user in to a workspace session: the one asked for, or the last used.

        Args:
            remember: else there is no refresh token, and the sign-in ends with its access token.

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
            family = self._family(refresh, scope, now, actor, agent)
            if not remember:
                ends = now + (self._tokens.seconds + LEEWAY_SECONDS) * 1000
                family = msgspec.structs.replace(family, expires_at=ends)
            await auth_sessions.create(tr, tenant, family)
            if rehashed is not None:
                await accounts.set_password_hash(tr, tenant, user.id, rehashed, was=user.password_hash)
            audit.record(tr, actor.within(scope), "auth.login", _resource(refresh.family))
            return current, used

        done = await self._database.run(body)
        if done is None:  # the password was changed, or the user removed, since it was checked
            return await self.login(
                email, password, session=session, remember=remember, actor=actor, agent=agent
            )
        user, used = done
        return await self._sign_in(Scope(tenant, user.id, used.id), user, used, refresh, remember=remember)

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
                opened = await workspace_sessions.get(tr, Scope(used.tenant, family.user, session))
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

    async def open(self, user: UserContext, session: str, *, actor: Actor | None = None) -> Opened:
        """A token of the caller's sign-in for another workspace session of theirs, which counts as used.

        The token stands while the sign-in and the session do. The tokens that follow from the refresh token
        are for the session that was signed in to, unless `refresh` is told otherwise.

        Args:
            actor: the caller, as the audit tells of them.

        Raises:
            RecordNotFound: the user has no such session.
            StoreError
        """
        opened = await self.use(actor or Actor(user.scope), session)
        scope = Scope(user.scope.tenant, user.scope.user, session)
        token, _ = await self._tokens.issue(scope, user.role, user.family)
        return Opened(opened, token, self._tokens.seconds)

    async def use(self, actor: Actor, session: str) -> WorkspaceSession:
        """One of the actor's workspace sessions, which counts as used now.

        Raises:
            RecordNotFound: they have no such session.
            StoreError
        """
        scope = Scope(actor.scope.tenant, actor.scope.user, session)

        async def body(tr: Transaction) -> WorkspaceSession:
            used = await workspace_sessions.touch(tr, scope, now_ms())
            audit.record(tr, actor, "session.open", f"session/{session}")
            return used

        return await self._database.run(body)

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
        self,
        scope: Scope,
        user: User,
        session: WorkspaceSession,
        refresh: RefreshToken,
        *,
        remember: bool = True,
    ) -> SignIn:
        token, _ = await self._tokens.issue(scope, user.role, refresh.family)
        again = str(refresh) if remember else ""
        return SignIn(scope.tenant, user, session, token, again, self._tokens.seconds)


def _resource(family: str) -> str:
    """A sign-in, as the audit names it."""
    return f"sign-in/{family}"
