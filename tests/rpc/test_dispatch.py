"""Frames in, frames out, without a socket."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from rpc import Observer, Registry, RpcError
from rpc.codec import JSON, MSGPACK, POSITIONAL_BYTES, Codec
from rpc.dispatcher import Admit, Dispatcher
from rpc.registry import Method
from tests.rpc.support import Context, DomainError, EchoParams, NameParams, World, echo, map_error, registry

both = pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])


def dispatcher(
    admit: Admit[Context] = lambda _, __: None, observer: Observer | None = None, **limits: int
) -> Dispatcher[Context]:
    return Dispatcher(
        registry, Context(World()), map_error=map_error, admit=admit, observer=observer, **limits
    )


async def send(codec: Codec, value: object, to: Dispatcher[Context] | None = None) -> Any:
    """The decoded answer to an encoded value, None if there is none."""
    answer = await (to or dispatcher()).handle(codec, codec.encode(value))
    return None if answer is None else codec.decoder(object).decode(answer)


async def call(codec: Codec, method: str, params: object = msgspec.UNSET, **more: object) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, **more}
    return await send(codec, request if params is msgspec.UNSET else {**request, "params": params})


def code(answer: Any) -> tuple[int, str, object]:
    error = answer["error"]
    return error["code"], error["data"]["kind"], answer["id"]


@both
async def test_a_call_by_name_and_by_position(codec: Codec) -> None:
    data: object = b"\x00\xff" if codec is MSGPACK else "AP8="
    expected = {"jsonrpc": "2.0", "id": 1, "result": {"text": "hé", "data": data, "maxCount": 3}}
    assert await call(codec, "test.echo", {"text": "hé", "data": data, "maxCount": 3}) == expected
    assert await call(codec, "test.echo", ["hé", data, 3]) == expected


@both
async def test_defaults_hold_by_name_and_by_position(codec: Codec) -> None:
    assert (await call(codec, "test.echo", {"text": "a"}))["result"]["maxCount"] == 1
    assert (await call(codec, "test.echo", ["a"]))["result"]["maxCount"] == 1


@both
@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"text": 1}, "$.text"),
        ({"text": "a", "maxCount": "1"}, "$.maxCount"),
        ({"text": "a", "tags": ["x", 2]}, "$.tags[1]"),
        ({}, "`text`"),
        (msgspec.UNSET, "`text`"),
        ([], "`text`"),
        ({"text": "a", "max_count": 1}, "`max_count`"),
        ([1], "$.text"),
        (["a", "", 1, [], 5], "5 were given, at most 4"),
    ],
)
async def test_wrong_params_name_the_field(codec: Codec, params: object, named: str) -> None:
    answer = await call(codec, "test.echo", params)
    assert code(answer) == (-32602, "InvalidParams", 1)
    assert answer["error"]["message"].startswith("Invalid params")
    assert named in answer["error"]["message"]


@both
@pytest.mark.parametrize("params", [msgspec.UNSET, {}, []])
async def test_a_method_without_params(codec: Codec, params: object) -> None:
    assert await call(codec, "test.nothing", params) == {"jsonrpc": "2.0", "id": 1, "result": None}


@both
@pytest.mark.parametrize("params", [{"x": 1}, [1]])
async def test_a_method_without_params_refuses_them(codec: Codec, params: object) -> None:
    assert code(await call(codec, "test.nothing", params)) == (-32602, "InvalidParams", 1)


@both
async def test_an_unknown_method(codec: Codec) -> None:
    answer = await call(codec, "test.unknown", {"a": 1})
    assert code(answer) == (-32601, "MethodNotFound", 1)
    assert answer["error"]["data"]["method"] == "test.unknown"


@both
@pytest.mark.parametrize("id", ["", "x", 0, -1, 2**63, None, 1.5])
async def test_ids_come_back_as_they_were(codec: Codec, id: object) -> None:
    answer = await send(codec, {"jsonrpc": "2.0", "id": id, "method": "test.nothing"})
    assert answer == {"jsonrpc": "2.0", "id": id, "result": None}
    assert type(answer["id"]) is type(id)


@both
@pytest.mark.parametrize(
    ("request_", "id"),
    [
        ({"jsonrpc": "1.0", "id": 7, "method": "test.nothing"}, 7),
        ({"id": 7, "method": "test.nothing"}, 7),
        ({"jsonrpc": "2.0", "id": "a"}, "a"),
        ({"jsonrpc": "2.0", "id": 7, "method": 5}, 7),
        ({"jsonrpc": "2.0", "id": 7, "method": "test.nothing", "params": "bar"}, 7),
        ({"jsonrpc": "2.0", "id": 7, "method": "test.nothing", "params": None}, 7),
        ({"jsonrpc": "2.0", "id": 7, "method": "test.nothing", "parms": {}}, 7),
        ({"jsonrpc": "2.0", "id": True, "method": "test.nothing"}, None),
        ({"jsonrpc": "2.0", "id": [1], "method": "test.nothing"}, None),
        ({"jsonrpc": "2.0", "method": 1, "params": "bar"}, None),
        ({}, None),
        (1, None),
        ("x", None),
        (None, None),
        ([], None),
    ],
)
async def test_what_is_no_request(codec: Codec, request_: object, id: object) -> None:
    assert code(await send(codec, request_)) == (-32600, "InvalidRequest", id)


@pytest.mark.parametrize("id", [float("inf"), float("nan")])
async def test_an_id_that_json_cannot_say(id: float) -> None:
    assert code(await send(MSGPACK, {"jsonrpc": "2.0", "id": id, "method": "test.nothing"}))[0] == -32600
    assert code(await send(MSGPACK, {"jsonrpc": "2.0", "id": id, "method": 1})) == (
        -32600,
        "InvalidRequest",
        None,
    )


@pytest.mark.parametrize(
    ("codec", "frame"),
    [
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'),
        (JSON, b'[{"jsonrpc": "2.0", "method": "sum", "id": "1"}, {"jsonrpc": "2.0", "method"'),
        (JSON, b'{"jsonrpc": 1, "method": '),
        (JSON, b'"x" y'),
        (JSON, b"nan"),
        (JSON, b'{"a":' * 100_000),
        (JSON, b"[" * 100_000),
        (MSGPACK, b""),
        (MSGPACK, b"\xc1"),
        (MSGPACK, b"\x81"),
        (MSGPACK, b"\x80\x80"),
        (MSGPACK, b"\xdd\xff\xff\xff\xff"),
        (MSGPACK, b"\xdf\xff\xff\xff\xff"),
        (MSGPACK, b"\xc6\xff\xff\xff\xffabc"),
        (MSGPACK, b"\x81\xa2id\xa1\xff"),
        (MSGPACK, b"\x91" * 100_000),
        (MSGPACK, b"\x81\xa1a" * 100_000),
    ],
)
async def test_what_is_malformed(codec: Codec, frame: bytes) -> None:
    answer = await dispatcher().handle(codec, frame)
    assert answer is not None
    assert code(codec.decoder(object).decode(answer)) == (-32700, "ParseError", None)


async def test_text_is_taken_as_text_too() -> None:
    answer = await dispatcher().handle(JSON, '{"jsonrpc":"2.0","id":"é","method":"test.nothing"}')
    assert answer is not None
    assert json.loads(answer)["id"] == "é"


@both
@pytest.mark.parametrize("method", ["test.nothing", "test.unknown", "test.fail", "test.echo"])
async def test_a_notification_is_never_answered(codec: Codec, method: str) -> None:
    assert await send(codec, {"jsonrpc": "2.0", "method": method, "params": {"name": "secret"}}) is None


@both
async def test_a_batch(codec: Codec) -> None:
    answers = await send(
        codec,
        [
            {"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": {"text": "a"}},
            {"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "b"}},
            1,
            {"foo": "boo"},
            {"jsonrpc": "2.0", "id": 1, "method": "test.nothing"},
            {"jsonrpc": "2.0", "id": 5, "method": "test.unknown"},
        ],
    )
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        (1, None),
        (None, -32600),
        (None, -32600),
        (1, None),
        (5, -32601),
    ]


@both
async def test_a_batch_of_notifications_is_not_answered(codec: Codec) -> None:
    assert await send(codec, [{"jsonrpc": "2.0", "method": "test.nothing"}] * 3) is None


@both
async def test_a_batch_of_one_is_answered_as_a_batch(codec: Codec) -> None:
    assert [answer["error"]["code"] for answer in await send(codec, [1])] == [-32600]


async def test_a_batch_that_is_too_long() -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "test.nothing"}
    answer = await send(JSON, [request] * 4, dispatcher(batch_limit=3))
    assert code(answer) == (-32600, "InvalidRequest", None)
    assert "at most 3" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("codec", "frame"),
    [
        (JSON, b"[" + b"1," * 600 + b"1]"),
        (JSON, b" \r\n\t[" + b"1," * 600 + b"1]"),
        (JSON, "[" + "1," * 600 + "1]"),
        (JSON, b" " * 1000 + b"[1]"),
        (JSON, b"[" + b"\xff" * 1001),
        (MSGPACK, b"\x9f" + b"\xc1" * 1001),
        (MSGPACK, b"\xdc\x00\x01" + b"\xc1" * 1001),
        (MSGPACK, b"\xdd\x00\x00\x00\x01" + b"\xc1" * 1001),
    ],
)
async def test_a_batch_frame_that_is_too_large_is_refused_undecoded(codec: Codec, frame: bytes | str) -> None:
    """Some of them are malformed further on, which is not looked at."""
    answer = await dispatcher(batch_bytes=1000).handle(codec, frame)
    assert answer is not None
    decoded: Any = codec.decoder(object).decode(answer)
    assert code(decoded) == (-32600, "InvalidRequest", None)
    assert "at most 1000" in decoded["error"]["message"]


@both
async def test_a_single_request_may_be_larger_than_a_batch(codec: Codec) -> None:
    subject = dispatcher(batch_bytes=100)
    for params in ({"text": "x" * 1000}, {"text": "x" * 1000, "maxCount": 1}):
        for more in ({}, {"a" * 1000: 1}):
            answer = await send(
                codec, {"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": params, **more}, subject
            )
            assert ("result" in answer) == (not more)
            assert answer["id"] == 1  # found although the request has a member too many
    members = {f"m{i}": i for i in range(100)}  # MessagePack: a map 16, no longer a fixmap
    assert code(await send(codec, {"id": 7, **members}, subject)) == (-32600, "InvalidRequest", 7)


async def test_json_may_begin_with_space() -> None:
    request = JSON.encode({"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": {"text": "x" * 1000}})
    answer = await dispatcher(batch_bytes=100).handle(JSON, b" \r\n\t" + request)
    assert answer is not None
    assert "result" in json.loads(answer)


@pytest.mark.parametrize(
    "header", [b"\x94", b"\xdc\x00\x04", b"\xdd\x00\x00\x00\x04"], ids=["fixarray", "array 16", "array 32"]
)
async def test_messagepack_says_how_long_a_batch_is(header: bytes) -> None:
    answer = await dispatcher(batch_limit=3).handle(MSGPACK, header + b"\xc1" * 4)
    assert answer is not None
    assert code(MSGPACK.decoder(object).decode(answer)) == (-32600, "InvalidRequest", None)
    short = await dispatcher(batch_limit=4).handle(MSGPACK, header + b"\x01" * 4)
    assert short is not None
    assert len(MSGPACK.decoder(list[object]).decode(short)) == 4
    claimed = await dispatcher(batch_limit=3).handle(MSGPACK, b"\xdd\x00\x01\x00\x00\x01")
    assert claimed is not None
    assert code(MSGPACK.decoder(object).decode(claimed)) == (-32700, "ParseError", None)


@both
async def test_large_params_are_taken_by_name_only(codec: Codec) -> None:
    text = "x" * POSITIONAL_BYTES
    assert (await call(codec, "test.echo", {"text": text}))["result"]["text"] == text
    answer = await call(codec, "test.echo", [text])
    assert code(answer) == (-32602, "InvalidParams", 1)
    assert "by name" in answer["error"]["message"]
    assert "result" in await call(codec, "test.echo", [text[:-100]])
    assert code(await call(codec, "test.echo", [1] * POSITIONAL_BYTES)) == (-32602, "InvalidParams", 1)
    answer = await call(codec, "test.echo", {"text": text, "tags": [1]})  # by name, its fault is still named
    assert "$.tags[0]" in answer["error"]["message"]


@both
async def test_a_batch_whose_answers_grow_too_large_runs_no_more(codec: Codec) -> None:
    world = World()
    subject = Dispatcher(registry, Context(world), batch_width=1, batch_answer=2500)
    large: dict[str, object] = {"jsonrpc": "2.0", "method": "test.large", "params": {"size": 1000}}
    turn: dict[str, object] = {"jsonrpc": "2.0", "method": "test.turn"}
    elements: list[object] = [*({**large, "id": id} for id in range(5)), turn, {**turn, "id": 6}, 1]
    ran = 2 if codec is JSON else 3  # JSON says bytes in base64: 1336 characters
    answers = await send(codec, elements, subject)
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3, 4, 6, None]
    assert all("result" in answer for answer in answers[:ran])
    assert {code(answer)[:2] for answer in answers[ran:-1]} == {(-32803, "BatchTooLarge")}
    assert "alone" in answers[ran]["error"]["message"]
    assert code(answers[-1])[0] == -32600
    assert len(world.started) == ran
    assert len(world.seen_turns) == 1  # the notification, which has no answer to collect
    assert "result" in await send(codec, {**large, "id": 7}, subject)  # the next frame starts anew


async def test_lanes_may_exceed_the_answers_bytes_by_what_they_run() -> None:
    world = World()
    subject = Dispatcher(registry, Context(world), batch_width=3, batch_answer=1)
    large = {"jsonrpc": "2.0", "id": 1, "method": "test.large", "params": {"size": 1000, "suspend": True}}
    answers = await send(JSON, [large] * 20, subject)
    assert len(answers) == 20
    assert sum("result" in answer for answer in answers) == len(world.started) <= 3


async def test_at_the_end_a_batch_starts_no_more() -> None:
    world = World()
    subject = Dispatcher(registry, Context(world), batch_width=2)
    hold = {"jsonrpc": "2.0", "id": 1, "method": "test.hold", "params": {"name": "x"}}
    answering = asyncio.create_task(send(JSON, [hold] * 10, subject))
    await world.until(world.started, 2)
    subject.cancel_all()
    async with asyncio.timeout(20):
        answers = await answering
    assert [code(answer)[:2] for answer in answers] == [(-32800, "Cancelled")] * 2
    assert len(world.started) == 2


async def test_a_batch_runs_side_by_side_up_to_its_width() -> None:
    world = World()
    subject = Dispatcher(registry, Context(world), batch_width=3)
    batch = [{"jsonrpc": "2.0", "id": i, "method": "test.hold", "params": {"name": str(i)}} for i in range(5)]
    answering = asyncio.create_task(send(JSON, batch, subject))
    await world.until(world.started, 3)
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.started == ["0", "1", "2"]
    world.gate.set()
    assert [answer["result"] for answer in await answering] == ["0", "1", "2", "3", "4"]


@both
async def test_cancelling_one_element_of_a_batch(codec: Codec) -> None:
    world = World()
    subject = Dispatcher(registry, Context(world))
    batch = [
        {"jsonrpc": "2.0", "id": name, "method": f"test.{name}", "params": {"name": name}}
        for name in ("hold", "write")
    ]
    answering = asyncio.create_task(send(codec, batch, subject))
    await world.until(world.started, 2)
    for id in ("hold", "write", "neither"):
        assert (
            await send(codec, {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}}, subject)
            is None
        )
    await world.until(world.cancelled, 1)
    world.gate.set()
    held, written = await answering
    assert code(held) == (-32800, "Cancelled", "hold")
    assert written["result"] == "write"


async def test_a_cancelled_call_leaves_no_trace_in_the_task_that_ran_it() -> None:
    world = World()
    subject = Dispatcher(registry, Context(world), map_error=map_error, batch_width=1)
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "test.hold", "params": {"name": "x"}},
        {"jsonrpc": "2.0", "id": 2, "method": "test.timed"},
        {"jsonrpc": "2.0", "id": 3, "method": "test.fail", "params": {"name": "cancelled"}},
    ]
    answering = asyncio.create_task(send(JSON, batch, subject))
    await world.until(world.started, 1)
    await send(JSON, {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}}, subject)
    assert [answer["error"]["code"] for answer in await answering] == [-32800, -32002, -32603]


async def test_a_long_batch_leaves_others_their_turn() -> None:
    world = World()

    async def count() -> None:
        while True:
            world.turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    request = {"jsonrpc": "2.0", "id": 1, "method": "test.turn"}
    assert len(await send(JSON, [request] * 100, Dispatcher(registry, Context(world), batch_width=4))) == 100
    counting.cancel()
    assert max(world.seen_turns.count(turn) for turn in set(world.seen_turns)) <= 4


@both
async def test_cancelling_needs_an_id(codec: Codec) -> None:
    assert code(await call(codec, "$/cancelRequest", {}))[0] == -32602


@both
async def test_domain_errors_are_mapped(codec: Codec) -> None:
    answer = await call(codec, "test.fail", {"name": "domain"})
    assert answer["error"] == {"code": -32001, "message": "refused", "data": {"kind": "Domain", "path": "/x"}}
    answer = await call(codec, "test.fail", {"name": "rpc"})
    assert answer["error"] == {"code": -32099, "message": "As it is", "data": {"kind": "AsItIs", "more": [1]}}


@both
@pytest.mark.parametrize("name", ["secret", "table", "unencodable", "cancelled"])
async def test_unknown_errors_are_logged_and_not_told(
    codec: Codec, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await call(codec, "test.fail", {"name": name})
    assert code(answer) == (-32603, "Internal", 1)
    assert answer["error"]["message"] == "Internal error"
    assert set(answer["error"]["data"]) == {"kind", "errorId"}
    (record,) = caplog.records
    assert answer["error"]["data"]["errorId"] in record.getMessage()
    assert record.exc_info is not None


@both
async def test_an_error_that_cannot_be_encoded_is_answered_with_its_kind(codec: Codec) -> None:
    assert code(await call(codec, "test.fail", {"name": "surrogate"})) == (-32099, "Odd", 1)


@both
async def test_a_result_that_is_not_finite_is_answered(codec: Codec) -> None:
    first, second = (await call(codec, "test.fail", {"name": "infinite"}))["result"]
    if codec is JSON:
        assert (first, second) == (None, None)
    else:
        assert first == float("inf")
        assert second != second  # NaN


async def test_cancelling_the_caller_is_not_swallowed() -> None:
    world = World()
    subject = Dispatcher(registry, Context(world))
    request = {"jsonrpc": "2.0", "id": 1, "method": "test.hold", "params": {"name": "x"}}
    answering = asyncio.create_task(send(JSON, request, subject))
    await world.until(world.started, 1)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering


def test_declaring_what_is_no_method() -> None:
    subject = Registry[Context]()

    def not_async(context: Context) -> None: ...

    async def unannotated(context: Context):  # type: ignore[no-untyped-def]  # noqa: ANN202, RUF100
        ...

    async def not_a_struct(context: Context, params: dict[str, int]) -> None: ...

    async def three(context: Context, a: NameParams, b: NameParams) -> None: ...

    async def lenient(context: Context, params: msgspec.Struct) -> None: ...

    for function, reason in (
        (not_async, "async def"),
        (unannotated, "result"),
        (not_a_struct, "msgspec.Struct"),
        (three, "at most one"),
        (lenient, "forbid_unknown_fields"),
    ):
        with pytest.raises(TypeError, match=reason):
            subject.method("x")(function)  # type: ignore[type-var]
    assert not subject.methods


def test_a_name_is_declared_once() -> None:
    subject, other = Registry[Context](), Registry[Context]()
    subject.method("a")(echo)
    other.method("a")(echo)
    with pytest.raises(ValueError, match="declared twice"):
        subject.method("a")(echo)
    with pytest.raises(ValueError, match="Declared twice: a"):
        subject.include(other)
    subject.notification("n", EchoParams, "doc")
    with pytest.raises(ValueError, match="declared twice"):
        subject.notification("n", EchoParams, "doc")


async def test_registries_can_be_put_together() -> None:
    subject, other = Registry[None](), Registry[None]()

    @other.method("a")
    async def a(context: None) -> int:
        return 1

    dispatch = Dispatcher(subject, None)
    subject.include(other)
    assert await dispatch.handle(JSON, b'{"jsonrpc":"2.0","id":1,"method":"a"}') == (
        b'{"jsonrpc":"2.0","id":1,"result":1}'
    )


def test_an_error_survives_pickling() -> None:
    import copy

    error = copy.copy(RpcError(-1, "m", "K", {"a": 1}))
    assert (error.code, error.message, error.kind, error.data) == (-1, "m", "K", {"a": 1, "kind": "K"})
    assert str(error) == "m [K, -1]"


@both
async def test_what_is_not_admitted_is_not_run_and_says_why(codec: Codec) -> None:
    seen: list[str] = []

    def admit(context: Context, method: Method[Context]) -> None:
        seen.append(method.name)
        if method.name == "test.echo":
            raise DomainError("not you")

    to = dispatcher(admit)
    refused = await send(codec, {"jsonrpc": "2.0", "method": "test.echo", "id": 1}, to)
    assert refused["error"]["code"] == -32001, "and not that its params are missing"
    assert refused["error"]["message"] == "not you"
    unknown = await send(codec, {"jsonrpc": "2.0", "method": "nothing", "id": 2}, to)
    assert unknown["error"]["code"] == -32601
    assert seen == ["test.echo"]


class Diary:
    """An observer that keeps what it is told, and refuses the calls of one method."""

    def __init__(self, refused: str = "", waits: bool = False) -> None:
        self.refused = refused
        self.waits = waits
        self.begun: list[str] = []
        self.ended: list[tuple[str, str]] = []

    def begin(self, method: str) -> Awaitable[None] | None:
        self.begun.append(method)
        return self._look(method) if self.waits else None

    async def _look(self, method: str) -> None:
        await asyncio.sleep(0)
        if method == self.refused:
            raise RpcError(-32029, "Too many", "RateLimited", {"retryAfter": 3})

    def end(self, method: str, seconds: float, error: str, params: Raw, answer: bytes | None) -> None:
        assert seconds >= 0
        self.ended.append((method, error))


@both
async def test_an_observer_is_told_of_every_call_by_declared_names(codec: Codec) -> None:
    diary = Diary()
    to = dispatcher(observer=diary)
    for request in (
        {"id": 1, "method": "test.echo", "params": {"text": "a"}},
        {"method": "test.echo", "params": {"text": "a"}},
        {"id": 2, "method": "test.echo", "params": {"text": 1}},
        {"id": 3, "method": "of a client's own"},
        {"id": 4, "method": 5},
        {"method": "$/cancelRequest", "params": {"id": 1}},
    ):
        await send(codec, {"jsonrpc": "2.0", **request}, to)
    assert diary.begun == ["test.echo", "test.echo", "test.echo", ""]
    assert diary.ended == [
        ("test.echo", ""),
        ("test.echo", ""),
        ("test.echo", "InvalidParams"),
        ("", "MethodNotFound"),
        ("", "InvalidRequest"),
    ]


@both
async def test_an_observer_may_have_calls_wait_and_refuse_them(codec: Codec) -> None:
    diary = Diary(refused="test.echo", waits=True)
    to = dispatcher(observer=diary)
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": {"text": "a"}},
        {"jsonrpc": "2.0", "id": 2, "method": "rpc.ping"},
    ]
    refused, pong = await send(codec, batch, to)
    assert refused["error"]["data"] == {"kind": "RateLimited", "retryAfter": 3}
    assert "result" in pong
    assert sorted(diary.ended) == [("rpc.ping", ""), ("test.echo", "RateLimited")]
