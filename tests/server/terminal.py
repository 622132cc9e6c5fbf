"""A command that is run in a terminal, as somebody who types sees it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pyte

from tests.process import command

ROWS, COLUMNS = 60, 120
SECONDS = 30.0
"""After which what has not been shown is not shown."""
ENTER, TAB, STOP, END = "\r", "\t", "\x03", "\x04"


class _Screen(pyte.Screen):
    """Answers what is asked of it, such as where the cursor is."""

    def __init__(self, fd: int) -> None:
        super().__init__(COLUMNS, ROWS)
        self._fd = fd

    def write_process_input(self, data: str) -> None:
        os.write(self._fd, data.encode())


class Terminal:
    """A terminal with a program in it."""

    def __init__(self, fd: int, process: Process) -> None:
        self._fd = fd
        self._process = process
        self._screen = _Screen(fd)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(fd, self._read)

    @classmethod
    @asynccontextmanager
    async def run(cls, *arguments: str, env: dict[str, str], cwd: Path) -> AsyncIterator[Terminal]:
        """Runs a `theia-bridge` command, which has ended by the end."""
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = await asyncio.create_subprocess_exec(
            *command(*arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_own_terminal,
            env={**env, "TERM": "xterm-256color"},
            cwd=cwd,
        )
        os.close(theirs)
        terminal = cls(ours, process)
        try:
            yield terminal
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            asyncio.get_running_loop().remove_reader(ours)
            os.close(ours)

    @property
    def shown(self) -> str:
        """What is to be seen now."""
        return "\n".join(line.rstrip() for line in self._screen.display).strip()

    def type(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._fd, keys.encode())

    async def until(self, *texts: str) -> str:
        """Waits until all of the texts are to be seen; returns all that is."""
        return await self._until(lambda: all(text in self.shown for text in texts), f"not all of {texts}")

    async def answer(self, line: str) -> str:
        """Types a line, and returns what is shown of it once the next one can be typed."""
        await self.prompt()
        self.type("\x0c")  # an empty screen
        await self._until(lambda: self.shown.startswith(">"), "the screen is not cleared")
        self.type(line + ENTER)
        await self._until(lambda: line in self.shown, "the line is not shown")
        return await self.prompt()

    async def prompt(self) -> str:
        """Waits until a line can be typed; returns all that is shown."""
        return await self._until(self._is_prompt, "no prompt")

    async def ended(self) -> int:
        """Waits for the program's end; returns its exit code."""
        async with asyncio.timeout(SECONDS):
            return await self._process.wait()

    def _is_prompt(self) -> bool:
        at = self._screen.cursor
        return self._screen.display[at.y].rstrip() == ">" and at.x == 2 and "http://" in self.shown[-COLUMNS:]

    async def _until(self, seen: Callable[[], bool], missing: str) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                while not seen():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{missing}, but:\n{self.shown}") from None
        return self.shown

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the program has ended
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
        self._stream.feed(data)
        self._changed.set()


def _own_terminal() -> None:
    """Makes Ctrl+C go to the program alone."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
