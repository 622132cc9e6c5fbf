"""The console's own commands."""

from __future__ import annotations

import asyncio

from rich.table import Table
from rich.text import Text

from rpc.console import measuring, render
from rpc.console.calls import CallLine
from rpc.console.measuring import Timings
from rpc.console.shell import Command, Quit, Shell
from rpc.console.words import SyntaxFault, whole_words


async def _help(shell: Shell, rest: str) -> None:
    if rest in shell.commands:
        command = shell.commands[rest]
        shell.screen.print(Text(command.usage, style="bold"))
        shell.screen.print(Text(command.doc))
    elif rest:
        shell.screen.print(shell.manual.about(rest))
    else:
        shell.screen.print(shell.manual.overview())
        table = Table(box=None, show_header=False, pad_edge=False)
        for command in shell.commands.values():
            table.add_row(Text(command.usage, style="bold"), Text(command.doc))
        shell.screen.print(table)


async def _repeat(shell: Shell, rest: str) -> None:
    count, call = _number(rest, "repeat N CALL")
    times = int(count)
    if not 1 <= times <= measuring.MOST or times != count:
        raise SyntaxFault(f"repeat {count:g}: a call is repeated 1 to {measuring.MOST:,} times")
    made = shell.calls.read(call)
    timings = Timings()

    async def once() -> float:
        _, seconds = await shell.timed(made)
        return seconds

    try:
        if shell.screen.is_terminal:
            with shell.screen.status(f"{times:,} times {made.method}; Ctrl+C stops"):
                await timings.repeat(once, times)
        else:
            await timings.repeat(once, times)
    finally:
        shell.screen.print(timings.told(), soft_wrap=True)


async def _every(shell: Shell, rest: str) -> None:
    seconds, call = _number(rest, "every SECONDS [N] CALL")
    if not 0.01 <= seconds <= 3600:
        raise SyntaxFault(f"every {seconds:g}: 0.01 to 3,600 seconds are taken")
    times = measuring.MOST
    if call[:1].isdigit():
        count, call = _number(call, "every SECONDS N CALL")
        times = min(int(count), times)
    made = shell.calls.read(call)
    timings = Timings()
    try:
        await timings.repeat(lambda: _line(shell, made), times, seconds)
    finally:
        shell.screen.print(timings.told(), soft_wrap=True)


async def _line(shell: Shell, call: CallLine) -> float:
    """Makes a call and shows its answer on one line."""
    answer, seconds = await shell.timed(call)
    head = Text(f"{render.milliseconds(seconds):>10} {render.in_bytes(answer.size):>12}  ", style="dim")
    room = max(20, shell.screen.width - head.cell_len - 1)
    shell.screen.print(head.append_text(render.compact(answer.value, room)))
    return seconds


async def _wait(shell: Shell, rest: str) -> None:
    seconds, more = _number(f"{rest} ", "wait SECONDS")
    if more or not 0 <= seconds <= 3600:
        raise SyntaxFault("wait takes seconds, 3,600 at most")
    await asyncio.sleep(seconds)


async def _save(shell: Shell, rest: str) -> None:
    path = shell.path(_one(rest, "save FILE"))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("# A script for `theia-bridge console`: source it, or pipe it in.\n")
            file.writelines(f"{line}\n" for line in shell.said)
    except FileExistsError:
        raise SyntaxFault(f"{path} is there already: name another file") from None
    shell.screen.print(f"{len(shell.said)} lines are in {path}")


async def _source(shell: Shell, rest: str) -> None:
    path = shell.path(_one(rest, "source FILE"))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SyntaxFault(f"{path} is no script: it is not UTF-8") from None
    await shell.run_script(text, str(path), path.parent)


async def _encoding(shell: Shell, rest: str) -> None:
    if rest == "json":
        shell.link.encoding = "json"
    elif rest == "msgpack":
        shell.link.encoding = "msgpack"
    elif rest:
        raise SyntaxFault("encoding is json or msgpack")
    shell.screen.print(f"encoding {shell.link.encoding}")


async def _frames(shell: Shell, rest: str) -> None:
    name = _one(rest, "frames on|off|FILE")
    if name == "off":
        shell.link.frames.stop()
    else:
        shell.link.frames.write_to("-" if name == "on" else str(shell.path(name)))


async def _quit(shell: Shell, rest: str) -> None:
    raise Quit


def _number(rest: str, usage: str) -> tuple[float, str]:
    """The number a text begins with, and what is behind it."""
    number, _, more = rest.partition(" ")
    try:
        return float(number), more.strip()
    except ValueError:
        raise SyntaxFault(f"{number or 'nothing'} is no number: {usage}") from None


def _one(rest: str, usage: str) -> str:
    found = whole_words(rest)
    if len(found) != 1:
        raise SyntaxFault(usage)
    return found[0].text


BUILTIN = (
    Command("help [TOPIC]", "What can be called, or all on one of it.", _help, "topic", kept=False),
    Command(
        "repeat N CALL", "Makes a call N times, one after the other: p50, p95, p99.", _repeat, "number call"
    ),
    Command(
        "every SECONDS [N] CALL",
        "Makes a call now and again, N times or until Ctrl+C.",
        _every,
        "number call",
    ),
    Command("wait SECONDS", "Waits, for a script to see what is told meanwhile.", _wait),
    Command(
        "save FILE", "Writes what was run so far as a script, without secrets.", _save, "file", kept=False
    ),
    Command("source FILE", "Runs a script.", _source, "file"),
    Command(
        "encoding json|msgpack", "What is sent from now on, and so answered.", _encoding, ("json", "msgpack")
    ),
    Command(
        "frames on|off|FILE", "Shows, or writes, the frames, with tokens masked.", _frames, ("on", "off")
    ),
    Command("quit", "Ends; so does Ctrl+D.", _quit, kept=False),
)
"""All of them, in the order they are listed."""
