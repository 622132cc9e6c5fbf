"""Tells the audit what was refused, and what was read if the settings say so; the last of the chain.

Changes are not its business: each writes its own entry, in its own transaction.
"""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise

from aiohttp import web
from aiohttp.typedefs import Handler

from auth.errors import InvalidCredentials
from fdb_provider.errors import RecordNotFound
from fdb_provider.files import audited
from fdb_provider.files.paths import ROOTS
from fdb_provider.scope import ANYBODY, NOBODY, Actor, Scope
from theia_bridge.errors import REFUSED, kind_of
from theia_bridge.middleware.routes import route_of
from theia_bridge.state import OBSERVATIONS, SETTINGS
from theia_bridge.trace import TRACE

_NOUNS = {
    "sessions": "session",
    "conversations": "conversation",
    "agents": "agent",
    "settings": "setting",
    "users": "user",
    "members": "user",
    "invitations": "invitation",
}
_PREFIX = "/api/v5/"


def setup_audit(app: web.Application) -> None:
    """Adds it to the chain; what the others refuse before it is told when it is answered."""
    app.middlewares.append(_audit)
    app.on_response_prepare.append(_tell_what_others_refused)


@web.middleware
async def _audit(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except Exception as error:
        status = _status(error)
        if status in REFUSED or isinstance(error, RecordNotFound):
            _refused(request, status, error)
        raise
    if response.status in REFUSED:
        _refused(request, response.status)
    elif response.status < HTTPStatus.BAD_REQUEST and _is_single_read(request):
        _read(request)
    return response


async def _tell_what_others_refused(request: web.Request, response: web.StreamResponse) -> None:
    if response.status in REFUSED:
        _refused(request, response.status)


def _refused(request: web.Request, status: int, error: Exception | None = None) -> None:
    trace = TRACE.get()
    if trace is None or trace.audited:
        return
    trace.audited = True
    actor = _actor()
    resource = resource_of(request, actor.scope)
    if isinstance(error, InvalidCredentials) and error.scope is not None:
        # Whose password it was is told to the tenant's admins, and never to the caller.
        request.app[OBSERVATIONS].note(actor.within(error.scope), "auth.login", refused=True)
        return
    detail = {"request": f"{request.method} {route_of(request)}", "status": str(status)}
    request.app[OBSERVATIONS].note(actor, "access.refuse", resource, refused=True, detail=detail)


def _read(request: web.Request) -> None:
    actor = _actor()
    detail = {"request": f"{request.method} {route_of(request)}"}
    request.app[OBSERVATIONS].note(actor, "access.read", resource_of(request, actor.scope), detail=detail)


def _is_single_read(request: web.Request) -> bool:
    """Whether one thing is read, or all of one thing: whose id or path is in the address."""
    return (
        request.app[SETTINGS].audit_reads != "none"
        and request.method == "GET"
        and bool(request.match_info)
        and request.path.startswith(_PREFIX)
    )


def resource_of(request: web.Request, scope: Scope) -> str:
    """What a request is about, as the audit names it; "" for what has no id, and for callers unknown."""
    given = request.match_info
    if scope == NOBODY or not given:
        return ""
    if path := given.get("path"):
        root, _, relative = path.partition("/")
        return audited.resource(scope, root, relative) if root in ROOTS else ""
    # The first variable part of the address, behind the name of its collection.
    parts = route_of(request).removeprefix(_PREFIX).split("/")
    for collection, part in pairwise(parts):
        if part.startswith("{"):
            behind = parts[parts.index(part) :]
            ids = [given[one.strip("{}")] for one in behind if one.startswith("{")]
            return "/".join([_NOUNS.get(collection, collection), *ids])
    return ""


def _status(error: Exception) -> int:
    if isinstance(error, web.HTTPException):
        return error.status
    kind = kind_of(error)
    return HTTPStatus.INTERNAL_SERVER_ERROR if kind is None else kind.status


def _actor() -> Actor:
    trace = TRACE.get()
    return ANYBODY if trace is None else Actor(trace.scope, trace.id, trace.address)
