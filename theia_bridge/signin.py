"""Signing in to a server from the command line, for as long as the work takes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec
from websockets.exceptions import InvalidHandshake

from rpc.client import Client, Encoding, OnFrame, Unauthorized
from rpc.errors import ChannelClosed, RpcError
from theia_bridge import __version__

PATIENCE = 600.0
"""Seconds a call waits in all while the server takes no more calls of this user."""
RENEW_AT = 0.6
"""The part of a token's life after which it is renewed."""
_AGENT = {"User-Agent": f"theia-bridge/{__version__}"}
"""By which the account's owner knows a sign-in of the command line among theirs."""


class SignInFailed(Exception):
    """The server cannot be reached or refuses; the message says which and what to do."""


class Unreachable(SignInFailed):
    """No server answers, or what answers is none."""


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


class Access(Protocol):
    """A right to open channels."""

    @property
    def token(self) -> str:
        """The access token that stands now."""
        ...

    def channel(
        self, *, encoding: Encoding = "msgpack", on_frame: OnFrame | None = None, patience: float = PATIENCE
    ) -> contextlib.AbstractAsyncContextManager[Client]:
        """A channel that is open for as long as the right stands; arguments as of `Client.connect`.

        Raises:
            SignInFailed, Unauthorized: the right has ended.
            Unreachable: there is no connection.
        """
        ...


class GivenToken:
    """A token the caller has; it is not renewed.

    Args:
        socket: the address of the RPC channel.
    """

    def __init__(self, socket: str, token: str) -> None:
        self.token = token
        self._socket = socket

    @contextlib.asynccontextmanager
    async def channel(
        self, *, encoding: Encoding = "msgpack", on_frame: OnFrame | None = None, patience: float = PATIENCE
    ) -> AsyncIterator[Client]:
        """As `Access.channel`."""
        connecting = Client.connect(
            self._socket, token=self.token, encoding=encoding, on_frame=on_frame, patience=patience
        )
        async with _reached(self._socket, connecting) as client:
            yield client


class SignedIn:
    """A sign-in that is renewed while a channel is open, and when one is opened."""

    def __init__(self, url: str, socket: str, current: SignIn) -> None:
        self._url = url
        self._socket = socket
        self._renewing: asyncio.Task[None] | None = None
        self._take(current)

    @classmethod
    @contextlib.asynccontextmanager
    async def by_password(cls, url: str, socket: str, email: str, password: str) -> AsyncIterator[SignedIn]:
        """Signs in, and out at the end. Raises `SignInFailed`."""
        signed_in = cls(url, socket, await sign_in(url, email, password))
        try:
            yield signed_in
        finally:
            with contextlib.suppress(SignInFailed):
                if signed_in._renewing is not None:
                    await signed_in._renewing
                await sign_out(url, signed_in._current.refresh_token)

    @property
    def token(self) -> str:
        """The access token that stands now."""
        return self._current.access_token

    @contextlib.asynccontextmanager
    async def channel(
        self, *, encoding: Encoding = "msgpack", on_frame: OnFrame | None = None, patience: float = PATIENCE
    ) -> AsyncIterator[Client]:
        """As `Access.channel`."""
        async with contextlib.AsyncExitStack() as stack:

            async def connect() -> Client:
                connecting = Client.connect(
                    self._socket, token=self.token, encoding=encoding, on_frame=on_frame, patience=patience
                )
                return await stack.enter_async_context(_reached(self._socket, connecting))

            if time.monotonic() >= self._renew_at:  # no channel was open meanwhile
                await self._renew()
            try:
                client = await connect()
            except Unauthorized:  # this machine slept, or its clock is not the server's
                await self._renew()
                client = await connect()
            keeper = asyncio.create_task(self._keep(client))
            try:
                yield client
            finally:
                keeper.cancel()
                # What went wrong with renewing shows in the calls that the closed channel refuses.
                with contextlib.suppress(asyncio.CancelledError, SignInFailed, ChannelClosed, RpcError):
                    await keeper

    async def _keep(self, client: Client) -> None:
        while True:
            await asyncio.sleep(self._renew_at - time.monotonic())
            await self._renew()
            await client.call("auth.renew", {"token": self.token}, object)

    async def _renew(self) -> None:
        """Goes on though it be cancelled: the refresh token is used up once the server has it."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._refresh())
        await asyncio.shield(self._renewing)

    async def _refresh(self) -> None:
        content = await _post(self._url, "refresh", {"refresh_token": self._current.refresh_token})
        self._take(msgspec.json.decode(content, type=SignIn))

    def _take(self, current: SignIn) -> None:
        self._current = current
        self._renew_at = time.monotonic() + current.expires_in * RENEW_AT


@contextlib.asynccontextmanager
async def _reached(
    socket: str, connecting: contextlib.AbstractAsyncContextManager[Client]
) -> AsyncIterator[Client]:
    """A connection, with what is wrong if there is none."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(connecting)
        except Unauthorized:
            raise
        except OSError as error:
            raise _unreachable(socket, error) from None
        except InvalidHandshake as error:
            raise Unreachable(f"{socket} answers, but not as Theia Bridge does: {error}") from None
        yield client


def _unreachable(url: str, error: Exception) -> Unreachable:
    return Unreachable(f"no server answers at {url} ({error}): start it with `theia-bridge serve`")


async def _post(url: str, action: str, body: Mapping[str, str | bool]) -> bytes:
    from aiohttp import ClientError, ClientSession, ClientTimeout  # noqa: PLC0415 - a token needs none of it

    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=30), headers=_AGENT) as http,
            http.post(f"{url}/api/v5/auth/{action}", json=body) as response,
        ):
            content = await response.read()
            status = response.status
    except (ClientError, TimeoutError) as error:
        raise _unreachable(url, error) from None
    if status < 300:
        return content
    try:
        raise SignInFailed(msgspec.json.decode(content, type=_Problem).detail)
    except msgspec.MsgspecError:
        raise Unreachable(f"{url} answered {status}, but not as Theia Bridge does") from None
