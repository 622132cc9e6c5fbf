"""The console of a server, put together."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rpc.client import Encoding, Unauthorized
from rpc.console import commands, render
from rpc.console.link import Link
from rpc.console.shell import LineFailed, Quit, Shell
from theia_bridge.commands import tracing
from theia_bridge.commands.common import access, errors
from theia_bridge.commands.watching import Files
from theia_bridge.signin import SignInFailed, Unreachable

_STATE = "theia-bridge/console-history"
"""Where the history is, below the folder for such things."""


async def run(url: str, caller: str | tuple[str, str], encoding: Encoding, frames: str | None) -> None:
    """Runs the console: at a terminal until it is left, else what is piped in.

    Args:
        frames: where frames are written to from the start; `-` is standard error.

    Raises:
        SignInFailed, Unauthorized: at the beginning.
        Exception: the first line of a script that failed, did so by it.
    """
    screen = Console(highlight=False)
    files = Files()

    def tell(name: str, params: object) -> None:
        text = (
            files.told(params) if name == "fs.didChange" else render.notification(name, params, screen.width)
        )
        if text is not None:
            screen.print(text, soft_wrap=True)

    def say(what: str) -> None:
        screen.print(Text(what, style="yellow"), soft_wrap=True)

    async with access(url, caller) as right:
        link = Link(right.channel, _is_lasting, tell, say, encoding)
        if frames is not None:
            link.frames.write_to(frames)
        async with link.open() as description:
            every = (*commands.BUILTIN, *files.of(link), tracing.COMMAND)
            shell = Shell(link, description, screen, every, files.ways)
            if sys.stdin.isatty():
                await _interact(shell, url)
            else:
                await _run_script(shell, await asyncio.to_thread(sys.stdin.read))


async def _interact(shell: Shell, url: str) -> None:
    from rpc.console.prompt import interact  # noqa: PLC0415 - a script has no prompt

    info = shell.calls.description.info
    shell.screen.print(f"{info.title} {info.version} at {url}. Tab completes, help helps, Ctrl+D ends.")

    def toolbar() -> str:
        state = "connected" if shell.link.connected else "not connected"
        frames = ", frames" if shell.link.frames.are_written else ""
        return f" {url}  {state}  {shell.link.encoding}{frames}"

    await interact(shell, _history(), toolbar)


def _history() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / _STATE


async def _run_script(shell: Shell, text: str) -> None:
    try:
        with suppress(Quit):
            await shell.run_script(text, "standard input", Path())
    except LineFailed as failed:
        errors.print(Text(failed.where, style="red"), soft_wrap=True)
        raise failed.cause from None


def _is_lasting(error: Exception) -> bool:
    """Whether the right to connect has ended."""
    return isinstance(error, SignInFailed | Unauthorized) and not isinstance(error, Unreachable)
