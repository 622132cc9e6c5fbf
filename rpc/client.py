"""Calling a server's methods: asyncio, on the `websockets` library."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from types import NoneType
from typing import Generic, Literal, NamedTuple, Self, TypeAlias, TypeVar, cast, overload
from weakref import WeakSet

import msgspec
from msgspec import UNSET, Raw, UnsetType
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rpc.codec import JSON, MALFORMED, MSGPACK, Codec, ErrorBody, Incoming
from rpc.dispatcher import CANCEL, CancelParams
from rpc.errors import KINDS, RETRY_AFTER, ChannelClosed, RpcError

R = TypeVar("R")

Encoding = Literal["msgpack", "json"]
_CODECS: Mapping[Encoding, Codec] = {"msgpack": MSGPACK, "json": JSON}
Params: TypeAlias = msgspec.Struct | Mapping[str, object] | Sequence[object] | None
OnFrame: TypeAlias = Callable[[Literal["sent", "received"], Encoding, bytes], None]
"""Is shown a frame, for whoever debugs."""


class Answer(NamedTuple):
    """A result of any type, and its size in bytes."""

    value: object
    size: int


class _Received(NamedTuple):
    codec: Codec
    incoming: Incoming


class Unauthorized(PermissionError):
    """The server refused the token, or the lack of one, with 401."""


class Client:
    """A connection to a server, made by `async with Client.connect(...) as client`.

    Calls may be made side by side. Each is answered, raises the server's `RpcError`, or raises
    `ChannelClosed` when the connection ends first.

    Attributes:
        encoding: of what is sent, and so of what is answered; it may be changed at any time.
    """

    def __init__(
        self,
        socket: ClientConnection,
        encoding: Encoding,
        backlog: int,
        patience: float = 0.0,
        on_frame: OnFrame | None = None,
    ) -> None:
        self.encoding: Encoding = encoding
        self._socket = socket
        self._backlog = backlog
        self._patience = patience
        self._on_frame = on_frame
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[_Received | None]] = {}
        self._streams: WeakSet[Notifications] = WeakSet()  # one that nobody iterates any more goes
        self._cancellations: set[asyncio.Task[None]] = set()
        self._closed: str | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        token: str | None = None,
        unix: str | None = None,
        encoding: Encoding = "msgpack",
        max_frame: int = 64 * 1024 * 1024,
        backlog: int = 10_000,
        open_timeout: float = 10.0,
        patience: float = 0.0,
        on_frame: OnFrame | None = None,
    ) -> AsyncIterator[Client]:
        """Connects, and closes the connection at the end of the `async with`.

        Args:
            url: `ws://` or `wss://`.
            token: sent as `Authorization: Bearer`, never in the URL, which others may log.
            unix: path of the Unix socket the server listens at; the URL then only names what is asked for.
            encoding: of what this client sends, and so of what it is answered.
            max_frame: bytes a frame of the server may have; a larger one ends the connection.
            backlog: notifications that may wait for whoever iterates `notifications()`; one more ends the
                connection, since a notification must neither be dropped nor hold up the answers.
            open_timeout: seconds the connection may take to be made.
            patience: seconds a call may wait in all, to be made again when the server says that it takes no
                more for now (`rpc.errors.RETRY_AFTER`).
            on_frame: is shown every frame, as it is sent and received.

        Raises:
            Unauthorized: the server wants a (valid) token.
            OSError: there is no connection (TimeoutError: not in time).
            websockets.exceptions.InvalidHandshake: the server has no WebSocket there.
        """
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            connecting = connect if unix is None else partial(unix_connect, unix)
            socket = await connecting(
                uri=url,
                additional_headers=headers,
                max_size=max_frame,
                compression=None,
                open_timeout=open_timeout,
            )
        except InvalidStatus as refusal:
            if refusal.response.status_code != HTTPStatus.UNAUTHORIZED:
                raise
            reason = (
                "it wants a token: give one" if token is None else "the token is wrong or expired: renew it"
            )
            raise Unauthorized(f"The server answered 401 Unauthorized; {reason}") from None
        client = cls(socket, encoding, backlog, patience, on_frame)
        reader = asyncio.create_task(client._read())
        try:
            yield client
        finally:
            await socket.close()
            await reader
            if client._cancellations:
                await asyncio.wait(client._cancellations)

    @overload
    async def call(self, method: str, params: Params, result: None = None) -> None: ...

    @overload
    async def call(self, method: str, params: Params, result: type[R]) -> R: ...

    async def call(self, method: str, params: Params = None, result: type[R] | None = None) -> R | None:
        """Calls a method. Cancelling the call cancels it on the server too.

        Args:
            result: the type of the method's result; None if it has none.

        Raises:
            RpcError: the server's answer.
            ChannelClosed: the connection ended before the answer came; whether the method has run is unknown.
            msgspec.ValidationError: the result is not of that type.
        """
        answer, _ = await self._patiently(
            method, params, cast(type[R], NoneType if result is None else result)
        )
        return answer

    async def ask(self, method: str, params: Params = None) -> Answer:
        """Calls a method whose result may be anything, as `call`."""
        return Answer(*await self._patiently(method, params, object))

    async def _patiently(self, method: str, params: Params, result: type[R]) -> tuple[R, int]:
        given_up = time.monotonic() + self._patience
        while True:
            try:
                return await self._call(method, params, result)
            except RpcError as error:
                pause = error.data.get(RETRY_AFTER)
                if not isinstance(pause, int | float) or time.monotonic() + pause > given_up:
                    raise
            await asyncio.sleep(pause)

    async def _call(self, method: str, params: Params, result: type[R]) -> tuple[R, int]:
        reply = self._expect(result)
        try:
            codec, request = self._request(method, params, reply.id)
            await self._send(codec, request)
            return await reply, reply.size
        except asyncio.CancelledError:
            if self._closed is None:
                cancellation = asyncio.create_task(self._cancel(reply.id))
                self._cancellations.add(cancellation)
                cancellation.add_done_callback(self._cancellations.discard)
            raise
        finally:
            self._pending.pop(reply.id, None)

    async def notify(self, method: str, params: Params = None) -> None:
        """Calls a method without an answer.

        Raises:
            ChannelClosed: the connection has ended.
        """
        await self._send(*self._request(method, params, None))

    def batch(self) -> Batch:
        """A batch to be filled and sent."""
        return Batch(self)

    def notifications(self, types: Mapping[str, type[msgspec.Struct]] | None = None) -> Notifications:
        """The server's notifications from now on, as pairs of name and params.

        Args:
            types: of the params by the notification's name; of the others, params are plain values.
        """
        return Notifications(self, types or {})

    def _expect(self, result: type[R]) -> Reply[R]:
        if self._closed is not None:
            raise ChannelClosed(self._closed)
        return Reply(self, next(self._ids), result)

    def _request(self, method: str, params: Params, id: int | None) -> tuple[Codec, bytes]:
        codec = _CODECS[self.encoding]
        given = UNSET if params is None else params
        return codec, codec.outgoing(method, given, UNSET if id is None else id)

    async def _send(self, codec: Codec, data: bytes) -> None:
        if self._on_frame is not None:
            self._on_frame("sent", "json" if codec.is_text else "msgpack", data)
        try:
            await self._socket.send(data, text=codec.is_text)
        except ConnectionClosed as end:
            raise ChannelClosed(self._closed or _reason(end)) from None

    async def _cancel(self, id: int) -> None:
        with suppress(ChannelClosed):  # then the server cancels it anyway
            await self.notify(CANCEL, CancelParams(id))

    async def _read(self) -> None:
        reason = "The connection was closed"
        try:
            while True:
                frame = await self._socket.recv()
                codec = JSON if isinstance(frame, str) else MSGPACK
                if self._on_frame is not None:
                    data = frame.encode() if isinstance(frame, str) else frame
                    self._on_frame("received", "json" if codec.is_text else "msgpack", data)
                self._take(codec, codec.decode_incoming(frame))
        except ConnectionClosed as end:
            reason = _reason(end)
        except MALFORMED as error:
            reason = f"The server sent what is not JSON-RPC: {error}"
        except _Unusable as error:
            reason = str(error)
        finally:
            self._closed = reason
            for future in self._pending.values():
                if not future.done():
                    future.set_result(None)
            self._pending.clear()
            for stream in self._streams:
                stream.end(reason)
            await self._socket.close()

    def _take(self, codec: Codec, received: Incoming | list[Incoming]) -> None:
        if isinstance(received, list):
            for incoming in received:
                self._take(codec, incoming)
        elif received.method is not None:
            for stream in self._streams:
                stream.add(_Received(codec, received))
        elif isinstance(received.id, int):
            future = self._pending.pop(received.id, None)
            if future is not None and not future.done():
                future.set_result(_Received(codec, received))
        elif received.error is not None:
            # It answers a frame, nobody knows which: its calls would wait for ever.
            raise _Unusable(f"The server refused a frame: {received.error.message}")


class Reply(Generic[R]):
    """A call's answer that is yet to come: awaiting it gives the result or raises the error.

    Attributes:
        size: bytes of the result, once it is there.
    """

    def __init__(self, client: Client, id: int, result: type[R]) -> None:
        self.id = id
        self.size = 0
        self._client = client
        self._result = result
        self._future: asyncio.Future[_Received | None] = asyncio.get_running_loop().create_future()
        client._pending[id] = self._future

    def __await__(self) -> Generator[object, None, R]:
        received = yield from self._future.__await__()
        if received is None:
            raise ChannelClosed(self._client._closed)
        codec, incoming = received
        if incoming.error is not None:
            raise _rpc_error(incoming.error)
        self.size = memoryview(incoming.result).nbytes
        return codec.decoder(self._result).decode(incoming.result)


class Batch:
    """Calls sent together in one frame: `reply = batch.call(...)`, `await batch.send()`, `await reply`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._codec = _CODECS[client.encoding]
        self._requests: list[Raw] = []

    @overload
    def call(self, method: str, params: Params, result: None = None) -> Reply[None]: ...

    @overload
    def call(self, method: str, params: Params, result: type[R]) -> Reply[R]: ...

    def call(
        self, method: str, params: Params = None, result: type[R] | None = None
    ) -> Reply[R] | Reply[None]:
        """Adds a call; its errors are those of `Client.call`."""
        reply = self._client._expect(cast(type[R], NoneType if result is None else result))
        self._add(method, params, reply.id)
        return reply

    def notify(self, method: str, params: Params = None) -> None:
        """Adds a call without an answer."""
        self._add(method, params, UNSET)

    def _add(self, method: str, params: Params, id: int | UnsetType) -> None:
        given = UNSET if params is None else params
        self._requests.append(Raw(self._codec.outgoing(method, given, id)))

    async def send(self) -> None:
        """Sends what was added.

        Raises:
            ChannelClosed: the connection has ended.
            ValueError: nothing was added.
        """
        if not self._requests:
            raise ValueError("The batch is empty")
        requests, self._requests = self._requests, []
        await self._client._send(self._codec, self._codec.encode(requests))


class Notifications:
    """Iterates over notifications asynchronously; raises `ChannelClosed` when the connection has ended."""

    def __init__(self, client: Client, types: Mapping[str, type[msgspec.Struct]]) -> None:
        self._client = client
        self._types = types
        self._waiting: deque[_Received] = deque()
        self._changed = asyncio.Event()
        self._ended = client._closed
        client._streams.add(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[str, object]:
        while not self._waiting:
            if self._ended is not None:
                raise ChannelClosed(self._ended)
            self._changed.clear()
            await self._changed.wait()
        codec, incoming = self._waiting.popleft()
        name = incoming.method or ""
        params: object = codec.decoder(self._types.get(name, object)).decode(incoming.params)
        return name, params

    def close(self) -> None:
        """Nothing more is added; what has come can still be taken."""
        self._client._streams.discard(self)
        self.end("These notifications were closed")

    def add(self, notification: _Received) -> None:
        if len(self._waiting) >= self._client._backlog:
            raise _Unusable(
                f"{len(self._waiting)} notifications wait: take them faster, or allow a larger backlog"
            )
        self._waiting.append(notification)
        self._changed.set()

    def end(self, reason: str) -> None:
        self._ended = reason
        self._changed.set()


class _Unusable(Exception):
    """The connection cannot go on."""


def _reason(end: ConnectionClosed) -> str:
    return f"The connection has closed: {end}"


def _rpc_error(body: ErrorBody) -> RpcError:
    data = body.data if isinstance(body.data, dict) else {}
    kind = data.get("kind")
    return RpcError(
        body.code, body.message, kind if isinstance(kind, str) else KINDS.get(body.code, "Unknown"), data
    )
