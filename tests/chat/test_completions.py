"""Language models are asked through the server: echo, and a real server that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient

from rpc import RpcError
from rpc.client import Client, Reply
from rpc.dispatcher import CANCEL, CancelParams
from tests.chat.asking import TYPES, Told, ask, asking, listening
from tests.chat.endpoint import KEY, MODEL, Answer, Fake, fake_endpoint, said
from tests.tenants.conftest import Gateway, Person, serve
from theia_bridge.chat.protocol import (
    CompleteParams,
    Completion,
    CompletionMessage,
    CompletionSettings,
    ModelList,
    TokenUsage,
    Tool,
    ToolCall,
)
from theia_bridge.config import Settings
from theia_bridge.doctor import examine

pytestmark = pytest.mark.asyncio(loop_scope="module")
OUTPUT_TOKENS = 500
HELD = asking("one two\necho: hold")
TOOL = Tool(name="read", description="Reads", parameters={"type": "object", "default": b"\xff"})


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def endpoint() -> AsyncIterator[tuple[Fake, str]]:
    async with fake_endpoint() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway(
    endpoint: tuple[Fake, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """One gateway with the endpoint: what is tested here does not depend on the store."""
    folder = tmp_path_factory.mktemp("gateway")
    client = await serve(
        f"embedded:{folder / 'store'}",
        folder,
        chat_models=(MODEL,),
        chat_base_url=endpoint[1],
        chat_api_key=KEY,
        chat_default_model="echo",
        chat_output_tokens=OUTPUT_TOKENS,
        chat_concurrency=2,
    )
    yield Gateway(client)
    await client.close()


@pytest.fixture
def fake(endpoint: tuple[Fake, str]) -> Fake:
    """The endpoint, which knows nothing of the tests before."""
    fake = endpoint[0]
    fake.asked.clear()
    fake.keys.clear()
    fake.gone.clear()
    fake.send = said("Hello")
    return fake


@pytest_asyncio.fixture(loop_scope="module")
async def person(gateway: Gateway) -> Person:
    return await gateway.register()


@pytest_asyncio.fixture(loop_scope="module")
async def client(person: Person) -> AsyncIterator[Client]:
    async with person.connect() as connected:
        yield connected


async def failed(client: Client, asked: Any) -> tuple[RpcError, Told]:
    """The error a completion ends with, and what was told before."""
    told = Told()
    with pytest.raises(RpcError) as caught:
        async with listening(client, told):
            await client.call("chat.complete", asked, Completion)
    return caught.value, told


async def audited(person: Person) -> list[dict[str, Any]]:
    return [one["detail"] for one in (await person.ask("GET", "/audit?action=chat.complete"))["items"]]


async def begin(client: Client, asked: CompleteParams) -> Reply[Completion]:
    """Asks, and returns at the first delta."""
    stream = client.notifications(TYPES)
    batch = client.batch()
    reply = batch.call("chat.complete", asked, Completion)
    await batch.send()
    await anext(stream)
    stream.close()
    return reply


async def cancelled(client: Client, reply: Reply[Completion]) -> None:
    """Cancels, and waits until the server has done so."""
    await client.notify(CANCEL, CancelParams(reply.id))
    with pytest.raises(RpcError) as caught:
        await reply
    assert caught.value.kind == "Cancelled"


# --- echo -----------------------------------------------------------------------------------------------


async def test_models_are_told_with_the_default(client: Client) -> None:
    found = await client.call("chat.models", None, ModelList)
    assert [(one.id, one.default) for one in found.models] == [(MODEL, False), ("echo", True)]
    assert found.budget is None


async def test_echo_says_in_pieces_what_it_is_told(client: Client, person: Person) -> None:
    told = await ask(client, asking("Which tree is that?", conversation="talk-1", request="r1"))
    assert told.text == "Which tree is that?"
    assert len(told.deltas) > 1
    assert told.completion == Completion(
        model="echo",
        finish="stop",
        usage=TokenUsage(input_tokens=5, output_tokens=5, estimated=True),
    )
    entry = (await person.ask("GET", "/audit?action=chat.complete"))["items"][0]
    assert entry["resource"] == "conversation/talk-1"
    assert entry["detail"] == {
        "model": "echo",
        "input": "5",
        "output": "5",
        "estimated": "true",
        "ended": "stop",
        "message": "r1",
    }


async def test_echo_thinks_and_calls_tools_and_says_what_they_answered(client: Client) -> None:
    orders = 'echo: think Hm\necho: tool read {"path": "a"}\necho: tool none {}\necho: tool read'
    asked = asking(f"Go.\n{orders}", tools=(TOOL,))
    told = await ask(client, asked)
    assert (told.thinking, told.text) == ("Hm", "Go.")
    assert told.calls == [("call-0", "read", '{"path": "a"}'), ("call-1", "read", "{}")]
    assert told.completion is not None
    assert told.completion.finish == "toolCalls"
    called = CompletionMessage(
        role="assistant", tool_calls=(ToolCall(id="call-0", name="read", arguments="{}"),)
    )
    result = CompletionMessage(role="tool", content="fir", tool_call_id="call-0")
    told = await ask(client, asking("", messages=(*asked.messages, called, result)))
    assert told.text == "read answered: fir"


@pytest.mark.parametrize(
    ("order", "kind", "before"),
    [
        ("fail refused", "ModelRefused", ""),
        ("fail unusable", "ModelUnusable", ""),
        ("fail unavailable", "ModelUnavailable", ""),
        ("fail busy", "ModelBusy", ""),
        ("break", "ModelUnavailable", "one "),
    ],
)
async def test_echo_fails_as_it_is_told(client: Client, order: str, kind: str, before: str) -> None:
    error, told = await failed(client, asking(f"one two\necho: {order}"))
    assert (error.kind, told.text) == (kind, before)


async def test_an_agent_gives_its_prompt_its_model_and_only_its_tools(client: Client, person: Person) -> None:
    form = {"name": "Ranger", "prompt": "You know trees.", "model": "echo", "tools": ["read"]}
    agent = await person.ask("POST", "/agents", form, status=201)
    tools = (TOOL, Tool(name="write"))
    for named in (agent["id"], "ranger"):
        told = await ask(client, asking("echo: show", agent=named, tools=tools))
        assert told.text.splitlines() == ["system: You know trees.", "user: echo: show", "tools: read"]
    assert (await audited(person))[0]["agent"] == agent["id"]
    error, _ = await failed(client, asking("x", agent="nobody"))
    assert error.kind == "NotFound"


async def test_echo_reads_odd_orders_at_once(client: Client) -> None:
    told = await ask(client, asking("one" + "\necho:" + " a " * 100_000 + "\necho:\t\necho: pause x\necho"))
    assert told.text.split() == ["one", "echo"]


async def test_an_unknown_model_is_refused_with_those_there_are(client: Client) -> None:
    error, _ = await failed(client, asking("x", model="gpt"))
    assert error.kind == "UnknownModel"
    assert f"{MODEL}, echo" in error.message


async def test_an_answer_ends_at_its_limit(client: Client) -> None:
    told = await ask(client, asking("x\necho: repeat 10000000", model="echo"))
    assert told.completion is not None
    assert told.completion.finish == "length"
    assert len(told.text) < 16 * OUTPUT_TOKENS + 5000
    short = CompletionSettings(max_output_tokens=1)
    told = await ask(client, asking("one two three four five six", settings=short))
    assert told.completion is not None
    assert told.completion.finish == "length"
    assert len(told.text) < 20


async def test_a_prompt_that_is_too_long_is_refused(client: Client) -> None:
    error, _ = await failed(client, asking("x" * (8 * 1024**2 + 1)))
    assert error.kind == "InvalidFields"


async def test_a_viewer_asks_no_model(person: Person) -> None:
    viewer = await person.add("viewer")
    async with viewer.connect() as connected:
        error, _ = await failed(connected, asking("x"))
    assert error.kind == "NoPermissions"


async def test_only_so_many_at_a_time(client: Client) -> None:
    begun = [await begin(client, HELD) for _ in range(2)]
    error, _ = await failed(client, asking("x"))
    assert error.kind == "TooManyCompletions"
    for reply in begun:
        await cancelled(client, reply)
    await ask(client, asking("x"))


async def test_what_was_cancelled_is_counted(client: Client, person: Person) -> None:
    await cancelled(client, await begin(client, HELD))
    assert await audited(person) == [
        {"model": "echo", "input": "5", "output": "1", "estimated": "true", "ended": "cancelled"}
    ]


async def test_what_is_cancelled_before_it_begins_is_not_counted(client: Client, person: Person) -> None:
    for turns in range(60):
        batch = client.batch()
        reply = batch.call("chat.complete", HELD, Completion)
        await batch.send()
        for _ in range(turns):  # of the loop that the gateway runs on, too
            await asyncio.sleep(0)
        await cancelled(client, reply)

    async def counted() -> int:
        used = (await person.ask("GET", "/tenants/me/usage/tokens"))["items"]
        return sum(int(one["completions"]) for one in used)

    begun = len(await audited(person))
    async with asyncio.timeout(10):
        while await counted() != begun:  # noqa: ASYNC110 - it is given back behind the answer
            await asyncio.sleep(0.01)


# --- an endpoint ------------------------------------------------------------------------------------------


async def test_an_answer_streams_from_the_endpoint(client: Client, fake: Fake) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}

    async def send(answer: Answer) -> None:
        await answer.delta(role="assistant", content="")
        await answer.delta(reasoning_content="Hm.")
        await answer.delta(content="A ")
        await answer.delta(content="fir.")
        await answer.end(usage=usage)

    fake.send = send
    settings = CompletionSettings(temperature=0.5, top_p=0.9, stop=("END",), reasoning="low", json=True)
    image = "data:image/png;base64,AAAA"
    asked = asking(
        "",
        model=MODEL,
        settings=settings,
        messages=(
            CompletionMessage(role="system", content="Be short."),
            CompletionMessage(role="user", content="Which?", images=(image,)),
        ),
    )
    told = await ask(client, asked)
    assert (told.thinking, told.text) == ("Hm.", "A fir.")
    assert told.completion is not None
    assert told.completion.usage == TokenUsage(input_tokens=11, output_tokens=3, estimated=False)
    assert fake.keys == [f"Bearer {KEY}"]
    assert fake.asked == [
        {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "Be short."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Which?"},
                        {"type": "image_url", "image_url": {"url": image}},
                    ],
                },
            ],
            "max_completion_tokens": OUTPUT_TOKENS,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "reasoning_effort": "low",
            "response_format": {"type": "json_object"},
        }
    ]


@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
async def test_tools_go_there_and_their_calls_come_back(client: Client, fake: Fake, finish: str) -> None:
    async def send(answer: Answer) -> None:
        function: dict[str, str] = {"name": "read", "arguments": ""}
        await answer.delta(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": function}])
        for part in ('{"pa', 'th":1}'):
            await answer.delta(tool_calls=[{"index": 0, "function": {"arguments": part}}])
        await answer.end(finish)

    fake.send = send
    called = CompletionMessage(
        role="assistant", tool_calls=(ToolCall(id="c0", name="read", arguments='{"a":1}'),)
    )
    result = CompletionMessage(role="tool", content="fir", tool_call_id="c0")
    question = CompletionMessage(role="user", content="Which?")
    told = await ask(client, asking("", model=MODEL, tools=(TOOL,), messages=(question, called, result)))
    assert told.calls == [("c1", "read", '{"path":1}')]
    assert told.completion is not None
    assert (told.completion.finish, told.completion.usage.estimated) == ("toolCalls", True)
    (asked,) = fake.asked
    function = {"name": "read", "description": "Reads", "parameters": {"type": "object", "default": "/w=="}}
    assert asked["tools"] == [{"type": "function", "function": function}]
    assert asked["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c0", "type": "function", "function": {"name": "read", "arguments": '{"a":1}'}}
            ],
        },
        {"role": "tool", "content": "fir", "tool_call_id": "c0"},
    ]


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, "ModelRefused", "too long, see …"),
        (401, "ModelUnusable", "key"),
        (403, "ModelUnusable", "key"),
        (404, "ModelUnusable", "no such model"),
        (302, "ModelUnusable", "302"),
        (429, "ModelBusy", "in 7 s"),
        (500, "ModelUnavailable", "500"),
        (503, "ModelUnavailable", "503"),
    ],
)
async def test_refusals_of_the_endpoint_are_told_without_the_key(
    client: Client, fake: Fake, status: int, kind: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def send(answer: Answer) -> None:
        headers = {"Retry-After": "7", "Location": "http://127.0.0.1:9/elsewhere"}
        answer.refuse(status, f"too long, see {KEY}", headers)

    fake.send = send
    error, told = await failed(client, asking("x", model=MODEL))
    assert (error.kind, told.deltas) == (kind, [])
    assert says in error.message
    assert len(fake.asked) == 1
    assert KEY not in str(error.data) + error.message + caplog.text
    if kind == "ModelBusy":
        assert error.data["retrySeconds"] == 7


async def broken_off(answer: Answer) -> None:
    await answer.delta(content="A ")
    assert answer.request.transport is not None
    answer.request.transport.close()


async def without_end(answer: Answer) -> None:
    await answer.delta(content="A ")


async def with_error(answer: Answer) -> None:
    await answer.delta(content="A ")
    await answer.event({"error": {"message": f"overloaded {KEY}"}})


async def no_json(answer: Answer) -> None:
    await answer.delta(content="A ")
    await answer.event("{no json")


async def of_other_types(answer: Answer) -> None:
    await answer.delta(content="A ")
    await answer.event({"choices": "none"})


@pytest.mark.parametrize("send", [broken_off, without_end, with_error, no_json, of_other_types])
async def test_an_answer_that_breaks_off_is_told_as_such(
    client: Client, fake: Fake, send: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fake.send = send
    error, told = await failed(client, asking("x", model=MODEL))
    assert (error.kind, told.text) == ("ModelUnavailable", "A ")
    assert KEY not in error.message + caplog.text


async def begins(answer: Answer) -> None:
    await answer.delta(content="A ")
    await asyncio.Event().wait()


async def test_cancelling_closes_the_connection_to_the_endpoint(client: Client, fake: Fake) -> None:
    fake.send = begins
    await cancelled(client, await begin(client, asking("x", model=MODEL)))
    await fake.gone.wait()


async def test_cancelling_before_the_first_word_closes_the_connection_too(client: Client, fake: Fake) -> None:
    reached = asyncio.Event()

    async def silent(answer: Answer) -> None:
        reached.set()
        await asyncio.Event().wait()

    fake.send = silent
    batch = client.batch()
    reply = batch.call("chat.complete", asking("x", model=MODEL), Completion)
    await batch.send()
    await reached.wait()
    await cancelled(client, reply)
    await fake.gone.wait()


async def test_the_end_of_the_channel_closes_the_connection_to_the_endpoint(
    person: Person, fake: Fake
) -> None:
    fake.send = begins
    async with person.connect() as client:
        await begin(client, asking("x", model=MODEL))
    await fake.gone.wait()


async def test_what_the_endpoint_sends_is_bounded(client: Client, fake: Fake) -> None:
    async def many(answer: Answer) -> None:
        while True:
            await answer.delta(content="x" * 1000)

    async def one(answer: Answer) -> None:
        await answer.raw(b"data: ")
        while True:
            await answer.raw(b"x" * 65536)

    fake.send = many
    told = await ask(client, asking("x", model=MODEL))
    assert told.completion is not None
    assert told.completion.finish == "length"
    assert len(told.text) <= 16 * OUTPUT_TOKENS + 1000
    await fake.gone.wait()
    fake.gone.clear()
    fake.send = one
    error, _ = await failed(client, asking("x", model=MODEL))
    assert error.kind == "ModelUnavailable"
    await fake.gone.wait()


async def test_an_endpoint_that_is_not_there_or_says_nothing(
    tmp_path: Path, fake: Fake, endpoint: tuple[Fake, str]
) -> None:
    async def silent(answer: Answer) -> None:
        await answer.raw(b": ping\n\n")
        await asyncio.Event().wait()

    fake.send = silent
    for url, says in (("http://127.0.0.1:9/v1", "cannot be reached"), (endpoint[1], "said nothing")):
        client: TestClient[Any, Any] = await serve(
            f"embedded:{tmp_path / 'store'}",
            tmp_path,
            chat_models=(MODEL,),
            chat_base_url=url,
            chat_timeout_seconds=0.2,
            chat_echo=False,
        )
        person = await Gateway(client).register()
        async with person.connect() as connected:
            error, _ = await failed(connected, asking("x"))
            assert error.kind == "ModelUnavailable"
            assert says in error.message
            assert "127.0.0.1" not in error.message
        await client.close()


@pytest.mark.parametrize(
    ("given", "fine", "says"),
    [
        ({}, True, "fake-1: the endpoint has them"),
        ({"chat_api_key": "sk-another"}, False, "key is not accepted"),
        ({"chat_models": (MODEL, "fake-2")}, False, "the endpoint has no fake-2"),
        ({"chat_base_url": "http://127.0.0.1:9/v1"}, False, "cannot be reached"),
        ({"chat_models": ()}, True, "echo alone"),
    ],
)
async def test_doctor_asks_the_endpoint(
    endpoint: tuple[Fake, str], tmp_path: Path, given: dict[str, Any], fine: bool, says: str
) -> None:
    options = {"chat_models": (MODEL,), "chat_base_url": endpoint[1], "chat_api_key": KEY} | given
    settings = Settings(store=f"embedded:{tmp_path / 'store'}", keys=tmp_path / "keys", **options)
    (found,) = [one for one in await examine(settings) if one.subject == "language models"]
    assert found.fine is fine
    assert says in found.detail
    assert KEY not in found.detail


async def test_a_key_that_cannot_be_read_any_more(
    tmp_path: Path, fake: Fake, endpoint: tuple[Fake, str]
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    client = await serve(
        f"embedded:{tmp_path / 'store'}",
        tmp_path,
        chat_models=(MODEL,),
        chat_base_url=endpoint[1],
        chat_api_key_file=str(key),
    )
    key.unlink()
    person = await Gateway(client).register()
    async with person.connect() as connected:
        error, _ = await failed(connected, asking("x"))
        assert error.kind == "ModelUnusable"
        key.write_text(f"{KEY}\n")
        assert (await ask(connected, asking("x"))).text == "Hello"
        assert fake.keys == [f"Bearer {KEY}"]
    await client.close()
