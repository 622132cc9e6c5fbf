"""Signing in to a server from the command line, for as long as the work takes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from rpc import ChannelClosed
from rpc.client import Client
from theia_bridge import __version__
from theia_bridge.methods.protocol import Renewed, RenewParams

PATIENCE = 600.0
"""Seconds a call waits in all while the server takes no more calls of this user."""
RENEW_AT = 0.6
"""The part of a token's life after which it is renewed."""
_AGENT = {"User-Agent": f"theia-bridge/{__version__}"}
"""By which the account's owner knows a sign-in of the command line among theirs."""


class SignInFailed(Exception):
    """The server cannot be reached or refuses; the message says which and what to do."""


class SignIn(msgspec.Struct):
    """A sign-in; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: float


class _Access(msgspec.Struct):
    access_token: str


class _Problem(msgspec.Struct):
    detail: str


async def sign_in(url: str, email: str, password: str) -> SignIn:
    """Signs in to an account of the server at `url`. Raises `SignInFailed`."""
    content = await _post(url, "login", {"email": email, "password": password})
    return msgspec.json.decode(content, type=SignIn)


async def access_token(url: str, email: str, password: str) -> str:
    """An access token of a sign-in that ends with it. Raises `SignInFailed`."""
    content = await _post(url, "login", {"email": email, "password": password, "remember": False})
    return msgspec.json.decode(content, type=_Access).access_token


async def sign_out(url: str, refresh_token: str) -> None:
    """Ends a sign-in. Raises `SignInFailed`."""
    await _post(url, "logout", {"refresh_token": refresh_token})


@dataclass(frozen=True, slots=True)
class Connection:
    """A server that was signed in to.

    Args:
        url: its address, without a slash at the end.
        client: its RPC channel.
        token: the access token that stands now.
    """

    url: str
    client: Client
    token: Callable[[], str]


@contextlib.asynccontextmanager
async def with_token(url: str, socket: str, token: str) -> AsyncIterator[Connection]:
    """A connection by a token the caller has; it ends when the token does."""
    async with Client.connect(socket, token=token, patience=PATIENCE) as client:
        yield Connection(url, client, lambda: token)


@contextlib.asynccontextmanager
async def connected(url: str, socket: str, email: str, password: str) -> AsyncIterator[Connection]:
    """A connection that is kept past its token's end, and signed out at its own end.

    Args:
        url, socket: the server's address, and that of its RPC channel.

    Raises:
        SignInFailed: at the beginning.
    """
    current = await sign_in(url, email, password)

    async def keep() -> None:
        nonlocal current
        while True:
            await asyncio.sleep(current.expires_in * RENEW_AT)
            content = await _post(url, "refresh", {"refresh_token": current.refresh_token})
            current = msgspec.json.decode(content, type=SignIn)
            await client.call("auth.renew", RenewParams(token=current.access_token), Renewed)

    async with Client.connect(socket, token=current.access_token, patience=PATIENCE) as client:
        keeper = asyncio.create_task(keep())
        try:
            yield Connection(url, client, lambda: current.access_token)
        finally:
            keeper.cancel()
            # What went wrong with renewing shows in the calls that the closed channel refuses.
            with contextlib.suppress(asyncio.CancelledError, SignInFailed, ChannelClosed):
                await keeper
    with contextlib.suppress(SignInFailed):
        await sign_out(url, current.refresh_token)


async def _post(url: str, action: str, body: Mapping[str, str | bool]) -> bytes:
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=30), headers=_AGENT) as http,
            http.post(f"{url}/api/v5/auth/{action}", json=body) as response,
        ):
            content = await response.read()
            status = response.status
    except (ClientError, TimeoutError) as error:
        raise SignInFailed(
            f"no server answers at {url} ({error}): start it with `theia-bridge serve`"
        ) from None
    if status < 300:
        return content
    try:
        raise SignInFailed(msgspec.json.decode(content, type=_Problem).detail)
    except msgspec.MsgspecError:
        raise SignInFailed(f"{url} answered {status}, but not as Theia Bridge does") from None
