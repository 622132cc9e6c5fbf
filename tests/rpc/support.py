"""A small application with methods of every kind, and a real server for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from rpc import Channel, Limits, Observer, Registry, RpcError, register_builtin


class Params(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class EchoParams(Params):
    text: str
    data: bytes = b""
    max_count: int = 1
    tags: list[str] = []


class Echo(msgspec.Struct, kw_only=True, rename="camel"):
    """What was said."""

    text: str
    data: bytes
    max_count: int = 0


class NameParams(Params):
    name: str


class ValueParams(Params):
    value: Any


class SizeParams(Params):
    size: int
    suspend: bool = False


class Happened(msgspec.Struct, kw_only=True, rename="camel"):
    event_name: str
    data: bytes = b""


class DomainError(Exception):
    pass


def map_error(error: Exception) -> RpcError | None:
    if isinstance(error, DomainError):
        return RpcError(-32001, str(error), "Domain", {"path": "/x"})
    if isinstance(error, TimeoutError):
        return RpcError(-32002, "Too slow", "Timeout")
    if isinstance(error, ZeroDivisionError):
        raise KeyError("the table itself is wrong")
    return None


@dataclass
class World:
    """What a test sees of the methods, and how it holds them."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    turns: int = 0
    seen_turns: list[int] = field(default_factory=list)
    channels: list[Channel[Context]] = field(default_factory=list)
    served: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def note(self, record: list[str], name: str) -> None:
        async with self.changed:
            record.append(name)
            self.changed.notify_all()

    async def until(self, record: list[str], count: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(record) >= count)


@dataclass
class Context:
    world: World
    channel: Channel[Context] | None = None


registry = Registry[Context]()
register_builtin(registry, "Test", "1.0")
registry.notification("test.happened", Happened, "Something happened.")
registry.error(-32001, "Domain", "The domain refuses.")


@registry.method("test.echo")
async def echo(context: Context, params: EchoParams) -> Echo:
    """Says it again.

    With */ and `code` in its documentation.
    """
    return Echo(text=params.text, data=params.data, max_count=params.max_count)


@registry.method("test.nothing")
async def nothing(context: Context) -> None:
    """Does nothing."""


@registry.method("test.any")
async def any_value(context: Context, params: ValueParams) -> Any:
    """Gives a value back."""
    return params.value


@registry.method("test.fail")
async def fail(context: Context, params: NameParams) -> object:
    """Fails as it is told."""
    match params.name:
        case "domain":
            raise DomainError("refused")
        case "secret":
            raise RuntimeError("the password is hunter2")
        case "table":
            raise ZeroDivisionError
        case "rpc":
            raise RpcError(-32099, "As it is", "AsItIs", {"more": [1]})
        case "cancelled":
            raise asyncio.CancelledError
        case "unencodable":
            return object()
        case "surrogate":
            raise RpcError(-32099, "\ud800", "Odd", {"odd": object()})
        case "infinite":
            return [float("inf"), float("nan")]
    return None


@registry.method("test.hold")
async def hold(context: Context, params: NameParams) -> str:
    """Waits for the gate."""
    world = context.world
    await world.note(world.started, params.name)
    try:
        await world.gate.wait()
    except asyncio.CancelledError:
        world.cancelled.append(params.name)
        async with world.changed:
            world.changed.notify_all()
        raise
    return params.name


@registry.method("test.write", shielded=True)
async def write(context: Context, params: NameParams) -> str:
    """Waits for the gate and writes."""
    world = context.world
    await world.note(world.started, params.name)
    await world.gate.wait()
    await world.note(world.written, params.name)
    return params.name


@registry.method("test.timed")
async def timed(context: Context) -> None:
    """Enters its timeout before it first suspends."""
    async with asyncio.timeout(0.01):
        await asyncio.Event().wait()


@registry.method("test.large")
async def large(context: Context, params: SizeParams) -> bytes:
    """That many bytes."""
    await context.world.note(context.world.started, "large")
    if params.suspend:
        await asyncio.sleep(0)
    return bytes(params.size)


@registry.method("test.turn")
async def turn(context: Context) -> None:
    """Notes in which turn of the event loop it runs."""
    context.world.seen_turns.append(context.world.turns)


@registry.method("test.announce")
async def announce(context: Context, params: NameParams) -> None:
    """Notifies its own channel, with progress before."""
    assert context.channel is not None
    await context.channel.progress("token", 50)
    await context.channel.notify("test.happened", Happened(event_name=params.name, data=b"\x00\xff"))


@registry.method("test.leave")
async def leave(context: Context) -> None:
    """Closes its own channel."""
    assert context.channel is not None
    await context.channel.close(4401, "expired")


@asynccontextmanager
async def serving(
    world: World,
    limits: Limits = Limits(),  # noqa: B008
    max_msg_size: int = 4 << 20,
    observer: Observer | None = None,
) -> AsyncIterator[str]:
    """A server on a free port; gives its URL."""

    async def handle(request: web.Request) -> web.StreamResponse:
        world.headers.append(dict(request.headers))
        world.paths.append(request.path_qs)
        if request.headers.get("Authorization") == "Bearer wrong" or request.path == "/locked":
            return web.Response(status=401)
        socket = web.WebSocketResponse(compress=False, max_msg_size=max_msg_size)
        await socket.prepare(request)
        context = Context(world)
        context.channel = Channel(
            registry,
            context,
            socket,
            map_error=map_error,
            limits=limits,
            observer=observer,
            transport=request.transport,
        )
        async with world.changed:
            world.channels.append(context.channel)
            world.changed.notify_all()
        try:
            await context.channel.serve()
        finally:
            async with world.changed:
                world.served += 1
                world.changed.notify_all()
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        world.gate.set()
        await runner.cleanup()
