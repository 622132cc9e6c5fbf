"""What the commands that make calls end with: an exit code for each family of errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from rpc.errors import KINDS as PROTOCOL
from rpc.errors import Code
from theia_bridge.errors import KINDS

FAULT, USAGE, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, LIMIT, UNAVAILABLE, STOPPED = (*range(1, 9), 130)
MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        0: "done",
        FAULT: "a fault of the server, or an error of a kind unknown here",
        USAGE: "called wrongly: an option, a method, a parameter, or a value the server refuses",
        UNAUTHORIZED: "not signed in: the token or the password is not taken",
        FORBIDDEN: "signed in, but it is not allowed",
        NOT_FOUND: "what was asked for is not there",
        CONFLICT: "what is there stands in the way, or has changed",
        LIMIT: "a quota, a budget or a size is exceeded",
        UNAVAILABLE: "no server answers, the connection has ended, or something the server needs is away",
        STOPPED: "stopped by Ctrl+C",
    }
)
_BY_STATUS = {
    HTTPStatus.BAD_REQUEST: USAGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: USAGE,
    HTTPStatus.UNAUTHORIZED: UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: FORBIDDEN,
    HTTPStatus.NOT_FOUND: NOT_FOUND,
    HTTPStatus.GONE: NOT_FOUND,
    HTTPStatus.CONFLICT: CONFLICT,
    HTTPStatus.PRECONDITION_FAILED: CONFLICT,
    HTTPStatus.TOO_MANY_REQUESTS: LIMIT,
    HTTPStatus.INSUFFICIENT_STORAGE: LIMIT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: LIMIT,
    HTTPStatus.SERVICE_UNAVAILABLE: UNAVAILABLE,
}
_OF_PROTOCOL = {
    Code.PARSE_ERROR: USAGE,
    Code.INVALID_REQUEST: USAGE,
    Code.METHOD_NOT_FOUND: USAGE,
    Code.INVALID_PARAMS: USAGE,
    Code.REQUEST_CANCELLED: STOPPED,
    Code.BATCH_TOO_LARGE: LIMIT,
}
BY_KIND: Mapping[str, int] = MappingProxyType(
    {kind: _OF_PROTOCOL.get(Code(code), FAULT) for code, kind in PROTOCOL.items()}
    | {kind.name: _BY_STATUS.get(kind.status, FAULT) for kind in KINDS.values()}
)
"""Exit codes by the kind of the error."""


def of_kind(kind: str) -> int:
    """The exit code for an error."""
    return BY_KIND.get(kind, FAULT)
