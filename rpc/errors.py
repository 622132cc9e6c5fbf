"""What a call can be answered with instead of a result."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from jsonrpcserver.exceptions import JsonRpcError

RETRY_AFTER = "retryAfter"
"""Member of an error's data: the call was not run, and may be made again after so many seconds."""


class Code(IntEnum):
    """Codes of JSON-RPC 2.0 (section 5.1); the last two are RequestCancelled and RequestFailed of the
    Language Server Protocol."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    REQUEST_CANCELLED = -32800
    BATCH_TOO_LARGE = -32803


KINDS: Mapping[int, str] = {
    Code.PARSE_ERROR: "ParseError",
    Code.INVALID_REQUEST: "InvalidRequest",
    Code.METHOD_NOT_FOUND: "MethodNotFound",
    Code.INVALID_PARAMS: "InvalidParams",
    Code.INTERNAL_ERROR: "Internal",
    Code.REQUEST_CANCELLED: "Cancelled",
    Code.BATCH_TOO_LARGE: "BatchTooLarge",
}
"""The `data.kind` that goes with each code of this package."""


class RpcError(JsonRpcError):
    """An error to be answered as it is, or one that a server answered.

    Args:
        code: JSON-RPC error code.
        message: one sentence for a person, fit to be shown to the caller.
        kind: the name programs tell errors apart by; sent as `data.kind`.
        data: further members of the error's `data`.
    """

    code: int
    message: str
    kind: str
    data: dict[str, object]

    def __init__(self, code: int, message: str, kind: str, data: Mapping[str, object] | None = None) -> None:
        super().__init__(code, message, {**(data or {}), "kind": kind})
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.message} [{self.kind}, {self.code}]"

    def __reduce__(self) -> tuple[type[RpcError], tuple[int, str, str, dict[str, object]]]:
        return RpcError, (self.code, self.message, self.kind, self.data)


class ChannelClosed(ConnectionError):
    """The connection has closed: a notification cannot be sent, or a call gets no answer any more."""


def protocol_error(code: Code, message: str, **data: object) -> RpcError:
    """An error of the protocol itself, with the kind that belongs to its code."""
    return RpcError(int(code), message, KINDS[code], data)
