"""Terminals as a browser has them: methods on the RPC channel, bytes on a socket for each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import msgspec

from rpc.client import Client
from tests.process import Server
from theia_bridge.workspace.terminal.protocol import (
    CloseTerminalParams,
    CreateTerminalParams,
    Terminal,
    TerminalExit,
    TerminalList,
)

PATIENCE = 20.0
"""Seconds after which what has not come does not come."""


class Person:
    """An account with its channel to a server."""

    def __init__(self, server: Server, token: str, client: Client) -> None:
        self.server = server
        self.token = token
        self.client = client

    @classmethod
    @contextlib.asynccontextmanager
    async def register(cls, server: Server, email: str) -> AsyncIterator[Person]:
        token = (await server.register(email)).access_token
        async with server.connect(token) as client:
            yield cls(server, token, client)

    async def create(self, *command: str, **params: object) -> Terminal:
        """A new terminal: of a command, or of the default shell."""
        given = {"command": command[0], "args": list(command[1:])} if command else {}
        return await self.client.call(
            "terminal.create", msgspec.convert(given | params, CreateTerminalParams), Terminal
        )

    async def list(self) -> list[Terminal]:
        return (await self.client.call("terminal.list", None, TerminalList)).terminals

    async def close(self, terminal: Terminal) -> None:
        await self.client.call("terminal.close", CloseTerminalParams(id=terminal.id))

    @contextlib.asynccontextmanager
    async def attach(self, id: str) -> AsyncIterator[Attached]:
        """Is attached to a terminal."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}) as http,
            http.ws_connect(f"{self.server.url}/ws/terminal/{id}") as socket,
        ):
            yield Attached(socket)


class Attached:
    """One end of a terminal's socket, which acknowledges what it reads.

    Attributes:
        seen: all output so far.
        replay: how many bytes of that were said before.
        exit: how the program has ended, if that was told.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen = bytearray()
        self.replay: int | None = None
        self.exit: TerminalExit | None = None

    async def type(self, text: str) -> None:
        await self.socket.send_bytes(text.encode())

    async def control(self, **members: object) -> None:
        await self.socket.send_json(members)

    async def until(self, text: str) -> str:
        """Reads until the output has `text`; the output before it, which is forgotten with it."""
        wanted = text.encode()
        while (at := self.seen.find(wanted)) < 0:
            assert await self.read(), f"{text!r} did not come, but {bytes(self.seen[-500:])!r}"
        before = self.seen[:at].decode()
        del self.seen[: at + len(wanted)]
        return before

    async def to_end(self) -> TerminalExit:
        """Reads all until the program has ended."""
        while await self.read():
            pass
        assert self.exit is not None, f"closed by {self.socket.close_code} after {bytes(self.seen[-500:])!r}"
        return self.exit

    async def read(self) -> bool:
        """Reads a frame; False if there will be none."""
        async with asyncio.timeout(PATIENCE):
            message = await self.socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            self.seen += message.data
            await self.control(ack=len(message.data))
        elif message.type is aiohttp.WSMsgType.TEXT:
            told = msgspec.json.decode(message.data)
            if "replay" in told:
                self.replay = told["replay"]
            else:
                self.exit = msgspec.convert(told["exit"], TerminalExit)
        else:
            return False
        return True
