"""The runtime: an aiohttp application on a Unix socket that only the gateway is let in to."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import hmac
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping

import msgspec
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fdb_provider.models import now_ms
from rpc import Channel, ChannelClosed, Registry, register_builtin
from theia_bridge import __version__
from theia_bridge.errors import to_rpc
from theia_bridge.log import setup_log
from theia_bridge.workspace import sandbox
from theia_bridge.workspace.gateway import Gateway
from theia_bridge.workspace.handover import READY, Handover
from theia_bridge.workspace.parts import PARTS, Part
from theia_bridge.workspace.protocol import MirrorState, RenewRuntimeParams, RuntimeStatus

PYTHON_VARIABLES = ("PYTHONPATH", "LD_LIBRARY_PATH")
_STOP_SECONDS = 5.0
"""How long one part may take to put its things in order."""
_PR_SET_DUMPABLE = 4
_log = logging.getLogger(__name__)


class Caller:
    """The context of the runtime's methods: only the gateway calls, for whoever it has let in."""


class Site:
    """What the parts of a runtime work with and add to.

    Attributes:
        handover: whose runtime it is, and where its folders are.
        environment: of the programs it runs, made up by the launcher.
        python: further variables for `sys.executable` to find this package and its dependencies.
        gateway: the way to what is stored.
        routes: of the application; to be added to before the runtime listens.
        registry: methods and notifications of `/rpc`; likewise.
        mirror: how the mirror is; told by that part.
        files: set when the session's files are on the disk.
        terminals, languages: what `runtime.status` tells; replaced by the parts that know.
        stopping: set when the runtime is to end.
    """

    def __init__(self, handover: Handover, environment: Mapping[str, str], python: Mapping[str, str]) -> None:
        self.handover = handover
        self.environment = dict(environment)
        self.python = dict(python)
        self.gateway = Gateway(handover)
        self.routes = web.RouteTableDef()
        self.registry: Registry[Caller] = Registry()
        self.terminals: Callable[[], int] = lambda: 0
        self.languages: Callable[[], list[str]] = list
        self.files = asyncio.Event()
        self.stopping = asyncio.Event()
        self._mirror: MirrorState = "off"
        self._started = now_ms()
        self._channels: set[Channel[Caller]] = set()
        self._declare()

    @property
    def mirror(self) -> MirrorState:
        return self._mirror

    async def set_mirror(self, state: MirrorState) -> None:
        """Tells how the mirror is from now on."""
        self._mirror = state
        await self.changed()

    def status(self) -> RuntimeStatus:
        return RuntimeStatus(
            mirror=self._mirror,
            started=self._started,
            terminals=self.terminals(),
            languages=self.languages(),
        )

    async def changed(self) -> None:
        """Tells that `status` answers differently now."""
        await self.notify("runtime.didChangeStatus", self.status())

    async def notify(self, name: str, params: msgspec.Struct) -> None:
        """Sends a notification, declared in `registry`, to the gateway, which tells the browsers."""
        for channel in list(self._channels):
            with contextlib.suppress(ChannelClosed):
                await channel.notify(name, params)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one RPC channel."""
        websocket = web.WebSocketResponse(max_msg_size=self.handover.max_frame, compress=False)
        await websocket.prepare(request)
        channel = Channel(self.registry, Caller(), websocket, map_error=to_rpc, transport=request.transport)
        self._channels.add(channel)
        try:
            await channel.serve()
        finally:
            self._channels.discard(channel)
        return websocket

    async def close(self) -> None:
        """Closes the channels."""
        await asyncio.gather(*(channel.close() for channel in list(self._channels)))

    def _declare(self) -> None:
        registry = self.registry
        register_builtin(registry, "Theia Bridge workspace", __version__)
        registry.notification("runtime.didChangeStatus", RuntimeStatus, "The runtime's status has changed.")

        @registry.method("runtime.status")
        async def status(_: Caller) -> RuntimeStatus:
            """How this runtime is."""
            return self.status()

        @registry.method("runtime.renew")
        async def renew(_: Caller, params: RenewRuntimeParams) -> None:
            """Goes on with a newer access token."""
            await self.gateway.renew(params.token)

        @registry.method("runtime.shutdown")
        async def shutdown(_: Caller) -> None:
            """Ends this runtime, after its parts have put their things in order."""
            self.stopping.set()


def main() -> None:
    """Runs the runtime of the handover on standard input, until that is closed or it is told to stop."""
    # They are for this package's programs, not for others that it runs.
    python = {name: os.environ.pop(name) for name in PYTHON_VARIABLES if name in os.environ}
    handover = Handover.decode(sys.stdin.buffer.readline())
    handover.limits.apply()
    if handover.sandboxed:
        sandbox.drop()
    # Programs of the workspace have the same user, and could read the token out of this one's memory.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.umask(0o022)
    setup_log("text", "info")
    uvloop.run(_run(handover, python))


async def _run(handover: Handover, python: Mapping[str, str]) -> None:
    site = Site(handover, os.environ, python)
    parts = [make(site) for make in PARTS]
    app = web.Application(middlewares=[_only(handover.secret)])
    app.add_routes(site.routes)
    app.router.add_get("/rpc", site.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    os.set_inheritable(handover.listener, False)
    await web.SockSite(runner, socket.socket(fileno=handover.listener)).start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, site.stopping.set)
    loop.add_reader(0, _at_end_of_input, site.stopping)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    try:
        await _work(site, parts)
    finally:
        await site.close()
        await runner.cleanup()


async def _work(site: Site, parts: list[Part]) -> None:
    """Runs the parts until it is time to stop or one of them fails."""
    tasks = [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]
    stop = asyncio.create_task(site.stopping.wait())
    await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in tasks if task.done()]
    stop.cancel()
    for task in reversed(tasks):
        task.cancel()
        await asyncio.wait([task], timeout=_STOP_SECONDS)
    for task in failed:
        await task  # raises what made it fail
        raise RuntimeError(f"{task.get_name()} has ended by itself")


def _only(secret: str) -> Middleware:
    """Lets nobody in but who knows the secret."""
    expected = f"Bearer {secret}"

    @web.middleware
    async def only(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode()):
            raise web.HTTPUnauthorized
        return await handler(request)

    return only


def _at_end_of_input(stopping: asyncio.Event) -> None:
    """The gateway holds the other end: when it goes, however, so does this."""
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        stopping.set()
