"""JSON-RPC messages of language servers. What is only passed on is not read: it stays the bytes that came."""

from __future__ import annotations

from typing import Literal

import msgspec

Id = int | str
NULL = msgspec.Raw(b"null")
_ABSENT = msgspec.Raw()
_NOTHING = (b"null", b"[]")

REQUEST_CANCELLED = -32800
CONTENT_MODIFIED = -32801
"""What editors do not show: the answer is of no use any more, ask again."""
METHOD_NOT_FOUND = -32601
INVALID_REQUEST = -32600
INTERNAL_ERROR = -32603


class Message(msgspec.Struct, frozen=True):
    """A request (method and id), a notification (method), or an answer (id)."""

    jsonrpc: Literal["2.0"]
    id: Id | None = None
    method: str | None = None
    params: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class ErrorCode(msgspec.Struct, frozen=True):
    """The part of an error that is looked at."""

    code: int


class Answer(msgspec.Struct, frozen=True):
    """What an engine or the editor answers: one of both, as JSON."""

    result: msgspec.Raw = NULL
    error: msgspec.Raw = _ABSENT

    @classmethod
    def of(cls, message: Message) -> Answer:
        if message.error:
            return cls(error=message.error)
        return cls(result=message.result or NULL)

    @classmethod
    def failed(cls, code: int, text: str) -> Answer:
        """One that tells an error."""
        return cls(error=msgspec.Raw(msgspec.json.encode({"code": code, "message": text})))

    @property
    def nothing(self) -> bool:
        """Neither an error nor something of use."""
        return not self.error and memoryview(self.result).nbytes <= 4 and bytes(self.result) in _NOTHING

    @property
    def unknown(self) -> bool:
        """Whoever was asked does not know the method."""
        return bool(self.error) and _code(self.error).code == METHOD_NOT_FOUND


def decode(data: bytes | str) -> Message:
    """The message that bytes are. Raises `msgspec.DecodeError`, of which `msgspec.ValidationError` is one."""
    try:
        return _decode(data)
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deep") from None


encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Message).decode
_code = msgspec.json.Decoder(ErrorCode).decode


def request(id: Id, method: str, params: msgspec.Raw) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"method":%b%b}' % (encode(id), encode(method), _params(params))


def notification(method: str, params: msgspec.Raw) -> bytes:
    return b'{"jsonrpc":"2.0","method":%b%b}' % (encode(method), _params(params))


def response(id: Id, answer: Answer) -> bytes:
    if answer.error:
        return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (encode(id), answer.error)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (encode(id), answer.result)


def raw(value: object) -> msgspec.Raw:
    """A value as JSON."""
    return msgspec.Raw(encode(value))


def _params(params: msgspec.Raw) -> bytes:
    return b',"params":%b' % params if params else b""
