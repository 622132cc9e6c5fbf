"""`/api/v5/auth`: register, login, refresh, logout."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from auth.errors import (
    InvalidCredentials,
    InvitationRejected,
    PasswordsBusy,
    RefreshRejected,
    RegistrationClosed,
    TooManyAttempts,
)
from auth.fields import EMAIL_LIMIT
from auth.service import SignIn
from fdb_provider.errors import RecordExists, RecordNotFound
from fdb_provider.models import Role
from theia_bridge.middleware.authentication import ACCESS_COOKIE, SESSION_LIMIT, set_access_cookie
from theia_bridge.problems import problem_of
from theia_bridge.rest.fields import Email, Name, NewPassword
from theia_bridge.rest.resource import PREFIX, Call, Resource
from theia_bridge.state import ACCOUNTS

PATH = f"{PREFIX}/auth"
"""Where the refresh cookie is sent to."""
REFRESH_COOKIE = "theia_bridge_refresh"
BODY_LIMIT = 16 * 1024
"""Bytes of a request; the longest password takes a quarter of it."""
INVITATION_LIMIT = 200
"""Characters of the code of an invitation; ours have 64."""

api = Resource("auth", "Signing up, in, on and out")


class Register(msgspec.Struct, forbid_unknown_fields=True):
    """`invitation` is the code of an invitation; with it, the user joins the tenant that made it."""

    email: Email
    password: NewPassword
    name: Name
    invitation: Annotated[str, msgspec.Meta(max_length=INVITATION_LIMIT)] | None = None


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code of an invitation."""

    invitation: Annotated[str, msgspec.Meta(max_length=INVITATION_LIMIT)]


class InvitedAnswer(msgspec.Struct, frozen=True):
    """What an invitation is for.

    Args:
        email: the address to register with.
        tenant: name of the tenant that is joined; null for one of one's own.
        expires_at: in milliseconds since 1970.
    """

    email: str
    role: Role
    tenant: str | None
    expires_at: int


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """`session` names the workspace session to sign in to; the last used one without it. Without `remember`
    there is no refresh token and there are no cookies: the sign-in ends with its access token.

    The first and the last become parts of keys, which have a limit. They are refused here, before anything
    is looked up, so that the answer tells nothing about accounts.
    """

    email: Annotated[str, msgspec.Meta(max_length=EMAIL_LIMIT)]
    password: str
    session: Annotated[str, msgspec.Meta(max_length=SESSION_LIMIT)] | None = None
    remember: bool = True


class Logout(msgspec.Struct, forbid_unknown_fields=True):
    """Without a token here, the cookie's counts."""

    refresh_token: str | None = None


class Refresh(Logout, forbid_unknown_fields=True):
    """`session` names the workspace session the access token is for; else it is the one signed in to."""

    session: Annotated[str, msgspec.Meta(max_length=SESSION_LIMIT)] | None = None


class SignedInUser(msgspec.Struct):
    id: str
    email: str
    name: str
    role: Role
    tenant: str


class SignedInSession(msgspec.Struct):
    id: str
    name: str


class SignInAnswer(msgspec.Struct):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    user: SignedInUser
    session: SignedInSession
    token_type: str = "Bearer"  # noqa: S105 - not a password


@api.post(
    "/auth/register",
    status=201,
    public=True,
    errors=(RecordExists, RegistrationClosed, InvitationRejected, TooManyAttempts, PasswordsBusy),
    body_limit=BODY_LIMIT,
)
async def register(call: Call, body: Register) -> SignInAnswer:
    """Makes an account with its first workspace session, and signs in."""
    accounts = call.request.app[ACCOUNTS]
    done = await accounts.register(
        body.email,
        body.password,
        body.name,
        invitation=body.invitation,
        actor=call.actor,
        agent=_agent(call),
    )
    return _signed_in(call, done)


@api.post(
    "/auth/invitation",
    public=True,
    errors=(InvitationRejected, RegistrationClosed, TooManyAttempts),
    body_limit=BODY_LIMIT,
)
async def invitation(call: Call, body: Code) -> InvitedAnswer:
    """What the invitation with a code is for. Codes that are good for nothing are throttled as logins are."""
    found = await call.request.app[ACCOUNTS].invited(body.invitation, actor=call.actor)
    return InvitedAnswer(
        email=found.invitation.email,
        role=found.invitation.role,
        tenant=None if found.tenant is None else found.tenant.name,
        expires_at=found.invitation.expires_at,
    )


@api.post(
    "/auth/login",
    public=True,
    errors=(InvalidCredentials, RecordNotFound, TooManyAttempts, PasswordsBusy),
    body_limit=BODY_LIMIT,
)
async def login(call: Call, body: Login) -> SignInAnswer:
    """Signs in to a workspace session: the one named, or the one last used."""
    accounts = call.request.app[ACCOUNTS]
    done = await accounts.login(
        body.email,
        body.password,
        session=body.session,
        remember=body.remember,
        actor=call.actor,
        agent=_agent(call),
    )
    return _signed_in(call, done)


@api.post("/auth/refresh", public=True, errors=(RefreshRejected, RecordNotFound), body_limit=BODY_LIMIT)
async def refresh(call: Call, body: Refresh | None) -> SignInAnswer | web.Response:
    """Trades a refresh token for a new pair of tokens. Each can be used once."""
    try:
        done = await call.request.app[ACCOUNTS].refresh(
            _refresh_token(call, body),
            session=None if body is None else body.session,
            actor=call.actor,
            agent=_agent(call),
        )
    except RefreshRejected as error:
        response = problem_of(error)
        assert response is not None
        forget_cookies(response)
        return response
    return _signed_in(call, done)


@api.post("/auth/logout", public=True, body_limit=BODY_LIMIT)
async def logout(call: Call, body: Logout | None) -> None:
    """Ends the sign-in that a refresh token belongs to. A token of none is no error."""
    await call.request.app[ACCOUNTS].logout(_refresh_token(call, body), actor=call.actor)
    forget_cookies(call.response)


def _agent(call: Call) -> str:
    return call.request.headers.get("User-Agent", "")


def _refresh_token(call: Call, body: Logout | None) -> str:
    given = None if body is None else body.refresh_token
    return given or call.request.cookies.get(REFRESH_COOKIE, "")


def _signed_in(call: Call, done: SignIn) -> SignInAnswer:
    """The answer to a sign-in, and the cookies of the IDE."""
    if done.refresh_token:
        set_access_cookie(call.request, call.response, done.access_token, done.expires_in)
        call.response.set_cookie(
            REFRESH_COOKIE,
            done.refresh_token,
            max_age=call.request.app[ACCOUNTS].refresh_seconds,
            path=PATH,
            httponly=True,
            samesite="Strict",
            secure=call.request.secure,
        )
    user = done.user
    return SignInAnswer(
        access_token=done.access_token,
        refresh_token=done.refresh_token or None,
        expires_in=done.expires_in,
        user=SignedInUser(user.id, user.email, user.name, user.role, done.tenant),
        session=SignedInSession(done.session.id, done.session.name),
    )


def forget_cookies(response: web.Response) -> None:
    """Takes the cookies of the sign-in out of the browser."""
    response.del_cookie(ACCESS_COOKIE, path="/", httponly=True, samesite="Lax")
    response.del_cookie(REFRESH_COOKIE, path=PATH, httponly=True, samesite="Strict")
