"""The Python client against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec
import pytest
from websockets.exceptions import InvalidHandshake

from rpc import ChannelClosed, Limits, RpcError
from rpc.builtin import Pong
from rpc.channel import Progress
from rpc.client import Client, Encoding, Unauthorized
from rpc.errors import RETRY_AFTER
from rpc.observer import Unobserved
from tests.rpc.support import Echo, EchoParams, Happened, NameParams, SizeParams, World, serving

encodings = pytest.mark.parametrize("encoding", ["msgpack", "json"])


@encodings
async def test_typed_calls(encoding: Encoding) -> None:
    async with serving(World()) as url, Client.connect(url, encoding=encoding) as client:
        data = bytes(range(256))
        assert await client.call("test.echo", EchoParams(text="é", data=data), Echo) == Echo(
            text="é", data=data, max_count=1
        )
        assert isinstance(await client.call("rpc.ping", None, Pong), Pong)
        await client.call("test.nothing", None)
        await client.notify("test.nothing")
        assert await client.call("test.large", SizeParams(size=5), bytes) == bytes(5)


@encodings
async def test_calls_are_multiplexed(encoding: Encoding) -> None:
    world = World()
    async with serving(world) as url, Client.connect(url, encoding=encoding) as client:
        held = [
            asyncio.create_task(client.call("test.hold", NameParams(name=str(i)), str)) for i in range(20)
        ]
        await world.until(world.started, 20)
        assert (await client.call("test.echo", EchoParams(text="a"), Echo)).text == "a"
        world.gate.set()
        assert await asyncio.gather(*held) == [str(i) for i in range(20)]


@encodings
async def test_errors_carry_their_kind(encoding: Encoding) -> None:
    async with serving(World()) as url, Client.connect(url, encoding=encoding) as client:
        with pytest.raises(RpcError, match="refused") as raised:
            await client.call("test.fail", NameParams(name="domain"))
        error = raised.value
        assert (error.code, error.kind, error.data["path"]) == (-32001, "Domain", "/x")
        with pytest.raises(msgspec.ValidationError):
            await client.call("test.echo", EchoParams(text="a"), int)


async def test_the_token_goes_in_the_header_only() -> None:
    world = World()
    async with serving(world) as url, Client.connect(url, token="s3cret") as client:
        await client.call("test.nothing", None)
    assert world.headers[0]["Authorization"] == "Bearer s3cret"
    assert world.paths == ["/"]


@pytest.mark.parametrize(
    ("path", "token", "advice"), [("", "wrong", "wrong or expired"), ("locked", None, "wants a token")]
)
async def test_a_refused_token_says_what_to_do(path: str, token: str | None, advice: str) -> None:
    async with serving(World()) as url:
        with pytest.raises(Unauthorized, match=advice):
            async with Client.connect(url + path, token=token):
                pass


async def test_a_server_that_is_none() -> None:
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(InvalidHandshake):
        async with Client.connect(f"ws://127.0.0.1:{port}/"):
            pass
    listener.close()
    await listener.wait_closed()
    with pytest.raises(OSError, match="Connect call failed"):
        async with Client.connect(f"ws://127.0.0.1:{port}/"):
            pass


@encodings
async def test_cancelling_a_call_cancels_it_on_the_server(encoding: Encoding) -> None:
    world = World()
    async with serving(world) as url, Client.connect(url, encoding=encoding) as client:
        calling = asyncio.create_task(client.call("test.hold", NameParams(name="x"), str))
        await world.until(world.started, 1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await world.until(world.cancelled, 1)
        await client.call("test.nothing", None)


@encodings
async def test_a_batch(encoding: Encoding) -> None:
    async with serving(World()) as url, Client.connect(url, encoding=encoding) as client:
        batch = client.batch()
        first = batch.call("test.echo", EchoParams(text="a"), Echo)
        batch.notify("test.nothing")
        failing = batch.call("test.fail", NameParams(name="domain"))
        await batch.send()
        assert (await first).text == "a"
        with pytest.raises(RpcError, match="refused"):
            await failing
        with pytest.raises(ValueError, match="empty"):
            await batch.send()


class Busy(Unobserved):
    """Takes no call at first."""

    def __init__(self, times: int, pause: float) -> None:
        self.times = times
        self.pause = pause

    def begin(self, method: str) -> Awaitable[None] | None:
        return self._refuse() if self.times else None

    async def _refuse(self) -> None:
        self.times -= 1
        raise RpcError(-32029, "Too many", "RateLimited", {RETRY_AFTER: self.pause})


async def test_a_patient_client_calls_again_when_it_may() -> None:
    busy = Busy(3, 0.01)
    async with serving(World(), observer=busy) as url:
        async with Client.connect(url, patience=60) as client:
            assert isinstance(await client.call("rpc.ping", None, Pong), Pong)
            assert busy.times == 0
            busy.times, busy.pause = 1, 61
            with pytest.raises(RpcError, match="Too many"):
                await client.call("rpc.ping", None, Pong)
        busy.times, busy.pause = 1, 0.01
        async with Client.connect(url) as hasty:
            with pytest.raises(RpcError, match="Too many"):
                await hasty.call("rpc.ping", None, Pong)


async def test_a_batch_the_server_refuses_does_not_wait_for_ever() -> None:
    async with serving(World(), Limits(batch=1)) as url, Client.connect(url) as client:
        batch = client.batch()
        replies = [batch.call("test.nothing", None) for _ in range(2)]
        await batch.send()
        for reply in replies:
            with pytest.raises(ChannelClosed, match="at most 1"):
                await reply


@encodings
async def test_notifications(encoding: Encoding) -> None:
    async with serving(World()) as url, Client.connect(url, encoding=encoding) as client:
        typed = client.notifications({"test.happened": Happened, "$/progress": Progress})
        plain = client.notifications()
        await client.call("test.announce", NameParams(name="n"))
        assert await anext(typed) == ("$/progress", Progress(token="token", value=50))
        assert await anext(typed) == ("test.happened", Happened(event_name="n", data=b"\x00\xff"))
        assert await anext(plain) == ("$/progress", {"token": "token", "value": 50})


async def test_notifications_nobody_takes_end_the_connection_with_the_reason() -> None:
    async with serving(World()) as url, Client.connect(url, backlog=3) as client:
        stream = client.notifications()
        await client.call("test.announce", NameParams(name="n"))
        with pytest.raises(ChannelClosed, match="notifications wait"):
            await client.call("test.announce", NameParams(name="n"))
        assert [(await anext(stream))[0] for _ in range(3)] == ["$/progress", "test.happened", "$/progress"]
        with pytest.raises(ChannelClosed, match="notifications wait"):
            await anext(stream)


async def test_a_connection_that_closes_fails_its_calls() -> None:
    world = World()
    async with serving(world) as url, Client.connect(url) as client:
        stream = client.notifications()
        calling = asyncio.create_task(client.call("test.hold", NameParams(name="x"), str))
        await world.until(world.started, 1)
        await world.channels[0].close(4401, "expired")
        with pytest.raises(ChannelClosed, match=r"4401.*expired"):
            await calling
        with pytest.raises(ChannelClosed, match="4401"):
            await client.call("test.nothing", None)
        with pytest.raises(ChannelClosed, match="4401"):
            await client.notify("test.nothing")
        with pytest.raises(ChannelClosed, match="4401"):
            await anext(stream)
        with pytest.raises(ChannelClosed, match="4401"):
            client.batch().call("test.nothing", None)


async def test_a_frame_larger_than_allowed_fails_the_call() -> None:
    async with serving(World()) as url, Client.connect(url, max_frame=1000) as client:
        with pytest.raises(ChannelClosed, match="1009"):
            await client.call("test.large", SizeParams(size=2000), bytes)


async def test_what_is_not_json_rpc_ends_the_connection() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(b"\xc1")
        await socket.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Client.connect(f"ws://127.0.0.1:{port}/") as client:
            with pytest.raises(ChannelClosed, match="not JSON-RPC"):
                await client.call("test.nothing", None)
