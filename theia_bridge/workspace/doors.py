"""Where runtimes get in: a Unix socket for each with the application behind it, and a gate of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from auth.context import UserContext
from auth.errors import Reason, TokenRejected
from auth.gate import Gate
from fdb_provider.scope import Scope
from theia_bridge.workspace import sandbox

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
        listening = await asyncio.get_running_loop().create_unix_server(self._serve, path)
        sandbox.give(Path(path))
        self._open[path] = scope, listening

    def close(self, path: str) -> None:
        """Listens there no more."""
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
