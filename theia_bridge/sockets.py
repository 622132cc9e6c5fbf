"""The RPC sockets: one channel for each, open while its caller's token and sign-in stand."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import partial
from weakref import WeakSet

import msgspec
from aiohttp import WSCloseCode, web

from auth.context import UserContext
from auth.device import agent_line
from fdb_provider.scope import Scope
from rpc import Channel, ChannelClosed, Limits, Registry
from theia_bridge.calls import CallObserver
from theia_bridge.errors import to_rpc
from theia_bridge.methods.context import Context
from theia_bridge.methods.registry import admit
from theia_bridge.middleware.authentication import LET_IN_BY, OF_RUNTIME, USER
from theia_bridge.middleware.rate_limit import subject_of
from theia_bridge.rates import Unlimited
from theia_bridge.state import (
    CALL_TRACES,
    COMPLETIONS,
    DATABASE,
    FILES,
    LEASES,
    METRICS,
    OBSERVATIONS,
    PRESENCE,
    RATES,
    RELATED,
    RUNTIMES,
    SEARCH,
    SETTINGS,
    SIGNALS,
)

KEEP_ALIVE = {socket.TCP_KEEPIDLE: 25, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that has vanished is noticed within a minute. By TCP, as aiohttp's heartbeat costs 5 µs a call; the
IDE pings by itself, which keeps proxies from closing an idle connection."""


class Sockets:
    """All open RPC channels of this gateway, and the handler that opens them."""

    def __init__(self, registry: Registry[Context]) -> None:
        self._registry = registry
        self._open: dict[Channel[Context], Scope] = {}
        self._of_runtimes: WeakSet[Channel[Context]] = WeakSet()
        self._telling: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one channel. The caller was authenticated before the upgrade is accepted."""
        settings = request.app[SETTINGS]
        user = request[USER]
        from_runtime = request.get(OF_RUNTIME, False)
        rates = request.app[RATES]
        agent = agent_line(request.headers.get("User-Agent", ""))
        # Its mirror writes what programs have written; they wait for it when the store does not keep up.
        subject = subject_of(user.scope)
        allowance = Unlimited(rates, "rpc") if from_runtime else rates.of("rpc", subject)
        mine = sum((s.tenant, s.user) == (user.scope.tenant, user.scope.user) for s in self._open.values())
        if mine >= settings.rpc_sockets:
            raise web.HTTPTooManyRequests(
                text=f"You have {mine} connections open, as many as allowed: close one.",
                headers={"Retry-After": "5"},
            )
        websocket = web.WebSocketResponse(max_msg_size=settings.rpc_max_frame, compress=False)
        await websocket.prepare(request)
        keep_alive(request)

        async def notify(name: str, params: msgspec.Struct) -> None:
            await channel.notify(name, params)

        async def renew(token: str) -> UserContext:
            return await lease.renew(token)

        def changed(user: UserContext) -> None:
            context.user = user

        context = Context(
            user=user,
            of_runtime=from_runtime,
            db=request.app[DATABASE],
            files=request.app[FILES],
            search=request.app[SEARCH],
            signals=request.app[SIGNALS],
            completions=request.app[COMPLETIONS],
            attendance=partial(request.app[PRESENCE].attendance, user.scope, agent),
            related=request.app[RELATED],
            runtimes=request.app[RUNTIMES],
            traces=request.app[CALL_TRACES],
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
            observer=CallObserver(
                request.app[METRICS],
                allowance,
                rates.of("rest", subject),
                request.app[OBSERVATIONS],
                context.actor,
                request.app[CALL_TRACES].running,
            ),
            transport=request.transport,
        )
        lease = request.app[LEASES].grant(user, request[LET_IN_BY], channel.close, changed)
        self._open[channel] = user.scope
        if from_runtime:
            self._of_runtimes.add(channel)
        request.app[FILES].look_after(user.scope)
        try:
            await channel.serve()
        finally:
            del self._open[channel]
            await lease.release()
            await context.close()
        return websocket

    def watched(self, scope: Scope) -> bool:
        """Whether a browser has that session open."""
        return any(one == scope for channel, one in self._open.items() if channel not in self._of_runtimes)

    def tell(self, scope: Scope, name: str, params: msgspec.Struct) -> None:
        """Sends a notification to all browsers that have that session open, each as soon as it takes it."""
        for channel, one in self._open.items():
            if one == scope and channel not in self._of_runtimes:
                task = asyncio.create_task(_tell(channel, name, params))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        """Tells every client that the server goes away, so that it connects again elsewhere or later."""
        channels = list(self._open)
        await asyncio.gather(*(channel.close(WSCloseCode.GOING_AWAY, "restart") for channel in channels))


async def _tell(channel: Channel[Context], name: str, params: msgspec.Struct) -> None:
    with suppress(ChannelClosed):
        await channel.notify(name, params)


def keep_alive(request: web.Request) -> None:
    connection = request.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEP_ALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
