"""Errors as REST tells them: RFC 9457 problem details, by the table in `theia_bridge.errors`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import msgspec
from aiohttp import web

from auth.errors import AuthError, InvalidFields, Reason, TokenRejected, TooManyAttempts
from theia_bridge.errors import RateLimited, kind_of
from theia_bridge.trace import request_id

QUOTA_EXCEEDED: Literal["https://iana.org/assignments/http-problem-types#quota-exceeded"] = (
    "https://iana.org/assignments/http-problem-types#quota-exceeded"
)
QUOTA_TITLE = "Request cannot be satisfied as assigned quota has been exceeded"
"""Of draft-ietf-httpapi-ratelimit-headers-10, "Quota Exceeded"."""


class FieldProblem(msgspec.Struct, frozen=True):
    """What is wrong with one member of a request.

    Args:
        pointer: a JSON pointer (RFC 6901) into the body, as a fragment; of a parameter, `#/` and its name.
    """

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True):
    """What went wrong (RFC 9457).

    Args:
        title: the same for every problem of its type and status.
        detail: what went wrong this time and what to do, fit to be shown to the caller.
        kind: a stable name that a client acts on.
        request_id: by it the server's log tells more.
        errors: the members that cannot be accepted.
        reason: why the access token does not stand.
        violated_policies: the budgets that are used up, as `RateLimit` names them.
    """

    title: str
    status: int
    detail: str
    kind: str
    type: Literal["about:blank", "https://iana.org/assignments/http-problem-types#quota-exceeded"] = (
        "about:blank"
    )
    request_id: str | msgspec.UnsetType = msgspec.UNSET
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET
    reason: Reason | msgspec.UnsetType = msgspec.UNSET
    violated_policies: list[str] | msgspec.UnsetType = msgspec.field(
        default=msgspec.UNSET, name="violated-policies"
    )


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET,
    reason: Reason | msgspec.UnsetType = msgspec.UNSET,
    violated_policies: list[str] | msgspec.UnsetType = msgspec.UNSET,
) -> web.Response:
    """A problem response, see `Problem`."""
    content = Problem(
        type="about:blank" if violated_policies is msgspec.UNSET else QUOTA_EXCEEDED,
        title=title,
        status=status,
        detail=detail,
        kind=kind,
        request_id=request_id() or msgspec.UNSET,
        errors=errors,
        reason=reason,
        violated_policies=violated_policies,
    )
    return web.Response(
        status=status,
        body=msgspec.json.encode(content),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"} | (headers or {}),
    )


def problem_of(error: Exception) -> web.Response | None:
    """The response for an error of the table; None for a fault of ours."""
    kind = kind_of(error)
    if kind is None:
        return None
    headers: dict[str, str] = {}
    title = kind.status.phrase
    reason: Reason | msgspec.UnsetType = msgspec.UNSET
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET
    violated: list[str] | msgspec.UnsetType = msgspec.UNSET
    if isinstance(error, AuthError) and kind.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TokenRejected):
        reason = error.reason
        if error.reason is not Reason.MISSING:  # RFC 6750, 3.1
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    elif isinstance(error, InvalidFields):
        # The form of the example in RFC 9457, 3.
        errors = [
            FieldProblem(f"#/{field}" if field else "#", detail) for field, detail in error.fields.items()
        ]
    elif isinstance(error, TooManyAttempts | RateLimited):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, RateLimited):
        title, violated = QUOTA_TITLE, [error.policy]
    return problem(
        kind.status,
        kind.name,
        title,
        str(error),
        headers=headers,
        errors=errors,
        reason=reason,
        violated_policies=violated,
    )
