"""The language servers of a runtime: `/lsp/{language}`, and methods `language.*`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from theia_bridge.backoff import Backoff
from theia_bridge.lsp import messages
from theia_bridge.lsp.framing import BadFrame
from theia_bridge.workspace.handover import LanguageServer
from theia_bridge.workspace.languages.places import Places, places
from theia_bridge.workspace.languages.protocol import (
    Language,
    LanguageDidChange,
    LanguageList,
    LanguageState,
)
from theia_bridge.workspace.languages.server import StdioServer, Stuck

if TYPE_CHECKING:
    from theia_bridge.workspace.server import Site

LIMIT = 16
"""Servers a session may have at a time."""
BACKOFF = (0.0, 0.5, 2.0, 10.0, 30.0)
"""Seconds from a server's end to the next start, by how many have ended by themselves in succession."""
FILES_SECONDS = 20.0
"""How long a server waits for the session's files to be on the disk: what comes later it must be told of."""
_CLOSE_SECONDS = 2.0
_EXIT = "exit"

Closing = tuple[int, str]
"""The code and the reason with which a socket is closed."""


class _Kind:
    """The servers of one language.

    Attributes:
        running: those that run.
        backoff: when the next may start.
    """

    def __init__(self, id: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.id = id
        self.command = command
        self.environment = environment
        self.running: set[StdioServer] = set()
        self.starting = 0
        self.backoff = Backoff(*BACKOFF)
        self.error: str | None = None

    def failed(self, why: str, ran: float) -> None:
        """One has ended by itself, after so many seconds."""
        self.backoff.failed(ran)
        self.error = why

    def describe(self) -> Language:
        state: LanguageState = "running" if self.running else "stopped" if self.error is None else "failed"
        return Language(
            id=self.id,
            state=state,
            servers=len(self.running),
            crashes=self.backoff.failures,
            error=self.error,
        )


class Languages:
    """Runs a server for each socket, until either ends."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kinds = {id: _kind(id, server, site) for id, server in site.handover.languages.items()}
        self._places = places(site.handover.workspace, site.handover.home)
        self._news: asyncio.Queue[Language] = asyncio.Queue()
        site.languages = lambda: sorted(kind.id for kind in self._kinds.values() if kind.running)
        site.routes.get("/lsp/{language}")(self._attach)
        self._declare()

    async def run(self) -> None:
        """Tells what happens, and at last ends all."""
        try:
            while True:
                language = await self._news.get()
                await self._site.notify("language.didChange", LanguageDidChange(language=language))
                await self._site.changed()
        finally:
            await asyncio.gather(*(server.end() for kind in self._kinds.values() for server in kind.running))

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        kind = self._kinds.get(request.match_info["language"])
        if kind is None:
            raise web.HTTPNotFound
        if sum(len(each.running) + each.starting for each in self._kinds.values()) >= LIMIT:
            raise web.HTTPTooManyRequests(
                text=f"The session has {LIMIT} language servers, as many as it may."
            )
        kind.starting += 1
        try:
            server = await self._start(kind)
        finally:
            kind.starting -= 1
        began = time.monotonic()
        kind.running.add(server)
        self._changed(kind)
        socket = web.WebSocketResponse(
            max_msg_size=self._site.handover.max_frame, compress=False, timeout=_CLOSE_SECONDS
        )
        closing: Closing | None = None
        try:
            await socket.prepare(request)
            closing = await self._connect(socket, server)
        finally:
            how = await server.end()
            kind.running.discard(server)
            if closing is not None and closing[0] == WSCloseCode.SERVICE_RESTART:
                kind.failed(f"{closing[1]} ({how}).", time.monotonic() - began)
            else:
                kind.backoff.failures, kind.error = 0, None
            self._changed(kind)
        if closing is not None:
            code, reason = closing
            await socket.close(code=code, message=reason.encode()[:123])
        return socket

    async def _start(self, kind: _Kind) -> StdioServer:
        """Starts a server, when it may be. Raises `web.HTTPServiceUnavailable`."""
        if kind.backoff.is_long:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": f"{kind.backoff.wait:.0f}"})
        await asyncio.sleep(kind.backoff.wait)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FILES_SECONDS):
                await self._site.files.wait()
        try:
            server = await StdioServer.start(
                kind.command,
                environment=kind.environment,
                cwd=self._site.handover.workspace,
                limit=self._site.handover.max_frame,
            )
        except OSError as error:
            kind.failed(f"{kind.command[0]} cannot be started: {error.strerror or error}", 0)
            self._changed(kind)
            raise web.HTTPServiceUnavailable from None
        return server

    async def _connect(self, socket: web.WebSocketResponse, server: StdioServer) -> Closing | None:
        """Brings messages both ways until one side ends; how to close the socket, unless it is closed."""
        pumps = [
            asyncio.create_task(_inward(socket, server, self._places)),
            asyncio.create_task(_outward(server, socket, self._places)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    def _changed(self, kind: _Kind) -> None:
        self._news.put_nowait(kind.describe())

    def _declare(self) -> None:
        registry = self._site.registry
        registry.notification("language.didChange", LanguageDidChange, "A server has begun or ended.")

        @registry.method("language.list")
        async def list_(_: object) -> LanguageList:
            """The languages there are servers for."""
            return LanguageList(languages=[kind.describe() for kind in self._kinds.values()])


async def _inward(socket: web.WebSocketResponse, server: StdioServer, places: Places) -> Closing | None:
    """Gives the server what the browser sends, as far as that may be ahead of it."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            return WSCloseCode.UNSUPPORTED_DATA, "Messages are in text frames."
        try:
            method = messages.decode(message.data).method
        except msgspec.DecodeError as error:
            return WSCloseCode.INVALID_TEXT, f"Not a message of JSON-RPC: {error}"
        try:
            await server.send(places.inward(message.data))
        except Stuck as error:
            return WSCloseCode.SERVICE_RESTART, f"The language server hangs: {error}"
        except ConnectionError:
            pass  # the other pump comes to the end of what it has said
        if method == _EXIT:
            return WSCloseCode.OK, ""
    return None


async def _outward(server: StdioServer, socket: web.WebSocketResponse, places: Places) -> Closing:
    """A message is taken from the server when the one before it was taken by the browser."""
    try:
        while (body := await server.receive()) is not None:
            with contextlib.suppress(ConnectionError):
                await socket.send_str(places.outward(body))
    except BadFrame as error:
        return WSCloseCode.SERVICE_RESTART, f"The language server is broken: {error}"
    return WSCloseCode.SERVICE_RESTART, "The language server has ended"


def _kind(id: str, server: LanguageServer, site: Site) -> _Kind:
    if server.command:
        return _Kind(id, server.command, {**site.environment, **server.environment})
    command = [sys.executable, "-m", "theia_bridge.lsp"]
    if server.engines:
        command += ["--engines", msgspec.json.encode(server.engines).decode()]
    return _Kind(id, command, {**site.environment, **site.python, **server.environment})
