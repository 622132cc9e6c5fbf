"""Frames to requests, answers to frames: JSON in text frames, MessagePack in binary ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import isfinite
from typing import Literal, Protocol, TypeAlias, TypeVar, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

from rpc.errors import Code, RpcError, protocol_error

Id: TypeAlias = str | int | float | None
Frame: TypeAlias = bytes | bytearray | memoryview | str | Raw
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MALFORMED = (msgspec.DecodeError, ValueError, OverflowError, RecursionError, TypeError)
"""What decoding bytes that somebody sent can raise: UnicodeDecodeError is a ValueError, RecursionError tells
of values nested too deeply, TypeError of a MessagePack map key that cannot be a dictionary's."""

POSITIONAL_BYTES = 1 << 20
"""Largest params taken by position. They are decoded into one object per element before they are counted (in
JSON, some 40 bytes of memory for each one sent), and what is large is better sent by name."""

UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError)
"""What encoding a value can raise: an unknown type, a lone surrogate, an integer past 64 bits, a cycle."""


class Request(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One request as received; `params` stay undecoded until the method, and so their type, is known."""

    jsonrpc: Literal["2.0"]
    method: str
    params: Raw = Raw()
    id: Id | UnsetType = UNSET


class Refused(msgspec.Struct, gc=False):
    """Something received in the place of a request; to be answered with `error` under `id`."""

    error: RpcError
    id: Id = None


class ErrorBody(msgspec.Struct, gc=False):
    """The `error` member of an answer. Another server's may lack `data`, or have any value there."""

    code: int
    message: str
    data: object = None


class Incoming(msgspec.Struct, gc=False):
    """What a client receives: an answer (`result` or `error`) or a notification (`method`)."""

    id: Id | UnsetType = UNSET
    result: Raw = Raw()
    error: ErrorBody | None = None
    method: str | None = None
    params: Raw = Raw()


class _Success(msgspec.Struct, tag_field="jsonrpc", tag="2.0", gc=False):
    id: Id
    result: object


class _Failure(msgspec.Struct, tag_field="jsonrpc", tag="2.0", gc=False):
    id: Id
    error: ErrorBody


class _Outgoing(msgspec.Struct, tag_field="jsonrpc", tag="2.0", gc=False):
    """A member that is UNSET is left out."""

    method: str
    params: object | UnsetType
    id: Id | UnsetType = UNSET


class _Identified(msgspec.Struct, gc=False):
    """The one member wanted of a request that is otherwise wrong."""

    id: Raw = Raw()


class Decoder(Protocol[T_co]):
    """A msgspec decoder of either encoding."""

    def decode(self, data: Frame, /) -> T_co: ...


class Codec(ABC):
    """One of the two encodings: the constants `JSON` and `MSGPACK` of this module."""

    name: str
    is_text: bool
    """Whether its frames are text frames."""
    empty: bytes
    """An object without members."""
    _structured: frozenset[int]
    """First bytes of objects and arrays."""

    def __init__(self) -> None:
        self._request = self.decoder(Request).decode
        self._raw = self.decoder(Raw).decode
        self._items = self.decoder(list[Raw]).decode
        self._identified = self.decoder(_Identified).decode
        self._id = cast(Decoder[Id], self.decoder(cast(type, Id))).decode
        self._incoming = self.decoder(Incoming).decode

    @abstractmethod
    def decoder(self, type: type[T]) -> Decoder[T]:
        """A reusable decoder of this encoding for `type`."""

    @abstractmethod
    def encode(self, value: object) -> bytes:
        """Any of `UNENCODABLE` may be raised."""

    @abstractmethod
    def starts_object(self, data: Frame) -> bool:
        """Whether `data` can be nothing but an object, and so no batch, by its first bytes."""

    @abstractmethod
    def _announced(self, data: Frame) -> int:
        """How many elements `data` says in its first bytes to have; 0 if it is no array, or does not say."""

    def decode(self, data: Frame, most: int, batch_bytes: int) -> Request | Refused | list[Raw]:
        """What came in a frame: a request, a batch's undecoded elements, or the error to answer with.

        Args:
            data: the frame.
            most: elements that a batch may have.
            batch_bytes: largest frame (in characters, where it is a `str`) that is taken for a batch; a
                larger one is refused undecoded, since each element becomes an object before it is counted.
        """
        try:
            return self._checked(self._request(data))
        except MALFORMED:
            pass  # the slow path below tells which of the many reasons it was
        size = _size(data)
        if size > batch_bytes and not self.starts_object(data):
            message = f"Invalid request: a batch of {size} bytes, at most {batch_bytes} are taken"
            return Refused(protocol_error(Code.INVALID_REQUEST, message))
        announced = self._announced(data)
        if announced > size:
            return Refused(protocol_error(Code.PARSE_ERROR, f"Not {self.name}: it ends too early"))
        if announced > most:
            return _too_many(announced, most)
        try:
            items = self._items(data)
        except msgspec.ValidationError:
            return self._refuse(data)
        except MALFORMED as error:
            return Refused(protocol_error(Code.PARSE_ERROR, f"Not {self.name}: {error}"))
        return items if len(items) <= most else _too_many(len(items), most)

    def decode_element(self, data: Raw) -> Request | Refused:
        """One element of a batch. It is well-formed outside, since `decode` found where it ends."""
        try:
            return self._checked(self._request(data))
        except MALFORMED:
            return self._refuse(data)

    def decode_incoming(self, data: Frame) -> Incoming | list[Incoming]:
        """What a server sent; any of `MALFORMED` may be raised."""
        try:
            return self._incoming(data)
        except msgspec.ValidationError:
            return [self._incoming(item) for item in self._items(data)]

    def by_position(self, params: Raw, names: Sequence[str]) -> bytes | None:
        """Params given as an array, as the same given by name; None if they are no array.

        Raises:
            RpcError: there are more than there are names, or they are larger than `POSITIONAL_BYTES`.
        """
        if self.starts_object(params):
            return None
        count, size = self._announced(params), _size(params)
        if count <= len(names):
            if size > POSITIONAL_BYTES:
                raise protocol_error(
                    Code.INVALID_PARAMS,
                    f"Invalid params: {size} bytes were given by position, at most {POSITIONAL_BYTES} are "
                    "taken; give them by name",
                )
            try:
                values = self._items(params)
            except MALFORMED:
                return None
            count = len(values)
        if count > len(names):
            raise protocol_error(
                Code.INVALID_PARAMS,
                f"Invalid params: {count} were given, at most {len(names)} are taken",
            )
        return self.encode(dict(zip(names, values, strict=False)))

    def success(self, id: Id, result: object) -> bytes:
        """The answer to a request. Any of `UNENCODABLE` may be raised."""
        return self.encode(_Success(id, result))

    def failure(self, id: Id, error: RpcError) -> bytes:
        """The answer to a request that failed; data that cannot be encoded are left out but for the kind."""
        body = ErrorBody(error.code, error.message, error.data)
        try:
            return self.encode(_Failure(id, body))
        except UNENCODABLE:
            message = error.message.encode(errors="replace").decode()
            return self.encode(_Failure(id, ErrorBody(error.code, message, {"kind": error.kind})))

    def batch(self, answers: Sequence[bytes]) -> bytes:
        """The answer to a batch from the answers to its elements."""
        return self.encode([Raw(answer) for answer in answers])

    def outgoing(self, method: str, params: object | UnsetType, id: Id | UnsetType = UNSET) -> bytes:
        """A request, or without `id` a notification. Any of `UNENCODABLE` may be raised."""
        return self.encode(_Outgoing(method, params, id))

    def _checked(self, request: Request) -> Request | Refused:
        if type(request.id) is float and not isfinite(request.id):
            return Refused(
                protocol_error(Code.INVALID_REQUEST, "Invalid request: the id is not a finite number")
            )
        params = memoryview(request.params)
        if params and params[0] not in self._structured:
            id = None if request.id is UNSET else request.id
            return Refused(
                protocol_error(Code.INVALID_REQUEST, "Invalid request: params must be an object or an array"),
                id,
            )
        return request

    def _refuse(self, data: Frame) -> Refused:
        """Why `data` is no request, with its id where one can be made out."""
        try:
            self._raw(data)  # is it well-formed to its end? A type error found earlier would hide that
            self._request(data)
        except msgspec.ValidationError as error:
            reason = protocol_error(Code.INVALID_REQUEST, f"Invalid request: {error}")
        except MALFORMED as error:
            return Refused(protocol_error(Code.PARSE_ERROR, f"Not {self.name}: {error}"))
        try:
            id = self._id(self._identified(data).id)
        except MALFORMED:
            return Refused(reason)
        return Refused(reason, None if type(id) is float and not isfinite(id) else id)


class _Json(Codec):
    name = "JSON"
    is_text = True
    empty = b"{}"
    _structured = frozenset(b"{[")
    _encoder = msgspec.json.Encoder()

    def decoder(self, type: type[T]) -> Decoder[T]:
        return msgspec.json.Decoder(type)

    def starts_object(self, data: Frame) -> bool:
        if isinstance(data, str) and data.startswith("{"):  # as of nearly every frame
            return True
        # Nobody indents a frame by more; to look on would be to read a large one through.
        return _head(data, 64).lstrip(b" \t\r\n").startswith(b"{")

    def _announced(self, data: Frame) -> int:
        return 0

    def encode(self, value: object) -> bytes:
        return self._encoder.encode(value)


class _MessagePack(Codec):
    name = "MessagePack"
    is_text = False
    empty = b"\x80"
    _structured = frozenset([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
    """fixmap, fixarray, array 16/32 and map 16/32 of the MessagePack specification."""
    _objects = frozenset(bytes([first]) for first in (*range(0x80, 0x90), 0xDE, 0xDF))
    _encoder = msgspec.msgpack.Encoder()

    def decoder(self, type: type[T]) -> Decoder[T]:
        return cast(Decoder[T], msgspec.msgpack.Decoder(type))  # it takes no text, and is given none

    def starts_object(self, data: Frame) -> bool:
        head = data[:1] if isinstance(data, bytes) else _head(data, 1)
        return head in self._objects

    def _announced(self, data: Frame) -> int:
        head = _head(data, 5)
        if not head:
            return 0
        if head[0] & 0xF0 == 0x90:
            return head[0] & 0x0F
        length = {0xDC: 2, 0xDD: 4}.get(head[0], 0)
        return int.from_bytes(head[1 : 1 + length], "big")

    def encode(self, value: object) -> bytes:
        return self._encoder.encode(value)


def _size(data: Frame) -> int:
    """In bytes, or of text in characters: to count its bytes would take a copy."""
    return len(data) if isinstance(data, str) else memoryview(data).nbytes


def _head(data: Frame, size: int) -> bytes:
    return data[:size].encode(errors="replace") if isinstance(data, str) else bytes(memoryview(data)[:size])


def _too_many(count: int, most: int) -> Refused:
    message = f"Invalid request: a batch of {count}, at most {most} are taken"
    return Refused(protocol_error(Code.INVALID_REQUEST, message))


JSON: Codec = _Json()
MSGPACK: Codec = _MessagePack()
