"""Errors as REST tells them: RFC 9457 problem details, by the table in `theia_bridge.errors`."""

from __future__ import annotations

import logging
from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from auth.errors import AuthError, InvalidFields, Reason, TokenRejected, TooManyAttempts
from theia_bridge.errors import kind_of

_log = logging.getLogger(__name__)


def problem(
    status: int, kind: str, title: str, detail: str, *, headers: dict[str, str] | None = None, **extra: object
) -> web.Response:
    """A problem response.

    Args:
        kind: the stable name a client acts on.
        title: the same for every problem of its status.
        detail: what went wrong this time and what to do, fit to be shown to the caller.
        extra: further members, such as `errors`.
    """
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, "kind": kind}
    return web.Response(
        status=status,
        body=msgspec.json.encode(content | extra),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"} | (headers or {}),
    )


def problem_of(error: Exception) -> web.Response | None:
    """The response for an error of the table; None for a fault of ours."""
    kind = kind_of(error)
    if kind is None:
        return None
    headers: dict[str, str] = {}
    extra: dict[str, object] = {}
    if isinstance(error, AuthError) and kind.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TokenRejected):
        extra["reason"] = error.reason
        if error.reason is not Reason.MISSING:  # RFC 6750, 3.1
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    elif isinstance(error, InvalidFields):
        # The form of the example in RFC 9457, 3.
        extra["errors"] = [
            {"pointer": f"#/{field}" if field else "#", "detail": detail}
            for field, detail in error.fields.items()
        ]
    elif isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after)
    return problem(kind.status, kind.name, kind.status.phrase, str(error), headers=headers, **extra)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what handlers raise into problem responses. The outermost middleware but for logs."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        status = HTTPStatus(error.status)
        kind = "".join(word.capitalize() for word in status.name.split("_"))
        headers = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        # aiohttp's own text when none was given is "404: Not Found"
        detail = (error.text or "").removeprefix(f"{error.status}: ") or status.phrase
        return problem(status, kind, status.phrase, detail, headers=headers)
    except (ConnectionResetError, ConnectionAbortedError):
        raise  # nobody is there any more to be told
    except Exception as error:  # the last stop: what is not in the table is logged and told as ours
        response = problem_of(error)
        if response is not None:
            return response
        _log.exception("%s %s failed", request.method, request.rel_url.raw_path)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return problem(status, "InternalError", status.phrase, "Something went wrong on the server.")
