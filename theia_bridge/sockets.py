"""The RPC sockets: one channel for each, open while its caller's token and sign-in stand."""

from __future__ import annotations

import asyncio
import socket
import time

import msgspec
from aiohttp import WSCloseCode, web

from auth.context import UserContext
from auth.errors import AuthError, Reason, TokenRejected
from fdb_provider.errors import StoreError
from fdb_provider.models import Revocation, new_id
from fdb_provider.scope import Scope
from rpc import Channel, Limits, Registry
from theia_bridge.calls import CallObserver
from theia_bridge.errors import to_rpc
from theia_bridge.methods import admit
from theia_bridge.methods.context import Context
from theia_bridge.methods.tasks import Tasks
from theia_bridge.middleware.authentication import USER
from theia_bridge.middleware.rate_limit import subject_of
from theia_bridge.state import (
    DATABASE,
    FILES,
    GATE,
    METRICS,
    OBSERVATIONS,
    RATES,
    REVOCATIONS,
    SEARCH,
    SETTINGS,
)

UNAUTHORIZED = 4401
"""Close code: the token has expired, or what it stands for has ended: the sign-in, or the workspace session.
4000 to 4999 are free for applications."""
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that has vanished is noticed a minute later. By TCP, as aiohttp's heartbeat costs 5 µs a call; the
IDE pings by itself, which keeps proxies from closing an idle connection."""


class Sockets:
    """All open RPC channels of this gateway, and the handler that opens them."""

    def __init__(self, registry: Registry[Context]) -> None:
        self._registry = registry
        self._open: dict[Channel[Context], Scope] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one channel. The caller was authenticated before the upgrade is accepted."""
        settings = request.app[SETTINGS]
        user = request[USER]
        mine = sum((s.tenant, s.user) == (user.scope.tenant, user.scope.user) for s in self._open.values())
        if mine >= settings.rpc_sockets:
            raise web.HTTPTooManyRequests(
                text=f"You have {mine} connections open, as many as allowed: close one.",
                headers={"Retry-After": "5"},
            )
        websocket = web.WebSocketResponse(max_msg_size=settings.rpc_max_frame, compress=False)
        await websocket.prepare(request)
        _keep_alive(request)

        async def notify(name: str, params: msgspec.Struct) -> None:
            await channel.notify(name, params)

        async def renew(token: str) -> UserContext:
            renewed = await request.app[GATE].authenticate(token)
            if renewed.scope != user.scope or renewed.family != user.family:
                raise TokenRejected(Reason.REVOKED)
            lease.until(renewed.expires_at)
            return renewed

        context = Context(
            user=user,
            db=request.app[DATABASE],
            files=request.app[FILES],
            search=request.app[SEARCH],
            max_frame=settings.rpc_max_frame,
            tell=request.app[OBSERVATIONS] if settings.audit_reads == "all" else None,
            renew=renew,
            notify=notify,
        )
        channel: Channel[Context] = Channel(
            self._registry,
            context,
            websocket,
            map_error=to_rpc,
            admit=admit,
            limits=Limits(concurrency=settings.rpc_concurrency),
            observer=CallObserver(request.app[METRICS], request.app[RATES].of("rpc", subject_of(user.scope))),
            transport=request.transport,
        )
        lease = _Lease(channel)
        lease.until(user.expires_at)

        async def review() -> None:
            try:
                context.user = await request.app[GATE].review(context.user)
            except AuthError as error:
                lease.end(str(error))
            except StoreError:  # the client comes back, and through the gate
                lease.end("not known to stand any more")

        def on_entry(entry: Revocation) -> None:
            if entry.ended:
                lease.end("signed out")
            else:
                reviews.start(new_id(), review())

        reviews = Tasks()
        unsubscribe = request.app[REVOCATIONS].subscribe(user.family, on_entry)
        self._open[channel] = user.scope
        request.app[FILES].look_after(user.scope)
        try:
            await channel.serve()
        finally:
            del self._open[channel]
            unsubscribe()
            await reviews.close()
            lease.release()
            await context.close()
        return websocket

    async def close(self) -> None:
        """Tells every client that the server goes away, so that it connects again elsewhere or later."""
        channels = list(self._open)
        await asyncio.gather(*(channel.close(WSCloseCode.GOING_AWAY, "restart") for channel in channels))


def _keep_alive(request: web.Request) -> None:
    connection = None if request.transport is None else request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEP_ALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


class _Lease:
    """How long a channel may stay open."""

    def __init__(self, channel: Channel[Context]) -> None:
        self._channel = channel
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    def until(self, expires_at: int) -> None:
        """Ends it at that time (seconds since 1970) unless it is called again."""
        self._cancel()
        delay = max(0.0, expires_at - time.time())
        self._timer = asyncio.get_running_loop().call_later(delay, self.end, "token expired")

    def end(self, reason: str) -> None:
        """Ends it now."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._channel.close(UNAUTHORIZED, reason))

    def release(self) -> None:
        """The channel has closed."""
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
