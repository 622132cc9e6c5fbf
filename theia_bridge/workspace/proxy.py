"""`/ws/terminal/{id}` and `/ws/lsp/{language}`: browsers' sockets that end in their session's runtime."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import quote

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from auth.context import UserContext
from fdb_provider.errors import NoPermissions
from fdb_provider.models import at_least
from theia_bridge import trace
from theia_bridge.middleware.authentication import LET_IN_BY, USER
from theia_bridge.sockets import keep_alive
from theia_bridge.state import LEASES, RUNTIMES, SETTINGS
from theia_bridge.workspace.runtimes import Runtime

CLOSE_SECONDS = 5.0
"""How long a browser may take to agree to a close before its connection is dropped."""
SOCKETS = 256
"""Sockets of terminals and language servers that a session may have open: each takes two of the open files
that the gateway may have, which are everybody's."""
_NOT_THERE = "The workspace has no such terminal or language server."
_TOO_MANY = "The workspace has as many language servers as it may: close other windows of it."
_TOO_MANY_SOCKETS = f"The session has {SOCKETS} sockets of its workspace open, as many as it may: close some."
_STOPPED = "The workspace is stopped."
_VIEWER = "You are a viewer in this tenant: you may read, but not run programs."

routes = web.RouteTableDef()


@routes.get("/ws/terminal/{id}")
async def terminal(request: web.Request) -> web.WebSocketResponse:
    """The bytes of one terminal. A runtime that does not run has none, so it is not started for it."""
    _check(request)
    runtime = request.app[RUNTIMES].get(request[USER].scope)
    if runtime is None:
        raise web.HTTPNotFound(text=_NOT_THERE)
    return await _serve(request, await runtime.ready(), f"/terminal/{_name(request, 'id')}")


@routes.get("/ws/lsp/{language}")
async def language(request: web.Request) -> web.WebSocketResponse:
    """The messages of one language's server; the runtime is started if need be."""
    _check(request)
    scope = request[USER].scope
    runtime = await request.app[RUNTIMES].of(scope, trace.actor(scope))
    return await _serve(request, runtime, f"/lsp/{_name(request, 'language')}")


def _check(request: web.Request) -> None:
    """Refuses who may not run programs. Raises `NoPermissions`, `web.HTTPUpgradeRequired`."""
    if not at_least(request[USER].role, "member"):
        raise NoPermissions(_VIEWER)
    if not web.WebSocketResponse().can_prepare(request):
        raise web.HTTPUpgradeRequired(headers={"Upgrade": "websocket"})


def _name(request: web.Request, part: str) -> str:
    return quote(request.match_info[part], safe="")


async def _serve(request: web.Request, runtime: Runtime, path: str) -> web.WebSocketResponse:
    """Connects the browser to the runtime. All that can be refused is refused before the upgrade."""
    if runtime.held >= SOCKETS:
        raise web.HTTPTooManyRequests(text=_TOO_MANY_SOCKETS)
    with runtime.hold():
        try:
            inner = await runtime.connect(path)
        except aiohttp.WSServerHandshakeError as refusal:
            if refusal.status == 404:
                raise web.HTTPNotFound(text=_NOT_THERE) from None
            if refusal.status == 429:
                raise web.HTTPTooManyRequests(text=_TOO_MANY) from None
            raise web.HTTPServiceUnavailable(text=f"The workspace answers {refusal.status}.") from None
        except aiohttp.ClientError as error:
            raise web.HTTPServiceUnavailable(text=f"The workspace does not answer: {error}") from None
        try:
            return await _connect(request, request[USER], inner, runtime)
        finally:
            await inner.close()


async def _connect(
    request: web.Request, user: UserContext, inner: aiohttp.ClientWebSocketResponse, runtime: Runtime
) -> web.WebSocketResponse:
    """Brings frames both ways until one side closes or the caller's lease ends."""
    outer = web.WebSocketResponse(
        max_msg_size=request.app[SETTINGS].rpc_max_frame, compress=False, timeout=CLOSE_SECONDS
    )
    await outer.prepare(request)
    keep_alive(request)

    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    told: tuple[int, str] | None = None

    async def close(code: int, reason: str) -> None:
        # Not at once: while a pump reads, aiohttp would not wait for the browser to agree.
        nonlocal told
        if not ended.done():
            told = code, reason
            ended.set_result(None)

    def changed(user: UserContext) -> None:
        if not at_least(user.role, "member"):
            lease.end(_VIEWER)

    lease = request.app[LEASES].grant(user, request[LET_IN_BY], close, changed, follows=True)
    pumps = [asyncio.create_task(_inward(outer, inner)), asyncio.create_task(_outward(inner, outer))]
    try:
        await asyncio.wait([*pumps, ended], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await lease.release()
    if not outer.closed:
        code, reason = told or (inner.close_code, "")
        if told is None and runtime.stopping and code != WSCloseCode.OK:
            code, reason = WSCloseCode.GOING_AWAY, _STOPPED
        elif code is None or code == WSCloseCode.ABNORMAL_CLOSURE:
            code = WSCloseCode.SERVICE_RESTART
        await outer.close(code=code, message=reason.encode()[:123])
    return outer


async def _inward(outer: web.WebSocketResponse, inner: aiohttp.ClientWebSocketResponse) -> None:
    """A frame is taken from the browser when the one before it was taken by the runtime."""
    async for message in outer:
        # What the runtime said before it closed is still to be brought out, so this is not the end.
        with contextlib.suppress(ConnectionError):
            if message.type is WSMsgType.BINARY:
                await inner.send_bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                await inner.send_str(message.data)


async def _outward(inner: aiohttp.ClientWebSocketResponse, outer: web.WebSocketResponse) -> None:
    """A frame is taken from the runtime when the one before it was taken by the browser."""
    async for message in inner:
        if message.type is WSMsgType.BINARY:
            await outer.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT:
            await outer.send_str(message.data)
