"""Whatever is sent, the dispatcher answers as JSON-RPC 2.0 says, and never raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rpc.codec import JSON, MSGPACK, Codec
from rpc.dispatcher import Dispatcher
from tests.rpc.support import Context, World, map_error, registry

METHODS = [
    "test.echo",
    "test.nothing",
    "test.any",
    "test.fail",
    "test.turn",
    "rpc.ping",
    "$/cancelRequest",
    "none",
]

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(["domain", "rpc", "secret", "unencodable", "infinite", "x"])
params = (
    values
    | st.fixed_dictionaries({}, optional={"text": values, "name": names, "value": values, "id": values})
    | st.fixed_dictionaries({"text": st.text(), "maxCount": st.integers(-9, 9)})
    | st.fixed_dictionaries({"name": names})
)
requests = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(METHODS)},
    optional={"id": st.none() | st.integers(-9, 9) | st.text(max_size=3), "params": params},
)
damaged = st.fixed_dictionaries(
    {}, optional={"jsonrpc": values, "method": values, "id": values, "params": values, "extra": values}
)
messages = requests | damaged | values | st.lists(requests | damaged | values, max_size=5)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Unknown errors are logged with tracebacks, and there are thousands of them here."""
    logger = logging.getLogger("rpc.dispatcher")
    logger.disabled = True
    yield
    logger.disabled = False


def answer(codec: Codec, frame: bytes) -> Any:
    async def run() -> bytes | None:
        return await Dispatcher(registry, Context(World()), map_error=map_error).handle(codec, frame)

    with asyncio.Runner() as runner:
        encoded = runner.run(run())
    return None if encoded is None else codec.decoder(object).decode(encoded)


def check_one(answer: Any) -> None:
    assert answer["jsonrpc"] == "2.0"
    assert isinstance(answer["id"], str | int | float | None)
    if "error" in answer:
        assert set(answer) == {"jsonrpc", "id", "error"}
        error = answer["error"]
        assert set(error) == {"code", "message", "data"}
        assert isinstance(error["code"], int)
        assert isinstance(error["message"], str)
        assert isinstance(error["data"]["kind"], str)
    else:
        assert set(answer) == {"jsonrpc", "id", "result"}


def check(answer: Any) -> None:
    if isinstance(answer, list):
        assert answer
        for element in answer:
            check_one(element)
    elif answer is not None:
        check_one(answer)


def is_notification(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) <= {"jsonrpc", "method", "params"}
        and value.get("jsonrpc") == "2.0"
        and isinstance(value.get("method"), str)
        and isinstance(value.get("params", {}), dict | list)
    )


both = pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])


@both
@given(frame=st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes(codec: Codec, frame: bytes) -> None:
    check(answer(codec, frame))


@both
@given(message=messages)
@example(message=[])
@settings(max_examples=400, deadline=None)
def test_any_message(codec: Codec, message: object) -> None:
    given = answer(codec, codec.encode(message))
    check(given)
    if isinstance(message, list) and message:
        expected = sum(not is_notification(element) for element in message)
        assert (0 if given is None else len(given)) == expected
    else:
        assert (given is None) == is_notification(message)
    if isinstance(given, dict) and "error" in given:
        assert given["error"]["code"] != -32700  # it was well-formed
    if isinstance(message, dict) and given is not None and isinstance(message.get("id"), str | None):
        assert given["id"] == message.get("id")


@both
@given(message=messages, data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_damage(codec: Codec, message: object, data: st.DataObject) -> None:
    frame = bytearray(codec.encode(message))
    at = data.draw(st.integers(0, len(frame) - 1))
    if data.draw(st.booleans()):
        frame[at] = data.draw(st.integers(0, 255))
    else:
        del frame[at:]
    check(answer(codec, bytes(frame)))


@given(value=values)
@settings(max_examples=200, deadline=None)
def test_params_come_back_as_they_were(value: object) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "test.any", "params": {"value": value}}
    given = answer(MSGPACK, MSGPACK.encode(request))
    assert msgspec.msgpack.encode(given["result"]) == msgspec.msgpack.encode(value)
