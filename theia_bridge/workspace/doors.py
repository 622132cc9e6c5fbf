"""Where runtimes get in: a Unix socket for each with the application behind it, and a gate of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from aiohttp import web

from auth.context import UserContext
from auth.errors import Reason, TokenRejected
from auth.gate import Gate
from fdb_provider.scope import Scope
from theia_bridge.workspace import sandbox
from theia_bridge.workspace.peers import peer

OPEN = ("/ws/rpc", "/api/v5/files")
"""What a runtime may ask for, and all below it."""


class Doors:
    """The sockets of all runtimes of this gateway.

    Args:
        gate: of the runtimes' tokens, which no other door takes.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._serve: Callable[[], asyncio.BaseProtocol] | None = None
        self._open: dict[str, tuple[Scope, asyncio.Server]] = {}
        self._only: dict[str, int] = {}

    def serve_with(self, server: Callable[[], asyncio.BaseProtocol]) -> None:
        """Has connections served by what `web.AppRunner.server` is."""
        self._serve = server

    async def open(self, path: str, scope: Scope) -> None:
        """Listens at `path` for the runtime of `scope`.

        Raises:
            OSError: the path cannot be listened on.
        """
        if self._serve is None:
            raise RuntimeError("the application does not run")
        knock = partial(_Knock, partial(self._only.get, path), self._serve)
        listening = await asyncio.get_running_loop().create_unix_server(knock, path)
        sandbox.give(Path(path))
        self._open[path] = scope, listening

    def keep_to(self, path: str, process: int) -> None:
        """From now on takes connections there of that process only.

        Programs that run beside it have the same user, and could take up all connections that the server may
        have open, or all its time.
        """
        self._only[path] = process

    def close(self, path: str) -> None:
        """Listens there no more."""
        self._only.pop(path, None)
        _, listening = self._open.pop(path)
        listening.close()

    def path_of(self, request: web.Request) -> str | None:
        """The door a request came in by; None if by none of these."""
        path = request.get_extra_info("sockname")
        return path if isinstance(path, str) and path in self._open else None

    async def authenticate(self, request: web.Request, door: str) -> UserContext:
        """The runtime that makes a request.

        Raises:
            web.HTTPNotFound: it asks for what is not for runtimes.
            TokenRejected: its token does not stand, or is of another session.
            StoreError: the store does not answer.
        """
        if not any(request.path == root or request.path.startswith(f"{root}/") for root in OPEN):
            raise web.HTTPNotFound
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        user = await self.gate.authenticate(token)
        if door not in self._open or self._open[door][0] != user.scope:
            raise TokenRejected(Reason.REVOKED)
        return user


class _Knock(asyncio.Protocol):
    """A connection of which it is not known yet whether it is served.

    Args:
        only: the process that is; None: any.
        serve: makes the protocol that does it.
    """

    def __init__(self, only: Callable[[], int | None], serve: Callable[[], asyncio.BaseProtocol]) -> None:
        self._only = only
        self._serve = serve

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio
        only = self._only()
        if only is not None and peer(connection.get_extra_info("socket")) != only:
            connection.abort()
            return
        protocol = self._serve()
        connection.set_protocol(protocol)
        protocol.connection_made(transport)
