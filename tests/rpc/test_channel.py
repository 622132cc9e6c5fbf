"""A real server, and the `websockets` client speaking plain frames to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from rpc import ChannelClosed, Limits
from rpc.codec import JSON, MSGPACK, Codec
from tests.rpc.support import EchoParams, Happened, World, serving

both = pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])


def request(id: object, method: str, params: object = None) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {} if params is None else params}


async def send(socket: ClientConnection, value: object, codec: Codec = JSON) -> None:
    await socket.send(codec.encode(value), text=codec.is_text)


async def receive(socket: ClientConnection) -> Any:
    """What the next frame says, in the encoding that its type says."""
    async with asyncio.timeout(20):
        frame = await socket.recv()
    return (JSON if isinstance(frame, str) else MSGPACK).decoder(object).decode(frame)


async def results(socket: ClientConnection, count: int) -> dict[object, object]:
    """Results (or error codes) by the requests' ids."""
    answers = [await receive(socket) for _ in range(count)]
    return {
        answer["id"]: answer["result"] if "result" in answer else answer["error"]["code"]
        for answer in answers
    }


async def close_code(socket: ClientConnection) -> tuple[int, str]:
    """With which code and reason the server closes."""
    async with asyncio.timeout(20):
        await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


@asynccontextmanager
async def connected(
    world: World, limits: Limits | None = None, max_msg_size: int = 4 << 20
) -> AsyncIterator[ClientConnection]:
    async with (
        serving(world, limits or Limits(), max_msg_size) as url,
        connect(url, compression=None, max_size=None) as socket,
    ):
        yield socket


async def turns_pass(url_of: ClientConnection, count: int = 20) -> None:
    """Lets the server work, as seen by that many round trips of another client."""
    host, port = url_of.remote_address[:2]
    async with connect(f"ws://{host}:{port}/", compression=None) as other:
        for id in range(count):
            await send(other, request(id, "test.nothing"))
            await receive(other)


@both
async def test_an_answer_comes_in_its_requests_encoding(codec: Codec) -> None:
    data: object = b"\x00\xff" if codec is MSGPACK else "AP8="
    async with connected(World()) as socket:
        await send(socket, request(1, "test.echo", {"text": "a", "data": data}), codec)
        frame = await socket.recv()
        assert isinstance(frame, str) == codec.is_text
        answer: Any = codec.decoder(object).decode(frame)
        assert answer["result"]["data"] == data


async def test_encodings_may_alternate() -> None:
    async with connected(World()) as socket:
        for codec in (JSON, MSGPACK, JSON):
            await send(socket, [request(1, "test.nothing"), request(2, "test.unknown")], codec)
            answers = await receive(socket)
            assert [answer["id"] for answer in answers] == [1, 2]


async def test_requests_run_side_by_side_and_answers_overtake() -> None:
    world = World()
    async with connected(world) as socket:
        for id in ("a", "b"):
            await send(socket, request(id, "test.hold", {"name": id}))
        await send(socket, request("c", "test.nothing"))
        assert await results(socket, 1) == {"c": None}
        await world.until(world.started, 2)
        world.gate.set()
        assert await results(socket, 2) == {"a": "a", "b": "b"}


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_beyond_the_limit_nothing_is_read_and_nothing_is_lost(concurrency: int) -> None:
    world = World()
    async with connected(world, Limits(concurrency=concurrency)) as socket:
        for id in range(10):
            await send(socket, request(id, "test.hold", {"name": str(id)}))
        await send(socket, request(10, "test.nothing"))
        await world.until(world.started, concurrency)
        await turns_pass(socket)
        assert world.started == [str(id) for id in range(concurrency)]
        world.gate.set()
        assert await results(socket, 11) == {**{id: str(id) for id in range(10)}, 10: None}


async def test_few_batches_run_side_by_side_and_do_not_hold_up_single_requests() -> None:
    world = World()
    async with connected(world, Limits(batches=2)) as socket:
        for id in range(5):
            await send(socket, [request(id, "test.hold", {"name": str(id)})])
        await send(socket, request(5, "test.nothing"))
        assert await results(socket, 1) == {5: None}
        await world.until(world.started, 2)
        await turns_pass(socket)
        assert world.started == ["0", "1"]
        world.gate.set()
        answers = [await receive(socket) for _ in range(5)]
        assert sorted(answer["result"] for (answer,) in answers) == ["0", "1", "2", "3", "4"]


async def test_a_batch_keeps_its_place_until_its_answer_is_taken() -> None:
    world = World()
    async with (
        serving(world, Limits(batches=1)) as url,
        connect(url, compression=None, max_size=None, max_queue=1) as socket,
    ):
        for id in range(30):
            await send(socket, [request(id, "test.large", {"size": 4 << 20, "suspend": True})], MSGPACK)
        await turns_pass(socket, 60)
        # The kernel's buffers take some MiB; far fewer than were asked for have been made.
        assert 0 < len(world.started) < 15
        for _ in range(30):
            (answer,) = await receive(socket)
            assert len(answer["result"]) == 4 << 20


async def test_the_limits_of_batches_reach_the_dispatcher() -> None:
    async with connected(World(), Limits(batch_bytes=300, batch_answer=1, batch_width=1)) as socket:
        await send(socket, [request(id, "test.nothing") for id in range(3)])
        assert [("result" in answer) for answer in await receive(socket)] == [True, False, False]
        await send(socket, [request(id, "test.nothing") for id in range(100)])
        assert (await receive(socket))["error"]["data"]["kind"] == "InvalidRequest"
        await send(socket, request(1, "test.echo", {"text": "x" * 1000}))
        assert len((await receive(socket))["result"]["text"]) == 1000


async def test_places_become_free_one_by_one() -> None:
    world = World()
    async with connected(world, Limits(concurrency=2)) as socket:
        await send(socket, request(0, "test.hold", {"name": "0"}))
        await send(socket, request(1, "test.timed"))
        await send(socket, request(2, "test.hold", {"name": "2"}))
        await world.until(world.started, 2)
        assert await results(socket, 1) == {1: -32002}
        world.gate.set()
        assert await results(socket, 2) == {0: "0", 2: "2"}


async def test_cancelling_a_request() -> None:
    world = World()
    async with connected(world) as socket:
        for id in ("a", "a", "b"):
            await send(socket, request(id, "test.hold", {"name": id}))
        await world.until(world.started, 3)
        await send(socket, {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "a"}})
        for _ in range(2):  # ids may be used twice: both are meant
            answer = await receive(socket)
            assert (answer["id"], answer["error"]["code"]) == ("a", -32800)
            assert answer["error"]["data"]["kind"] == "Cancelled"
        world.gate.set()
        assert await results(socket, 1) == {"b": "b"}
        assert world.cancelled == ["a", "a"]


async def test_a_shielded_method_is_not_cancelled() -> None:
    world = World()
    async with connected(world) as socket:
        await send(socket, request(1, "test.write", {"name": "w"}))
        await world.until(world.started, 1)
        await send(socket, request(2, "$/cancelRequest", {"id": 1}))
        assert await results(socket, 1) == {2: None}
        world.gate.set()
        assert await results(socket, 1) == {1: "w"}


async def test_when_the_client_leaves_reads_are_cancelled_and_writes_end() -> None:
    world = World()
    async with serving(world) as url:
        async with connect(url) as socket:
            await send(socket, request(1, "test.hold", {"name": "r"}))
            await send(socket, request(2, "test.write", {"name": "w"}))
            await send(
                socket,
                [
                    request(3, "test.write", {"name": "in a batch"}),
                    request(4, "test.hold", {"name": "in a batch"}),
                ],
            )
            await world.until(world.started, 4)
        await world.until(world.cancelled, 2)
        assert sorted(world.cancelled) == ["in a batch", "r"]
        assert world.served == 0
        world.gate.set()
        async with asyncio.timeout(20), world.changed:
            await world.changed.wait_for(lambda: world.served == 1)
        assert sorted(world.written) == ["in a batch", "w"]


async def test_a_timeout_in_a_methods_first_step_is_the_methods_own() -> None:
    async with connected(World()) as socket:
        for id in range(3):
            await send(socket, request(id, "test.timed"))
        assert await results(socket, 3) == {0: -32002, 1: -32002, 2: -32002}
        await send(socket, request(3, "test.nothing"))
        assert await results(socket, 1) == {3: None}


async def test_a_flood_leaves_others_their_turn() -> None:
    world = World()
    limits = Limits(turn=5)

    async def count() -> None:
        while True:
            world.turns += 1
            await asyncio.sleep(0)

    async with connected(world, limits) as socket:
        counting = asyncio.create_task(count())
        for id in range(300):
            await send(socket, request(id, "test.turn"))
        await results(socket, 300)
        counting.cancel()
    in_one_turn = [world.seen_turns.count(turn) for turn in set(world.seen_turns)]
    assert len(world.seen_turns) == 300
    assert max(in_one_turn) <= limits.turn


@pytest.mark.parametrize("suspend", [False, True])
async def test_a_client_that_does_not_read_pauses_its_own_requests_only(suspend: bool) -> None:
    world = World()
    requests, size = 100, 1 << 20
    async with serving(world) as url, connect(url, compression=None, max_size=None, max_queue=1) as socket:
        for id in range(requests):
            await send(socket, request(id, "test.large", {"size": size, "suspend": suspend}), MSGPACK)
        await turns_pass(socket, 2 * requests)
        # The kernel's buffers take some MiB; far fewer than were asked for have been made.
        assert 0 < len(world.started) < requests / 2
        notifying = asyncio.create_task(
            world.channels[0].notify("test.happened", Happened(event_name="x", data=bytes(size)))
        )
        await turns_pass(socket)
        assert not notifying.done()
        answers = [await receive(socket) for _ in range(requests + 1)]
        await notifying
    assert sorted(answer["id"] for answer in answers if "id" in answer) == list(range(requests))
    assert all(len(answer["result"]) == size for answer in answers if "id" in answer)


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_a_frame_that_is_too_large_closes_with_1009(codec: Codec) -> None:
    world = World()
    async with connected(world, max_msg_size=1000) as socket:
        await send(socket, request(1, "test.echo", {"text": "x" * 800}), codec)
        assert (await receive(socket))["result"]["text"] == "x" * 800
        await send(socket, request(2, "test.echo", {"text": "x" * 1000}), codec)
        assert (await close_code(socket))[0] == 1009
    async with asyncio.timeout(20), world.changed:
        await world.changed.wait_for(lambda: world.served == 1)


async def test_malformed_frames_leave_the_channel_working() -> None:
    async with connected(World()) as socket:
        for frame in ("{", b"\xc1", "[]", b"\x01"):
            await socket.send(frame)
        codes = [(await receive(socket))["error"]["code"] for _ in range(4)]
        assert codes == [-32700, -32700, -32600, -32600]
        await send(socket, request(1, "test.nothing"))
        assert await results(socket, 1) == {1: None}


async def test_text_that_is_not_utf8_closes_with_1007() -> None:
    async with connected(World()) as socket:
        await socket.send(b'{"id":"\xff"}', text=True)
        assert (await close_code(socket))[0] == 1007


@both
async def test_notifications_come_in_the_last_encoding_used(codec: Codec) -> None:
    async with connected(World()) as socket:
        await send(socket, request(1, "test.announce", {"name": "n"}), codec)
        data: object = b"\x00\xff" if codec is MSGPACK else "AP8="
        assert [await receive(socket) for _ in range(3)] == [
            {"jsonrpc": "2.0", "method": "$/progress", "params": {"token": "token", "value": 50}},
            {"jsonrpc": "2.0", "method": "test.happened", "params": {"eventName": "n", "data": data}},
            {"jsonrpc": "2.0", "id": 1, "result": None},
        ]


async def test_notifications_are_messagepack_before_the_client_has_spoken() -> None:
    world = World()
    async with connected(world) as socket:
        async with asyncio.timeout(20), world.changed:
            await world.changed.wait_for(lambda: bool(world.channels))
        await world.channels[0].notify("test.happened", Happened(event_name="n"))
        assert isinstance(await socket.recv(), bytes)


async def test_only_declared_notifications_are_sent() -> None:
    world = World()
    async with connected(world) as socket:
        await send(socket, request(1, "test.nothing"))
        await receive(socket)
        with pytest.raises(ValueError, match="declared"):
            await world.channels[0].notify("test.unknown", Happened(event_name="n"))
        with pytest.raises(ValueError, match="declared"):
            await world.channels[0].notify("test.happened", EchoParams(text="n"))


async def test_closing_from_outside() -> None:
    world = World()
    async with connected(world) as socket:
        await send(socket, request(1, "test.hold", {"name": "r"}))
        await world.until(world.started, 1)
        closing = asyncio.create_task(world.channels[0].close(4401, "é" * 100))
        code, reason = await close_code(socket)
        assert (code, reason) == (4401, "é" * 61)  # 123 bytes at most, whole characters
        await closing
        await world.until(world.cancelled, 1)
        assert world.channels[0].closed
        with pytest.raises(ChannelClosed):
            await world.channels[0].notify("test.happened", Happened(event_name="n"))


async def test_a_method_closes_its_channel() -> None:
    world = World()
    async with connected(world) as socket:
        await send(socket, request(1, "test.leave"))
        assert await close_code(socket) == (4401, "expired")
    assert world.served == 1


async def upgraded(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket without a WebSocket library behind it: it answers nothing by itself."""
    host, port = url.removeprefix("ws://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def masked(payload: bytes) -> bytes:
    """A text frame of a client, RFC 6455, 5.2, with a mask of zeros."""
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


@pytest.mark.parametrize("dropped_by", ["close", "send_seconds"])
async def test_a_client_that_takes_nothing_is_dropped(dropped_by: str) -> None:
    world = World()
    limits = Limits(close_seconds=0.01, send_seconds=0.05 if dropped_by == "send_seconds" else 1000)
    async with serving(world, limits) as url:
        reader, writer = await upgraded(url)
        for id in range(3):
            writer.write(masked(JSON.encode(request(id, "test.large", [32 << 20]))))
        await world.until(world.started, 1)
        if dropped_by == "close":
            await world.channels[0].close(4401, "revoked")
        async with asyncio.timeout(20), world.changed:
            await world.changed.wait_for(lambda: world.served == 1)
        assert len(world.started) < 3
        received = 0
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 20):
                received += len(chunk)
        assert received < 32 << 20  # what was not on its way yet has been given up
        writer.close()


async def test_a_client_that_does_not_agree_to_a_close_is_dropped() -> None:
    world = World()
    async with serving(world, Limits(close_seconds=0.01)) as url:
        reader, writer = await upgraded(url)
        await world.channels[0].close(4401, "revoked")
        async with asyncio.timeout(20):
            sent = await reader.read()
        assert sent == b"\x88\x09\x11\x31revoked"
        writer.close()


async def test_a_connection_that_breaks_ends_the_channel() -> None:
    world = World()
    async with serving(world) as url:
        async with connect(url) as socket:
            await send(socket, request(1, "test.hold", {"name": "r"}))
            await world.until(world.started, 1)
            socket.transport.abort()
        await world.until(world.cancelled, 1)
        async with asyncio.timeout(20), world.changed:
            await world.changed.wait_for(lambda: world.served == 1)


async def test_a_server_that_stops_closes_its_channels() -> None:
    world = World()
    async with serving(world) as url:
        socket = await connect(url)
        await send(socket, request(1, "test.nothing"))
        await receive(socket)
        closing = asyncio.create_task(world.channels[0].close(1001))
        assert (await close_code(socket))[0] == 1001
        await closing


async def test_the_builtin_methods() -> None:
    async with connected(World()) as socket:
        await send(socket, request(1, "rpc.ping"))
        assert (await receive(socket))["result"]["time"] > 1_700_000_000_000
        await send(socket, request(2, "rpc.discover"))
        document = (await receive(socket))["result"]
        assert json.dumps(document)
        assert "rpc.ping" in [method["name"] for method in document["methods"]]
