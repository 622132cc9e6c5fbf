"""`/api/v5/auth`: register, login, refresh, logout."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from auth.errors import InvalidFields, RefreshRejected
from auth.service import EMAIL_LIMIT, Accounts, SignIn
from fdb_provider.models import Role
from fdb_provider.scope import NOBODY, Actor
from theia_bridge.middleware.authentication import ACCESS_COOKIE, public, set_access_cookie
from theia_bridge.problems import problem_of

PATH = "/api/v5/auth"
REFRESH_COOKIE = "theia_bridge_refresh"
BODY_LIMIT = 16 * 1024
"""Bytes of a request; the longest password takes a quarter of it."""
SESSION_LIMIT = 64
"""Characters of a workspace session's id; ours have 20 (`new_id`)."""

ACCOUNTS: web.AppKey[Accounts] = web.AppKey("accounts", Accounts)


class Register(msgspec.Struct):
    email: str
    password: str
    name: str


class Login(msgspec.Struct):
    """`session` names the workspace session to sign in to; the last used one without it.

    The first and the last become parts of keys, which have a limit. They are refused here, before anything
    is looked up, so that the answer tells nothing about accounts.
    """

    email: Annotated[str, msgspec.Meta(max_length=EMAIL_LIMIT)]
    password: str
    session: Annotated[str, msgspec.Meta(max_length=SESSION_LIMIT)] | None = None


class Refresh(msgspec.Struct):
    """Also of logout. Without a token here, the cookie's counts."""

    refresh_token: str | None = None


class UserAnswer(msgspec.Struct):
    id: str
    email: str
    name: str
    role: Role
    tenant: str


class SessionAnswer(msgspec.Struct):
    id: str
    name: str


class SignInAnswer(msgspec.Struct):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: UserAnswer
    session: SessionAnswer
    token_type: str = "Bearer"  # noqa: S105 - not a password


T = TypeVar("T")


def setup_auth_routes(app: web.Application, accounts: Accounts) -> None:
    """Adds the routes."""
    app[ACCOUNTS] = accounts
    app.router.add_post(f"{PATH}/register", register)
    app.router.add_post(f"{PATH}/login", login)
    app.router.add_post(f"{PATH}/refresh", refresh)
    app.router.add_post(f"{PATH}/logout", logout)


@public
async def register(request: web.Request) -> web.Response:
    form = await _body(request, Register)
    accounts = request.app[ACCOUNTS]
    done = await accounts.register(form.email, form.password, form.name, actor=_actor(request))
    return _signed_in(request, done, status=201)


@public
async def login(request: web.Request) -> web.Response:
    form = await _body(request, Login)
    done = await request.app[ACCOUNTS].login(
        form.email, form.password, session=form.session, actor=_actor(request)
    )
    return _signed_in(request, done)


@public
async def refresh(request: web.Request) -> web.Response:
    try:
        done = await request.app[ACCOUNTS].refresh(await _refresh_token(request), actor=_actor(request))
    except RefreshRejected as error:
        response = problem_of(error)
        assert response is not None
        _forget(response)
        return response
    return _signed_in(request, done)


@public
async def logout(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].logout(await _refresh_token(request), actor=_actor(request))
    response = web.Response(status=204, headers={"Cache-Control": "no-store"})
    _forget(response)
    return response


def _actor(request: web.Request) -> Actor:
    return Actor(NOBODY, address=request.remote or "")


async def _refresh_token(request: web.Request) -> str:
    form = await _body(request, Refresh) if request.body_exists else Refresh()
    return form.refresh_token or request.cookies.get(REFRESH_COOKIE, "")


async def _body(request: web.Request, form: type[T]) -> T:
    # Also keeps the forms of other sites out: without a preflight they cannot send this type.
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send the body as application/json.")
    raw = await request.content.read(BODY_LIMIT + 1) if request.can_read_body else b""
    while len(raw) <= BODY_LIMIT and (more := await request.content.read(BODY_LIMIT + 1)):
        raw += more
    if len(raw) > BODY_LIMIT:
        raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, len(raw))
    try:
        return msgspec.json.decode(raw, type=form)
    except msgspec.ValidationError as error:
        # msgspec names the field in its message: "… missing required field `x`" or "… - at `$.x`"
        named = re.search(r"field `(\w+)`|`\$\.(\w+)", str(error))
        if named is None:
            raise web.HTTPBadRequest(text=f"The body is not as expected: {error}.") from None
        detail, _, _ = str(error).partition(" - at ")
        raise InvalidFields({named[1] or named[2]: f"{detail}."}) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise web.HTTPBadRequest(text="The body is not valid JSON.") from None


def _signed_in(request: web.Request, done: SignIn, status: int = 200) -> web.Response:
    user = done.user
    answer = SignInAnswer(
        access_token=done.access_token,
        refresh_token=done.refresh_token,
        expires_in=done.expires_in,
        user=UserAnswer(user.id, user.email, user.name, user.role, done.tenant),
        session=SessionAnswer(done.session.id, done.session.name),
    )
    response = web.Response(
        status=status,
        body=msgspec.json.encode(answer),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
    set_access_cookie(request, response, done.access_token, done.expires_in)
    response.set_cookie(
        REFRESH_COOKIE,
        done.refresh_token,
        max_age=request.app[ACCOUNTS].refresh_seconds,
        path=PATH,
        httponly=True,
        samesite="Strict",
        secure=request.secure,
    )
    return response


def _forget(response: web.Response) -> None:
    response.del_cookie(ACCESS_COOKIE, path="/", httponly=True, samesite="Lax")
    response.del_cookie(REFRESH_COOKIE, path=PATH, httponly=True, samesite="Strict")
