"""One client's WebSocket: frames in, answers and notifications out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec
from aiohttp import ClientError, WSCloseCode, WSMsgType
from aiohttp.web import WebSocketResponse

from rpc.codec import JSON, MSGPACK, Codec
from rpc.dispatcher import Admit, Dispatcher, MapError
from rpc.errors import ChannelClosed
from rpc.observer import Observer
from rpc.registry import Registry

C = TypeVar("C")
T = TypeVar("T")

PROGRESS = "$/progress"
"""As in the Language Server Protocol."""


class Progress(msgspec.Struct):
    """How far some work is; the client knows by `token` which."""

    token: str | int
    value: object


Notify = Callable[[str, msgspec.Struct], Awaitable[None]]
"""Sends a notification, waiting while the client does not take it; raises `ChannelClosed`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one channel may take.

    Args:
        concurrency: requests that run side by side; beyond it nothing more is read.
        turn: requests answered in one go before other channels have their turn.
        batch: requests one batch may have.
        batch_width: requests of one batch that run side by side (a batch counts as one request above).
        batches: batches that run, or wait for their answer to be taken, side by side; others wait.
        batch_bytes: largest frame that is taken for a batch, in bytes (or of text, in characters); that of a
            single request is bounded by the socket's `max_msg_size` only.
        batch_answer: bytes of encoded answers after which a batch runs no more requests. Those running by
            then may exceed it: a channel may hold `batches` * (this + `batch_width` * the largest answer),
            and while an answer is put together as much again.
        send_seconds: how long a client may leave a frame untaken before the connection is dropped (found out
            within twice that time).
        close_seconds: how long a client may take to agree to a close before the connection is dropped.
    """

    concurrency: int = 64
    turn: int = 16
    batch: int = 1000
    batch_width: int = 8
    batches: int = 2
    batch_bytes: int = 1 << 20
    batch_answer: int = 16 << 20
    send_seconds: float = 120.0
    close_seconds: float = 5.0


class Channel(Generic[C]):
    """Serves one accepted WebSocket.

    Requests are run by workers that hand one reading role around (the leader/followers pattern). The worker
    that holds the role reads a frame and runs its request at once. A request that never suspends is answered
    in the same step, without a task of its own; at its first suspension the role passes to a new worker, if
    the limit allows one more. At the limit the role rests until a worker is done, so the socket is not read
    and TCP holds the client back. A request is run by one task from its first step to its last, so
    `asyncio.timeout`, task groups and cancellation work in methods as they do everywhere; context variables
    that a method sets may be seen by later requests of the same channel.

    An answer is sent by the worker that made it, one frame at a time. While a client does not take its
    frames, nothing more is read from it, and `notify` waits.

    Args:
        registry: the methods.
        context: passed to every method. To let methods notify, put the channel into it.
        socket: prepared already, best with `compress=False`: deflating each answer costs more than it saves.
            Its `max_msg_size` bounds what a client may send in one frame: a larger one closes with 1009.
        map_error: turns an exception of the application into the error to answer with, or gives None.
        admit: see `dispatcher.Admit`.
        observer: is told of each call.
        transport: `request.transport`, to drop the connection of a client that does not agree to a close.
    """

    def __init__(
        self,
        registry: Registry[C],
        context: C,
        socket: WebSocketResponse,
        *,
        map_error: MapError = lambda _: None,
        admit: Admit[C] = lambda _, __: None,
        limits: Limits = Limits(),
        observer: Observer | None = None,
        transport: asyncio.Transport | None = None,
    ) -> None:
        self._registry = registry
        self._dispatcher = Dispatcher(
            registry,
            context,
            map_error=map_error,
            admit=admit,
            batch_limit=limits.batch,
            batch_width=limits.batch_width,
            batch_bytes=limits.batch_bytes,
            batch_answer=limits.batch_answer,
            observer=observer,
        )
        self._batches = asyncio.Semaphore(limits.batches)
        self._socket = socket
        self._limits = limits
        self._transport = transport
        self._codec = MSGPACK
        self._sending = asyncio.Lock()
        self._sent = 0
        self._closing = asyncio.Lock()
        self._ended = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more is read, nor can be sent."""
        return self._ended.is_set() or self._socket.closed

    async def serve(self) -> None:
        """Serves until the channel closes and all requests have ended; those not shielded are cancelled."""
        self._add_reader()
        try:
            await self._until_ended()
        finally:
            self._ended.set()
            await self._close_socket(WSCloseCode.GOING_AWAY, "")
            self._dispatcher.cancel_all()
            while self._workers:
                await asyncio.wait(self._workers)

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """Closes the WebSocket with a code and a reason, of which at most 123 bytes are sent."""
        self._ended.set()
        self._dispatcher.cancel_all()
        await self._close_socket(code, reason)

    async def notify(self, name: str, params: msgspec.Struct) -> None:
        """Sends a notification, in the encoding of the client's last frame, as soon as the client takes it.

        Raises:
            ChannelClosed: it can no longer be sent.
            ValueError: it is not declared, or not with these params.
        """
        declared = self._registry.notifications.get(name)
        if declared is None or not isinstance(params, declared.params_type):
            raise ValueError(f"No notification {name} with {type(params).__name__} is declared")
        codec = self._codec
        if not await self._send(codec, codec.outgoing(name, params)):
            raise ChannelClosed(f"{name} was not sent: the channel is closed")

    async def progress(self, token: str | int, value: object) -> None:
        """Sends `$/progress`: how far the work is that the client knows by `token`.

        Raises:
            ChannelClosed: it can no longer be sent.
        """
        await self.notify(PROGRESS, Progress(token, value))

    async def _until_ended(self) -> None:
        """Waits for the end, which comes too when a client is found not to have taken one frame for long."""
        frame = -1
        while not self._ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._ended.wait()
            if self._sending.locked() and self._sent == frame:
                return
            frame = self._sent

    def _add_reader(self) -> None:
        self._reader = asyncio.create_task(self._work())
        self._workers.add(self._reader)

    def _pass_on(self) -> None:
        """A request has suspended: its worker no longer reads."""
        self._reader = None
        if len(self._workers) < self._limits.concurrency:
            self._add_reader()

    async def _work(self) -> None:
        me = asyncio.current_task()
        turn = 0
        try:
            while not self.closed:
                if self._sending.locked():  # the client is slow to take its answers: ask it for nothing more
                    async with self._sending:
                        continue
                message = await self._socket.receive()
                if message.type is WSMsgType.BINARY:
                    codec = self._codec = MSGPACK
                elif message.type is WSMsgType.TEXT:
                    codec = self._codec = JSON
                else:
                    return
                if codec.starts_object(message.data):
                    answer = await _Watched(self._dispatcher.handle(codec, message.data), self._pass_on)
                    if answer is not None:
                        await self._send(codec, answer)
                else:
                    await _Watched(self._serve_batch(codec, message.data), self._pass_on)
                if self._reader is not me:
                    if self._reader is not None:
                        return
                    self._reader = me
                turn += 1
                if turn % self._limits.turn == 0:
                    await asyncio.sleep(0)
        finally:
            if self._reader is me:
                self._ended.set()
            # Not by a done callback: that comes later, and a place that is free would look taken.
            self._workers.discard(me)

    async def _serve_batch(self, codec: Codec, data: str | bytes) -> None:
        """Its place becomes free once the answer is taken: answers that wait are what takes the memory."""
        async with self._batches:
            answer = await self._dispatcher.handle(codec, data)
            if answer is not None:
                await self._send(codec, answer)

    async def _send(self, codec: Codec, data: bytes) -> bool:
        """Sends one frame after those before it; False if the channel is closed."""
        async with self._sending:
            if self.closed:
                return False
            try:
                await self._socket.send_frame(data, WSMsgType.TEXT if codec.is_text else WSMsgType.BINARY)
            except (ConnectionError, ClientError):
                self._ended.set()
                return False
            self._sent += 1
        return True

    async def _close_socket(self, code: int, reason: str) -> None:
        async with self._closing:
            text = reason.encode()[:123].decode(errors="ignore").encode()  # RFC 6455, 5.5: 125 with the code
            try:
                async with asyncio.timeout(self._limits.close_seconds):
                    await self._socket.close(code=code, message=text)  # no more than a look if it is closed
            except TimeoutError:
                pass
            finally:
                # aiohttp has closed the transport, but that waits for the client to take what is buffered.
                if self._transport is not None and self._socket.close_code == WSCloseCode.ABNORMAL_CLOSURE:
                    self._transport.abort()


class _Watched(Generic[T]):
    """Awaits a coroutine, and tells when it suspends for the first time, if it does."""

    __slots__ = ("_coroutine", "_on_suspend")

    def __init__(self, coroutine: Coroutine[Any, Any, T], on_suspend: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._on_suspend: Callable[[], None] | None = on_suspend

    def __await__(self) -> Generator[Any, Any, T]:
        return cast(Generator[Any, Any, T], self)  # `await` needs no more than the methods below

    def __next__(self) -> object:
        return self.send(None)

    def send(self, value: object) -> object:
        waits_for = self._coroutine.send(value)
        if self._on_suspend is not None:
            self._on_suspend()
            self._on_suspend = None
        return waits_for

    def throw(self, *exception: Any) -> object:
        return self._coroutine.throw(*exception)

    def close(self) -> None:
        self._coroutine.close()
