"""What commands share: their options, how they reach a server, and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from theia_bridge.signin import Access, Connection, GivenToken, SignedIn

errors = Console(stderr=True)

Store = Annotated[str | None, typer.Option(help="`embedded:FOLDER` or `fdb:CLUSTER_FILE`.")]
Email = Annotated[str, typer.Option(help="The account's e-mail address.")]
Account = Annotated[str | None, typer.Option("--email", help="The account's e-mail address.")]
Url = Annotated[str, typer.Option(help="The server.", envvar="THEIA_BRIDGE_URL")]
Token = Annotated[
    str | None,
    typer.Option(help="An access token, instead of e-mail and password.", envvar="THEIA_BRIDGE_TOKEN"),
]
DEFAULT_URL = "http://127.0.0.1:8400"


def fail(message: str, code: int = 1) -> NoReturn:
    """Ends the program with one line on standard error."""
    errors.print(f"[red]theia-bridge:[/red] {escape(message)}", highlight=False, soft_wrap=True)
    sys.exit(code)


def credentials(email: str | None, token: str | None) -> str | tuple[str, str]:
    """Who calls: a token, or an e-mail address with its password."""
    if token is not None:
        return token
    if email is None:
        fail("say who you are: --email E, or --token T", 2)
    return email, password()


def password(*, confirm: bool = False) -> str:
    """From `THEIA_BRIDGE_PASSWORD`, or asked for."""
    given = os.environ.get("THEIA_BRIDGE_PASSWORD")
    return (
        given
        if given is not None
        else str(typer.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True))
    )


def _socket_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        fail(f"{url!r} is not a server's address: use http://HOST:PORT", 2)
    return (
        ("wss" if parts.scheme == "https" else "ws") + url.rstrip("/").removeprefix(parts.scheme) + "/ws/rpc"
    )


def access(url: str, caller: str | tuple[str, str]) -> AbstractAsyncContextManager[Access]:
    """The right to open channels, as `credentials` says who calls; signed out at the end if it was signed in.

    Raises:
        SignInFailed: when it is entered.
    """
    socket = _socket_url(url)
    if isinstance(caller, str):
        return nullcontext(GivenToken(socket, caller))
    return SignedIn.by_password(url.rstrip("/"), socket, *caller)


@asynccontextmanager
async def connection(url: str, caller: str | tuple[str, str]) -> AsyncIterator[Connection]:
    """A connection to a server that is kept past its token's end. Raises `SignInFailed`."""
    async with access(url, caller) as right, right.channel() as client:
        yield Connection(url.rstrip("/"), client, lambda: right.token)


def progress() -> Progress:
    """A bar that counts bytes."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    return Progress(*columns, console=errors)
