"""The console: runs lines, one after the other, and shows what comes of them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rpc.client import Answer
from rpc.codec import UNENCODABLE
from rpc.console import render
from rpc.console.calls import CallLine, Calls, nearest
from rpc.console.completion import Completion, Ways
from rpc.console.link import Ended, Link
from rpc.console.manual import Manual
from rpc.console.secrets import masked_line
from rpc.console.words import SyntaxFault, script_lines, words
from rpc.description import Description
from rpc.errors import ChannelClosed, RpcError

FAILURES = (SyntaxFault, RpcError, ChannelClosed, Ended, OSError, *UNENCODABLE)
"""What a line may end with, to be shown."""
_DEEP = 10
"""Scripts that may run each other."""


class Stopped(Exception):
    """Ctrl+C."""


class Quit(Exception):
    """The console is to end."""


class LineFailed(Exception):
    """A line of a script has failed, and so has the script.

    Args:
        where: the script and the line's number.
        cause: one of `FAILURES`.
    """

    def __init__(self, where: str, cause: Exception) -> None:
        super().__init__(f"{where}: {cause}")
        self.where = where
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Command:
    """What a line may do besides calling a method.

    Args:
        usage: the command and what it takes.
        doc: what it does.
        run: does it, with the text behind the command's name; raises any of `FAILURES`.
        takes: as `Completion` has `arguments`.
        kept: whether `save` writes it.
    """

    usage: str
    doc: str
    run: Callable[[Shell, str], Awaitable[None]]
    takes: str | Sequence[str] = ""
    kept: bool = True

    @property
    def name(self) -> str:
        """The command."""
        return self.usage.partition(" ")[0]


class Shell:
    """Runs lines over a connection.

    Args:
        description: what the server says of its methods.
        screen: where all is shown.
        commands: all there are, in the order they are listed.
        ways: proposes values for completion.

    Attributes:
        said: the lines that have run to their end, as a script and without secrets.
    """

    def __init__(
        self, link: Link, description: Description, screen: Console, commands: Sequence[Command], ways: Ways
    ) -> None:
        self.link = link
        self.screen = screen
        self.calls = Calls(description, self._read_file)
        self.manual = Manual(self.calls)
        self.commands = {command.name: command for command in commands}
        self.completion = Completion(
            self.calls,
            {name: command.doc for name, command in self.commands.items()},
            {name: command.takes for name, command in self.commands.items()},
            [*self.commands, *self.manual.topics],
            ways,
        )
        self.said: list[str] = []
        self._folders: list[Path] = []

    async def run(self, line: str) -> None:
        """Runs a line; a `-` before it is for scripts. Raises any of `FAILURES`, `LineFailed` and `Quit`."""
        typed = line.strip()
        line = typed.removeprefix("-").lstrip()
        if not line or typed.startswith("#"):
            return
        name = words(line)[0].text
        command = self.commands.get(name)
        try:
            if command is not None:
                await command.run(self, line[len(name) :].strip())
            elif "." in name or "{" in name or "/" in name:
                await self.show(self.calls.read(line))
            else:
                raise SyntaxFault(f"There is no command {name}{nearest(name, self._names())}; see help")
        except RpcError:
            self.said.append(f"-{masked_line(line)}")
            raise
        if command is None or command.kept:
            self.said.append(masked_line(typed))

    async def show(self, call: CallLine) -> None:
        """Makes a call and shows its answer."""
        answer, seconds = await self.timed(call)
        if answer.value is not None:
            self.screen.print(render.value(answer.value, self.screen.width), soft_wrap=True)
        self.screen.print(render.footer(call.method, seconds, answer.size))

    async def timed(self, call: CallLine) -> tuple[Answer, float]:
        """Makes a call; its answer, with the bytes in it decoded, and how many seconds it took."""
        started = time.perf_counter()
        answer = await self.link.ask(call.method, call.params)
        seconds = time.perf_counter() - started
        method = self.calls.methods.get(call.method)
        if method is None or method.result is None:
            return answer, seconds
        value = answer.value
        if self.link.encoding == "json":
            value = self.calls.values.from_json(method.result.schema, value)
        return Answer(value, answer.size), seconds

    async def run_script(self, text: str, name: str, folder: Path) -> None:
        """Runs the lines of a script until one fails; one that begins with `-` may.

        Args:
            name: of the script, to tell where it failed.
            folder: what `@FILE` is relative to.

        Raises:
            LineFailed, Quit
            SyntaxFault: too many scripts have run each other.
        """
        if len(self._folders) == _DEEP:
            raise SyntaxFault(f"{name} is the {_DEEP + 1}th script that runs within another")
        self._folders.append(folder)
        try:
            for number, line in script_lines(text):
                self.screen.print(Text(f"> {masked_line(line)}", style="bold"), soft_wrap=True)
                try:
                    await self.run(line)
                except (LineFailed, *FAILURES) as error:
                    if line.startswith("-"):
                        self.fail(error)
                    elif isinstance(error, LineFailed):
                        raise
                    else:
                        raise LineFailed(f"{name}, line {number}", error) from error
        finally:
            self._folders.pop()

    def fail(self, error: Exception) -> None:
        """Shows what a line has ended with."""
        if isinstance(error, LineFailed):
            self.screen.print(Text(error.where, style="red"))
            error = error.cause
        if isinstance(error, RpcError):
            self.screen.print(render.error(error), soft_wrap=True)
        else:
            self.screen.print(Text(str(error) or type(error).__name__, style="red"), soft_wrap=True)

    async def stoppable(self, work: Coroutine[object, object, None]) -> None:
        """Does something until it is done or Ctrl+C is pressed: then it raises `Stopped`."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        stopped = False

        def stop() -> None:
            nonlocal stopped
            if self.screen.is_terminal and not stopped:
                self.screen.print()  # behind the terminal's ^C
            stopped = True
            task.cancel()

        before = signal.getsignal(signal.SIGINT)
        loop.add_signal_handler(signal.SIGINT, stop)
        try:
            await task
        except asyncio.CancelledError:
            if not stopped:
                raise
            raise Stopped from None
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)

    def path(self, name: str) -> Path:
        """A local file that was named, relative to the script that runs."""
        folder = self._folders[-1] if self._folders else Path()
        return folder / Path(name).expanduser()

    def _read_file(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def _names(self) -> list[str]:
        return [*self.commands, *self.calls.methods]
