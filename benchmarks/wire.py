"""A client that costs next to nothing, so that what is measured is the server.

A closed loop runs in the callbacks of the transport: no task, no library between the bytes and the clock.
All servers that are compared are driven by it.
"""

from __future__ import annotations

import asyncio
import base64
import os
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Self, cast

from benchmarks.figures import Turn
from benchmarks.machine import cpu_seconds

TEXT = 0x1
BINARY = 0x2
_PING = 0x9
_ACCEPTED = b"HTTP/1.1 101 "
PATIENCE = 60.0
"""Seconds after which a server that does not answer has failed."""

Requests = Iterator[bytes]


class Connection(asyncio.Protocol):
    """A connection with one request in flight. Subclasses know where an answer ends and whether it is one."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = 0
        self._answer: Callable[[bytes], None] | None = None
        self._failed: Callable[[Exception], None] | None = None

    @classmethod
    async def open(cls, port: int, *arguments: str) -> Self:
        """Connects to 127.0.0.1."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(*arguments), "127.0.0.1", port)
        return connection

    async def call(self, request: bytes) -> bytes:
        """One request and its answer.

        Raises:
            RuntimeError: the answer is an error, or the connection was lost.
        """
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer, self._failed = done.set_result, done.set_exception
        self._transport.write(request)
        async with asyncio.timeout(PATIENCE):
            answer = await done
        self.check(answer)
        return answer

    async def loop(self, requests: Requests, until: float) -> array[float]:
        """Sends one request after the other until that time; returns the seconds each took.

        Raises:
            RuntimeError: as `call`.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        seconds = array("d")
        started = perf_counter()

        def answered(answer: bytes) -> None:
            nonlocal started
            now = perf_counter()
            seconds.append(now - started)
            try:
                self.check(answer)
            except RuntimeError as error:
                done.set_exception(error)
                return
            if now < until:
                started = now
                self._transport.write(next(requests))
            else:
                done.set_result(None)

        self._answer, self._failed = answered, done.set_exception
        self._transport.write(next(requests))
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - perf_counter() + PATIENCE):
            await done
        return seconds

    def close(self) -> None:
        self._failed = None
        self._transport.close()

    def check(self, answer: bytes) -> None:
        """Raises RuntimeError unless the answer is a good one."""
        raise NotImplementedError

    def extent(self, buffer: bytearray) -> tuple[int, int]:
        """Where the first answer's content begins and ends; an end of 0: cannot be told yet."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own, which is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            failed(RuntimeError(f"the server closed the connection ({exc})"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= max(self._needed, 2):
            start, end = self.extent(buffer)
            if not 0 < end <= len(buffer):
                self._needed = end
                return
            self._needed = 0
            content = bytes(memoryview(buffer)[start:end])
            kind = buffer[0]
            del buffer[:end]
            self._received(kind, content)

    def _received(self, kind: int, content: bytes) -> None:
        if self._answer is not None:
            self._answer(content)


class WebSocket(Connection):
    """A WebSocket. Its requests are whole frames, made by `frame`."""

    def __init__(self, good: str = "") -> None:
        """`good` are the bytes, in Latin-1, that every good answer begins with."""
        super().__init__()
        self._good = good.encode("latin-1")
        self._open = False

    async def upgrade(self, path: str, token: str) -> None:
        """Makes a WebSocket of the connection. Raises RuntimeError when the server refuses."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            *("Connection: Upgrade", "Upgrade: websocket"),
            *("Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"),
            f"Authorization: Bearer {token}",
        ]
        good, self._good = self._good, _ACCEPTED
        await self.call("\r\n".join([*lines, "", ""]).encode())
        self._good = good
        self._open = True

    def check(self, answer: bytes) -> None:
        if not answer.startswith(self._good):
            raise RuntimeError(f"the server answered {answer[:300]!r}")

    def extent(self, buffer: bytearray) -> tuple[int, int]:
        if not self._open:
            return 0, buffer.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in buffer else 0
        length = buffer[1]  # RFC 6455, 5.2; what a server sends is not masked
        if length < 126:
            return 2, 2 + length
        width = 4 if length == 126 else 10
        if len(buffer) < width:
            return width, 0
        return width, width + int.from_bytes(buffer[2:width], "big")

    def _received(self, kind: int, content: bytes) -> None:
        opcode = kind & 0x0F
        if not self._open or opcode in (TEXT, BINARY):
            # What comes unasked, a notification, is nobody's answer: benchmarks are made so that none comes.
            super()._received(kind, content)
        elif opcode == _PING:
            self._transport.write(frame(content, opcode=0xA))
        else:
            self.connection_lost(RuntimeError(f"opcode {opcode}: {content!r}"))


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """A client's frame; its mask is zero, which spares the client the masking but not the server."""
    length = len(payload)
    if length < 126:
        head = bytes([0x80 | opcode, 0x80 | length])
    elif length < 1 << 16:
        head = bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, 0x80 | 127]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


class Http(Connection):
    """HTTP/1.1 with answers of a declared length."""

    def check(self, answer: bytes) -> None:
        if not answer.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"the server answered {answer[:600]!r}")

    def extent(self, buffer: bytearray) -> tuple[int, int]:
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            return 0, 0
        for line in bytes(buffer[:head]).split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return 0, head + 4 + int(value)
        return 0, head + 4


async def drive(connections: Sequence[Connection], requests: Requests, seconds: float, pid: int) -> Turn:
    """One turn: a closed loop on each connection, all taking from the same requests.

    Args:
        pid: of the server.
    """
    cpu = cpu_seconds(pid)
    started = perf_counter()
    until = started + seconds
    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(connection.loop(requests, until)) for connection in connections]
    elapsed = perf_counter() - started
    latencies = sorted(second for loop in loops for second in loop.result())
    cpu = (cpu_seconds(pid) - cpu) * 1e6 / len(latencies)
    return Turn(len(latencies) / elapsed, latencies, cpu)


@asynccontextmanager
async def web_sockets(
    count: int, port: int, path: str, token: str = "", good: bytes = b""
) -> AsyncIterator[list[WebSocket]]:
    """That many open WebSockets; `good` is what every good answer on them begins with."""
    sockets: list[WebSocket] = []
    try:
        for _ in range(count):
            socket = await WebSocket.open(port, good.decode("latin-1"))
            sockets.append(socket)
            await socket.upgrade(path, token)
        yield sockets
    finally:
        for socket in sockets:
            socket.close()
