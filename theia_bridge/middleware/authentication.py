"""Lets nothing through without a valid access token, except to handlers declared `public`.

The token says who calls. In which of their workspace sessions it says too, unless the request names another
by `?session=`: sockets and files may be asked for by a page whose session is not the one of its cookie.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from auth.context import UserContext
from auth.errors import OriginRejected, Reason, TokenRejected
from auth.gate import Gate
from fdb_provider.errors import RecordNotFound
from theia_bridge.middleware import frames
from theia_bridge.trace import TRACE
from theia_bridge.workspace.doors import Doors

ACCESS_COOKIE = "theia_bridge_access"
FILES_PATH = "/api/v5/files/"
"""Below it are files of the caller's session; so they are behind sockets."""
SESSION_LIMIT = 64
"""Characters of a workspace session's id; ours have 20 (`new_id`)."""
USER: web.RequestKey[UserContext] = web.RequestKey("user", UserContext)
"""Who makes a request; there on every request but those to public handlers."""
LET_IN_BY: web.RequestKey[Gate] = web.RequestKey("gate", Gate)
"""The gate that a request came through; there where `USER` is."""
OF_RUNTIME: web.RequestKey[bool] = web.RequestKey("of_runtime", bool)
"""Set where the runtime of a workspace makes a request, in the name of `USER`."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PUBLIC = "__theia_bridge_public__"

H = TypeVar("H", bound=Handler)


def public(handler: H) -> H:
    """Declares a handler open to everybody."""
    setattr(handler, _PUBLIC, True)
    return handler


def setup_authentication(
    app: web.Application, gate: Gate, origins: Iterable[str] = (), doors: Doors | None = None
) -> None:
    """Puts the gate in front of the application; after the middleware `problems`, which tells its errors.

    Args:
        origins: origins besides the server's own whose pages may open sockets and send cookies, as
            `https://host:port`.
        doors: where runtimes of workspaces come in, with tokens that are good there only.
    """
    allowed = frozenset(origin.rstrip("/").lower() for origin in origins)

    @web.middleware
    async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
        if doors is not None and (door := doors.path_of(request)) is not None:
            _let_in(request, await doors.authenticate(request, door), doors.gate)
            request[OF_RUNTIME] = True
            return await handler(request)
        _check_origin(request, allowed)
        if getattr(request.match_info.handler, _PUBLIC, False):
            return await handler(request)
        try:
            token, from_query = _token(request)
            user = await gate.authenticate(token, _session(request))
        except TokenRejected:
            if (framed := await frames.visitor(request, gate)) is not None:
                _let_in(request, framed, gate)
                return await handler(request)
            if frames.in_frame(request):
                return frames.not_signed_in()
            if _wants_page(request):
                return _redirect(f"/login?next={quote(_without_token(request), safe='')}")
            raise
        if token is None or not from_query or _is_upgrade(request):
            _let_in(request, user, gate)
            return await handler(request)
        in_frame = frames.takes_cookie(request)
        own = None if in_frame else await _visitor(request, gate)
        # A link of another site must not put its own account in place of the visitor's.
        kept = own is not None and own.scope.user != user.scope.user and _may_be_foreign(request)
        _let_in(request, own if own is not None and kept else user, gate)
        if _is_navigation(request):
            # Keeps the token out of the address bar and the history.
            response: web.StreamResponse = _redirect(_without_token(request))
        else:
            response = await handler(request)
        if in_frame:
            frames.set_cookie(request, response, token, user)
        elif not kept:
            set_access_cookie(request, response, token, user.seconds_left)
        return response

    app.middlewares.append(authentication)


def set_access_cookie(request: web.Request, response: web.StreamResponse, token: str, seconds: int) -> None:
    """Gives the browser the token for its further requests.

    SameSite is Lax: Strict would send everyone who follows a link to the IDE to the login page. The
    cookie still stays behind on sockets, forms and scripts of other sites, and `Origin` is checked too.
    """
    response.set_cookie(
        ACCESS_COOKIE,
        token,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.secure,
    )


def _let_in(request: web.Request, user: UserContext, gate: Gate) -> None:
    request[USER] = user
    request[LET_IN_BY] = gate
    if (trace := TRACE.get()) is not None:
        trace.scope = user.scope


def _token(request: web.Request) -> tuple[str | None, bool]:
    """The token, and whether it came in the query. The first place that has one counts.

    Raises:
        TokenRejected: there is an Authorization header, but not of a bearer token.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        _, _, token = header.partition(" ")
        if not _is_bearer(header) or not token.strip():
            raise TokenRejected(Reason.MALFORMED)
        return token.strip(), False
    if "token" in request.query and (_is_upgrade(request) or _is_page(request)):
        return request.query["token"], True
    return request.cookies.get(ACCESS_COOKIE), False


def _session(request: web.Request) -> str | None:
    """The workspace session a page names, where one matters: its cookie is for all windows of the browser,
    and each of them may have a session of its own.

    Raises:
        RecordNotFound: nobody's is named so.
    """
    if not (_is_upgrade(request) or request.path.startswith(FILES_PATH)):
        return None
    session = request.query.get("session")
    if session is not None and not 0 < len(session) <= SESSION_LIMIT:
        raise RecordNotFound("You have no such session.")
    return session


async def _visitor(request: web.Request, gate: Gate) -> UserContext | None:
    """Who the browser is signed in as, whatever the query says."""
    try:
        return await gate.authenticate(request.cookies.get(ACCESS_COOKIE))
    except TokenRejected:
        return None


def _may_be_foreign(request: web.Request) -> bool:
    """Whether a page of another site may have led here. On plain http browsers do not say."""
    return request.headers.get("Sec-Fetch-Site", "cross-site") == "cross-site"


def _check_origin(request: web.Request, allowed: frozenset[str]) -> None:
    """Refuses what a page of another site may have made the browser send.

    A request with a bearer token is exempt, as no browser sends one by itself; Basic and others it does.
    """
    exempt = request.method in _SAFE or _is_bearer(request.headers.get("Authorization", ""))
    origin = request.headers.get("Origin")
    if origin is None or (exempt and not _is_upgrade(request)):
        return
    if _host(origin) != _host(f"//{request.host}") and origin.lower() not in allowed:
        raise OriginRejected("Requests from pages of other sites are not accepted here.")


def _is_bearer(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() == "bearer"


def _host(url: str) -> tuple[str | None, int | None]:
    """Host and port, the port None when it is the usual one."""
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port if parts.port not in (80, 443) else None
    except ValueError:
        return None, -1


def _is_upgrade(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _is_page(request: web.Request) -> bool:
    """Whether it is for the IDE or the RPC console."""
    return request.method in _SAFE and f"{request.path}/".startswith(("/theia/", "/console/"))


def _wants_page(request: web.Request) -> bool:
    """Whether a person waits for a page, who is better served by the login form than by a 401."""
    if request.method not in ("GET", "HEAD") or _is_upgrade(request):
        return False
    if request.path.startswith(("/api/", "/ws/")):
        return False
    return _is_navigation(request)


def _is_navigation(request: web.Request) -> bool:
    """Whether a browser asks for a page to show. On plain http it says so by `Accept` only."""
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode is not None else "text/html" in request.headers.get("Accept", "")


def _without_token(request: web.Request) -> str:
    return str(request.rel_url.without_query_params("token"))


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})
