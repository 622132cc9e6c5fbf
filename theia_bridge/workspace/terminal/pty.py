"""A program on a pseudo-terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess  # nosec B404 # running programs is what terminals are for
import termios
from collections.abc import Callable, Mapping, Sequence

CHUNK = 64 * 1024
"""Bytes read at once, and so for how long one terminal may keep the others waiting."""
_FULL = 2048
"""Bytes of a read behind which there is probably more; the kernel gives 4,095 at most."""
_LAST = 1024**2
"""Bytes read after a program's end; more than the kernel holds, and others may go on writing."""
_IUTF8 = 0o40000
"""Of termios(3) on Linux, which Python has no name for: erasing takes whole characters."""


class Pty:
    """A program that runs, the leader of its session, with the terminal as the controlling one.

    Args:
        command: the program, found by the PATH of `environment`, and its arguments.
        output: is called with what the program writes.
        exited: is called once it has ended and all of its output was told: with its exit code, or the number
            of the signal that ended it as a negative one.

    Raises:
        OSError: it cannot be started.
        ValueError: command or environment have a null byte, or a variable's name has an equals sign.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: str,
        environment: Mapping[str, str],
        cols: int,
        rows: int,
        output: Callable[[bytes], None],
        exited: Callable[[int], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._output = output
        self._exited = exited
        self._reading = False
        self._ended = False  # nobody holds the other end of the terminal any more
        self._input = bytearray()
        self._fd, inner = os.openpty()
        try:
            self.resize(cols, rows)
            attributes = termios.tcgetattr(inner)
            attributes[0] |= _IUTF8
            termios.tcsetattr(inner, termios.TCSANOW, attributes)
            os.set_blocking(self._fd, False)
            self._process = subprocess.Popen(  # noqa: S603 # nosec B603 # whatever the user wants
                command,
                cwd=cwd,
                env=environment,
                stdin=inner,
                stdout=inner,
                stderr=inner,
                start_new_session=True,
                preexec_fn=_take_terminal,  # noqa: PLW1509 - it takes no lock
            )
        except BaseException:
            os.close(self._fd)
            raise
        finally:
            os.close(inner)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._at_exit)
        self.resume()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def foreground(self) -> int:
        """The process group that has the terminal; the program's own if none has."""
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self._fd) or self.pid
        return self.pid

    @property
    def waiting(self) -> int:
        """Bytes of input that the program has not taken."""
        return len(self._input)

    def pause(self) -> None:
        """Reads no more output: the program has to wait once the kernel's buffer is full."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Reads output again."""
        if not self._reading and not self._ended and self.running:
            self._reading = True
            self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> None:
        """Gives input to the program, at once or as soon as it takes it."""
        if not self.running:
            return
        self._input += data
        if len(self._input) == len(data):
            self._writable()

    def resize(self, cols: int, rows: int) -> None:
        """Changes the size of the window; programs are told by SIGWINCH."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the program's group, and to the one that has the terminal."""
        if not self.running:
            return
        for group in {self.pid, self.foreground}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _read(self) -> bytes | None:
        """What there is; None if there is nothing now, nothing at all at the end."""
        try:
            return os.read(self._fd, CHUNK)
        except BlockingIOError:
            return None
        except OSError:  # EIO: all others have closed it
            return b""

    def _readable(self) -> None:
        pieces: list[bytes] = []
        size = 0
        while data := self._read():
            pieces.append(data)
            size += len(data)
            if len(data) < _FULL or size >= CHUNK:
                break
        if pieces:
            self._output(b"".join(pieces))
        if data is not None and not data:
            self._ended = True
            self.pause()

    def _writable(self) -> None:
        try:
            written = os.write(self._fd, self._input)
        except BlockingIOError:
            written = 0
        except OSError:  # nobody will read it
            written = len(self._input)
        del self._input[:written]
        if self._input:
            self._loop.add_writer(self._fd, self._writable)
        else:
            self._loop.remove_writer(self._fd)

    def _at_exit(self) -> None:
        code = self._process.wait()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._input.clear()
        left = _LAST
        while left > 0 and (data := self._read()):
            left -= len(data)
            self._output(data)
        os.close(self._fd)  # the kernel hangs up on what the program has left behind
        self._exited(code)


def _take_terminal() -> None:
    """Makes standard input the controlling terminal of the new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
