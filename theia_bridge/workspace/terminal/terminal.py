"""One terminal: its program, what that has said last, and those who are attached."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from fdb_provider.models import new_id, now_ms
from theia_bridge.workspace.terminal import protocol
from theia_bridge.workspace.terminal.protocol import Control, TerminalExit
from theia_bridge.workspace.terminal.pty import CHUNK, Pty
from theia_bridge.workspace.terminal.scrollback import Scrollback

SCROLLBACK = 256 * 1024
"""Bytes of output that are kept for whoever attaches; Theia shows the last 1,000 lines."""
AHEAD = 512 * 1024
"""Bytes of output that somebody attached may have before them: while it is as many, the program waits."""
FLOOD = 2048
"""Bytes of a frame after which the next one is not sent at once; what keys bring about is smaller."""
GATHER_SECONDS = 0.004
"""For how long output is then gathered, so that a flood goes in few large frames."""
INPUT = 8 * 1024**2
"""Bytes of input that may wait for the program to take them."""
CLOSE_SECONDS = 2.0
"""How long a program may take to end after the signal for it."""
_CLOSE_SOCKET_SECONDS = 2.0


class _Attachment:
    """Somebody who is attached.

    Attributes:
        pending: output that is not sent yet.
        ahead: bytes of output that are not acknowledged yet; those pending are among them.
        changed: set when there is something to send.
    """

    def __init__(self, replay: bytes) -> None:
        self.pending = bytearray(replay)
        self.ahead = len(replay)
        self.changed = asyncio.Event()
        self.changed.set()

    def add(self, data: bytes) -> None:
        self.pending += data
        self.ahead += len(data)
        self.changed.set()

    def take(self) -> bytes:
        """What is to be sent next: all that has come while the last piece was sent."""
        data = bytes(memoryview(self.pending)[:CHUNK])
        del self.pending[:CHUNK]
        return data


class Terminal:
    """A program in a terminal; it goes on with nobody attached, and what it said stays after its end.

    Args:
        exited: is called at its end.

    Attributes:
        exit: how it has ended, if it has.

    Raises:
        OSError, ValueError: as `Pty`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        title: str,
        cwd: str,
        environment: Mapping[str, str],
        cols: int,
        rows: int,
        exited: Callable[[Terminal], None],
    ) -> None:
        self.id = new_id()
        self.title = title
        self.exit: TerminalExit | None = None
        self._command = list(command)
        self._cwd = cwd
        self._size = cols, rows
        self._created = now_ms()
        self._notify = exited
        self._over = asyncio.Event()
        self._scrollback = Scrollback(SCROLLBACK)
        self._attached: set[_Attachment] = set()
        self._pty = Pty(
            command,
            cwd=cwd,
            environment=environment,
            cols=cols,
            rows=rows,
            output=self._output,
            exited=self._exited,
        )

    def describe(self) -> protocol.Terminal:
        cols, rows = self._size
        busy = False
        if self.exit is None:
            self._cwd = _folder_of(self._pty.pid) or self._cwd
            busy = self._pty.foreground != self._pty.pid
        return protocol.Terminal(
            id=self.id,
            title=self.title,
            command=self._command,
            cwd=self._cwd,
            pid=self._pty.pid,
            cols=cols,
            rows=rows,
            busy=busy,
            created=self._created,
            exit=self.exit,
        )

    def resize(self, cols: int, rows: int) -> None:
        """Gives it another size; whoever asks last decides."""
        self._size = cols, rows
        if self.exit is None:
            self._pty.resize(cols, rows)

    async def close(self, number: signal.Signals = signal.SIGHUP) -> None:
        """Ends its program: by a signal, and by force if that does not do it in time."""
        self._pty.send(number)
        if self.exit is None:
            self._pty.send(signal.SIGCONT)  # one that is stopped would not see it
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._over.wait()
        except TimeoutError:
            self._pty.send(signal.SIGKILL)
            await self._over.wait()

    async def attach(self, request: web.Request, max_frame: int) -> web.WebSocketResponse:
        """Serves somebody: what was said before, then all that is said until it ends; and takes input."""
        socket = web.WebSocketResponse(max_msg_size=max_frame, compress=False, timeout=_CLOSE_SOCKET_SECONDS)
        await socket.prepare(request)
        attachment = _Attachment(self._scrollback.content())
        self._attached.add(attachment)
        tasks = [
            asyncio.create_task(self._send(socket, attachment, replay=len(attachment.pending))),
            asyncio.create_task(self._receive(socket, attachment)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._attached.discard(attachment)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._regulate()
        # Not while it is read: aiohttp would drop the connection at once, and with it the exit if an
        # acknowledgement is on its way.
        await socket.close()
        return socket

    async def _receive(self, socket: web.WebSocketResponse, attachment: _Attachment) -> None:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                # Control frames come behind it: if one waited here until the program takes its input, and
                # the program for an acknowledgement, neither would go on.
                if self._pty.waiting + len(message.data) > INPUT:
                    await socket.close(
                        code=WSCloseCode.POLICY_VIOLATION, message=b"The program does not take its input."
                    )
                    return
                self._pty.write(message.data)
            elif message.type is WSMsgType.TEXT:
                try:
                    control = _decode(message.data)
                except msgspec.ValidationError as error:
                    await socket.close(
                        code=WSCloseCode.UNSUPPORTED_DATA,
                        message=f"Not a control frame: {error}".encode()[:123],
                    )
                    return
                except msgspec.DecodeError:
                    await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"Text frames are JSON.")
                    return
                if control.resize is not None:
                    self.resize(*control.resize)
                attachment.ahead = max(len(attachment.pending), attachment.ahead - control.ack)
                self._regulate()

    async def _send(self, socket: web.WebSocketResponse, attachment: _Attachment, *, replay: int) -> None:
        await socket.send_str(f'{{"replay":{replay}}}')
        while True:
            while attachment.pending:
                data = attachment.take()
                await socket.send_bytes(data)
                if len(data) >= FLOOD and not attachment.pending:
                    await asyncio.sleep(GATHER_SECONDS)
            if self.exit is not None:
                await socket.send_str(f'{{"exit":{msgspec.json.encode(self.exit).decode()}}}')
                return
            attachment.changed.clear()
            await attachment.changed.wait()

    def _output(self, data: bytes) -> None:
        self._scrollback.add(data)
        for attachment in self._attached:
            attachment.add(data)
        self._regulate()

    def _regulate(self) -> None:
        """Has the program wait for whoever is slowest."""
        if any(attachment.ahead >= AHEAD for attachment in self._attached):
            self._pty.pause()
        else:
            self._pty.resume()

    def _exited(self, code: int) -> None:
        self.exit = TerminalExit(signal=_name(-code)) if code < 0 else TerminalExit(code=code)
        self._over.set()
        for attachment in self._attached:
            attachment.changed.set()
        self._notify(self)


_decode = msgspec.json.Decoder(Control).decode


def _name(number: int) -> str:
    """What a signal is called; most of those for real-time have no name of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def _folder_of(pid: int) -> str | None:
    """The folder a process is in, if that can be known."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None
