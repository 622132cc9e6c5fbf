"""Calling methods: `rpc` for scripts and pipes, `console` for people."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console

from rpc.client import Answer, Client, Encoding
from rpc.console import render
from rpc.console.calls import Calls
from rpc.console.words import SyntaxFault
from rpc.description import discover
from theia_bridge.commands import ends, outcomes
from theia_bridge.commands.common import DEFAULT_URL, Account, Token, Url, access, credentials

_EXIT_CODES = "**Exit codes**\n\n" + "\n".join(
    f"- {code}: {meaning}" for code, meaning in outcomes.MEANINGS.items()
)
app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False)


class Wanted(NamedTuple):
    """What `rpc` is to do; fields as its options."""

    method: str
    params: list[str]
    raw: str | None
    as_json: bool
    output: str | None
    follow: bool
    timeout: float | None


def main() -> None:
    """Runs `rpc` or `console`."""
    app(prog_name="theia-bridge")


@app.command("rpc", epilog=_EXIT_CODES)
def call(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Such as `fs.stat`.")],
    params: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Its parameters. Bytes may come from a file, `content=@FILE`, or with `@-` from standard "
            "input; `key:=JSON` gives JSON as it is.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer with one JSON document (bytes in base64).")
    ] = False,
    raw: Annotated[
        str | None, typer.Option(metavar="JSON", help="All params as one JSON object or array.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the bytes of the answer there; `-` is here."
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(help="Go on with the server's notifications, each a line of JSON, until Ctrl+C."),
    ] = False,
    timeout: Annotated[float | None, typer.Option(min=0.001, help="Seconds to wait for the answer.")] = None,
    email: Account = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Calls one method: the answer goes to standard output, errors to standard error.

    Example: `theia-bridge rpc fs.readDirectory path=/workspace --json --email ada@example.com | jq`
    """
    wanted = Wanted(method, params or [], raw, as_json, output, follow, timeout)
    with ends.told():
        if raw is not None and params:
            raise SyntaxFault("give the params by --raw or by key=value, not both")
        if as_json and output is not None:
            raise SyntaxFault("--output writes the bytes alone, --json all of the answer: give one of them")
        asyncio.run(_call(wanted, url, credentials(email, token)))


@app.command()
def console(
    url: Annotated[str, typer.Argument(help="The server.", envvar="THEIA_BRIDGE_URL")] = DEFAULT_URL,
    email: Account = None,
    token: Token = None,
    encoding: Annotated[Encoding, typer.Option(help="What is sent, and so answered.")] = "msgpack",
    trace: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write all frames there, tokens masked; `-` is standard error."),
    ] = None,
) -> None:
    """Calls methods as they are typed, and shows answers and what the server tells unasked.

    What is piped in is run as a script, up to the first line that fails; the exit codes are those of `rpc`.

    Example: `theia-bridge console http://127.0.0.1:8400 --email ada@example.com`
    """
    from theia_bridge.commands import interactive  # noqa: PLC0415 - `rpc` needs none of it

    with ends.told():
        if token is None and email is None and sys.stdin.isatty():
            email = str(typer.prompt("E-mail address", err=True))
        asyncio.run(interactive.run(url.rstrip("/"), credentials(email, token), encoding, trace))


async def _call(wanted: Wanted, url: str, caller: str | tuple[str, str]) -> None:
    in_json = wanted.as_json or wanted.follow
    async with (
        access(url, caller) as right,
        right.channel(encoding="json" if in_json else "msgpack") as client,
    ):
        told = client.notifications()  # from before the call, as it may be what makes them come
        try:
            async with asyncio.timeout(wanted.timeout):
                answer = await _answered(client, wanted)
        except TimeoutError:
            raise TimeoutError(f"{wanted.method} was not answered within {wanted.timeout:g} s") from None
        await asyncio.to_thread(_write, answer, wanted)
        if wanted.follow:
            async for name, params in told:
                await asyncio.to_thread(_write_line, {"method": name, "params": params})


async def _answered(client: Client, wanted: Wanted) -> Answer:
    calls = Calls(await discover(client), _read_file)
    if wanted.raw is None:
        made = calls.of(wanted.method, wanted.params)
    else:
        made = calls.json_params(wanted.method, wanted.raw)
    return await client.ask(made.method, made.params)


def _read_file(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _write(answer: Answer, wanted: Wanted) -> None:
    if wanted.output is not None:
        content = _content(answer.value, wanted.method)
        if wanted.output == "-":
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            try:
                Path(wanted.output).write_bytes(content)
            except OSError as error:
                raise SyntaxFault(f"{wanted.output} cannot be written: {error.strerror}") from None
    elif wanted.as_json or wanted.follow:
        _write_line(answer.value)
    else:
        console = Console(soft_wrap=True)
        console.print(render.value(answer.value, console.width), highlight=False)


def _write_line(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _content(value: object, method: str) -> bytes:
    """The bytes that a result is, or has one of."""
    found = [value] if isinstance(value, bytes) else []
    if isinstance(value, dict):
        found = [item for item in value.values() if isinstance(item, bytes)]
    if len(found) != 1:
        raise SyntaxFault(f"--output: the result of {method} has no bytes")
    return found[0]
