"""The console's connection: made again when it ends, with a hand on what the server tells unasked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

from rpc.client import Answer, Client, Encoding, OnFrame, Params
from rpc.console.frames import Frames
from rpc.description import Description, discover
from rpc.errors import ChannelClosed, RpcError

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further attempt to connect; the last stands for all beyond."""
PATIENCE = 30.0
"""Seconds a call waits for a connection that is made again."""


class Open(Protocol):
    """Opens a channel: raises OSError or whatever else, which is told, when there is none."""

    def __call__(
        self, *, encoding: Encoding, on_frame: OnFrame, patience: float
    ) -> AbstractAsyncContextManager[Client]: ...


class Ended(Exception):
    """There is no connection, and none will be made: the right to it has ended, for the reason given."""


class Link:
    """A connection that is made again.

    Args:
        opens: opens a channel.
        is_lasting: whether after an error of `opens` another attempt is no use.
        tell: is told of notifications.
        say: is told, in words, of what becomes of the connection.

    Attributes:
        encoding: of what is sent.
        frames: writes frames.
        resumed: called, each time, once there is another connection.
    """

    def __init__(
        self,
        opens: Open,
        is_lasting: Callable[[Exception], bool],
        tell: Callable[[str, object], None],
        say: Callable[[str], None],
        encoding: Encoding = "msgpack",
    ) -> None:
        self.frames = Frames()
        self.encoding: Encoding = encoding
        self.resumed: list[Callable[[], Awaitable[None]]] = []
        self._opens = opens
        self._is_lasting = is_lasting
        self._tell = tell
        self._say = say
        self._client: Client | None = None
        self._changed = asyncio.Event()
        self._ended: Exception | None = None
        self._resuming: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Description]:
        """Connects, and stays connected until the end; yields what the server says of its methods.

        Raises what `opens` raises when there is no first connection.
        """
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        keeper = asyncio.create_task(self._keep(first))
        try:
            await first
            yield await discover(await self._connection())
        finally:
            keeper.cancel()
            if self._resuming is not None:
                self._resuming.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            self.frames.stop()

    async def ask(self, method: str, params: Params = None) -> Answer:
        """Calls a method, once there is a connection. Cancelling it cancels the call on the server too.

        Raises:
            RpcError: the server's answer.
            ChannelClosed: the connection ended before the answer came, or there is none.
            Ended: there will be none.
        """
        client = await self._connection()
        client.encoding = self.encoding
        return await client.ask(method, params)

    async def _connection(self) -> Client:
        try:
            async with asyncio.timeout(PATIENCE):
                while self._client is None:
                    if self._ended is not None:
                        raise Ended(str(self._ended))
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ChannelClosed(f"There is no connection, and was none for {PATIENCE:g} s") from None
        return self._client

    async def _keep(self, first: asyncio.Future[None]) -> None:
        attempts = 0
        while True:
            try:
                opened = self._opens(encoding=self.encoding, on_frame=self.frames, patience=0)
                async with opened as client:
                    attempts = 0
                    if first.done():
                        self._say("connected again")
                        self._resuming = asyncio.create_task(self._resume())
                    else:
                        first.set_result(None)
                    await self._serve(client)
            except ChannelClosed as error:
                self._say(f"{error}; connecting again")
            except Exception as error:
                if not first.done():
                    first.set_exception(error)
                    return
                if self._is_lasting(error):
                    self._ended = error
                    self._changed.set()
                    self._say(f"{error}; start again to go on")
                    return
                if attempts <= 1:  # what ended it if not the network, and why there is no other; once each
                    self._say(f"{type(error).__name__}: {error}; connecting again")
            await asyncio.sleep(PAUSES[min(attempts, len(PAUSES) - 1)])
            attempts += 1

    async def _serve(self, client: Client) -> None:
        """Lets calls be made until the connection ends, with `ChannelClosed`."""
        notifications = client.notifications()
        self._client = client
        self._changed.set()
        try:
            async for name, params in notifications:
                self._tell(name, params)
        finally:
            self._client = None

    async def _resume(self) -> None:
        for resumed in self.resumed:
            try:
                await resumed()
            except RpcError as error:
                self._say(str(error))
            except (ChannelClosed, Ended):
                return
