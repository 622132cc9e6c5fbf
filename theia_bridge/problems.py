"""Errors as REST tells them: RFC 9457 problem details, by the table in `theia_bridge.errors`."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from auth.errors import AuthError, InvalidFields, Reason, TokenRejected, TooManyAttempts
from theia_bridge.errors import kind_of
from theia_bridge.trace import request_id


def problem(
    status: int, kind: str, title: str, detail: str, *, headers: dict[str, str] | None = None, **extra: object
) -> web.Response:
    """A problem response.

    Args:
        kind: the stable name a client acts on.
        title: the same for every problem of its status.
        detail: what went wrong this time and what to do, fit to be shown to the caller.
        extra: further members, such as `errors`; `request_id`, by which the log tells more, is one by itself.
    """
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, "kind": kind}
    if id := request_id():
        content["request_id"] = id
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
