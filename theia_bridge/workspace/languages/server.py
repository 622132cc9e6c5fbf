"""A language server: a child that speaks on its standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from theia_bridge.lsp.framing import READ_AHEAD, BadFrame, frame, read_frame

AHEAD = 8 * 1024**2
"""Bytes that may be before a server, unread, until the browser waits."""
STUCK_SECONDS = 30.0
"""How long it may leave as much unread, until it is taken for one that hangs."""
END_SECONDS = 1.0
"""How long it may take to end by itself once its input has ended."""
_LAST_SECONDS = 0.5
"""How long what it said last is read after its end."""
_SAID = 500
"""Bytes it said last on its standard error that are kept."""


class Stuck(Exception):
    """A server does not read what it is sent."""


class StdioServer:
    """A server that runs, in a process group of its own."""

    def __init__(self, process: Process, limit: int) -> None:
        self._process = process
        self._limit = limit
        self._said = b""
        self._ending: asyncio.Task[str] | None = None
        assert process.stdin is not None
        process.stdin.transport.set_write_buffer_limits(high=AHEAD)
        self._ended = asyncio.create_task(process.wait())
        self._errors = asyncio.create_task(self._read_errors())

    @classmethod
    async def start(
        cls, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, limit: int
    ) -> StdioServer:
        """Starts one.

        Args:
            limit: bytes of the largest message it may send.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            cwd=cwd,
            limit=READ_AHEAD,
            start_new_session=True,
        )
        return cls(process, limit)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def send(self, body: str) -> None:
        """Gives it a message; returns when there may be more before it.

        Raises:
            Stuck: it does not.
            ConnectionError: it has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(frame(body.encode()))
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await self._process.stdin.drain()
        except TimeoutError:
            raise Stuck(f"it has read nothing for {STUCK_SECONDS:.0f} s") from None

    async def receive(self) -> str | None:
        """Its next message; None at the end.

        Raises:
            BadFrame: what it says is no message.
        """
        body = await self._receive()
        try:
            return None if body is None else body.decode()
        except UnicodeDecodeError:
            raise BadFrame("a message is not UTF-8") from None

    async def _receive(self) -> bytes | None:
        assert self._process.stdout is not None
        reading = asyncio.ensure_future(read_frame(self._process.stdout, self._limit))
        try:
            await asyncio.wait([reading, self._ended], return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():  # what it has started may hold on to its output
                await asyncio.wait([reading], timeout=_LAST_SECONDS)
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()

    async def end(self) -> str:
        """Ends it with all that it has started, unless it has ended; how it did."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def _end(self) -> str:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        by_force = self._process.returncode is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = await self._process.wait()
        # Others may hold on to its standard error.
        await asyncio.wait([self._errors], timeout=END_SECONDS)
        self._errors.cancel()
        said = self._said.decode(errors="replace").strip()
        how = "it did not end by itself" if by_force else f"exit code {code}"
        return f"{how}: {said}" if said else how

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(64 * 1024):
            self._said = (self._said + data)[-_SAID:]
