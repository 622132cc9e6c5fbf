"""A long chat: saving one message more, reading it all, and how soon a model's first word is there."""

from __future__ import annotations

from functools import partial
from time import perf_counter

from benchmarks.figures import Figure, Plan
from benchmarks.foundationdb import on_each_engine
from benchmarks.processes import gateway
from fdb_provider.models import new_id
from rpc.client import Client
from theia_bridge.chat.protocol import CompleteParams, Completion, CompletionMessage
from theia_bridge.methods.chat_protocol import (
    ChatContent,
    ChatReadParams,
    ChatStored,
    ChatStoreParams,
    StoredMessage,
)

CHAT = "long"
MESSAGES = 500
MESSAGE = 10_000
"""Bytes: 5 MB together."""
SAVES = 100
"""In a turn."""


async def measure(plan: Plan) -> list[Figure]:
    """`chat`"""
    return await on_each_engine(partial(_measure, plan))


async def _measure(plan: Plan, engine: str, store: str | None) -> list[Figure]:
    saves: list[float] = []
    reads: list[float] = []
    words: list[float] = []
    async with gateway(plan.folder / f"chat-{engine}", store=store) as server:
        token = await server.register("chat")
        async with Client.connect(f"ws://127.0.0.1:{server.port}/ws/rpc", token=token) as client:
            for start in range(0, MESSAGES, 100):
                await _store(client, [_message(MESSAGE) for _ in range(start, start + 100)])
            for _ in range(plan.runs):
                began = perf_counter()
                for _ in range(SAVES):
                    await _store(client, [_message(1000)])
                saves.append((perf_counter() - began) / SAVES * 1000)
                reads.append(await _read(client) * 1000)
                words.append(sum([await _first_word(client) for _ in range(SAVES)]) / SAVES * 1000)
    return [
        Figure(measure="chat", name="a message of 1 kB into a chat of 5 MB", unit="ms", runs=saves),
        Figure(measure="chat", name="all of it read", unit="ms", runs=reads),
        Figure(measure="chat", name="first word of echo", unit="ms", runs=words),
    ]


def _message(size: int) -> StoredMessage:
    """Of text that can be compressed like text."""
    text = "".join(f"{new_id()} the quick brown fox jumps over it; " for _ in range(size // 60 + 1))
    return StoredMessage(id=new_id(), role="user", content=text[:size])


async def _store(client: Client, messages: list[StoredMessage]) -> None:
    await client.call("chat.store", ChatStoreParams(id=CHAT, messages=messages), ChatStored)


async def _read(client: Client) -> float:
    began = perf_counter()
    after: str | None = None
    while True:
        page = await client.call("chat.read", ChatReadParams(id=CHAT, after=after), ChatContent)
        if (after := page.next) is None:
            return perf_counter() - began


async def _first_word(client: Client) -> float:
    question = CompletionMessage(role="user", content="Which tree is that?")
    asked = CompleteParams(completion_id=new_id(), messages=(question,))
    told = client.notifications()
    batch = client.batch()
    began = perf_counter()
    answer = batch.call("chat.complete", asked, Completion)
    await batch.send()
    await anext(told)
    seconds = perf_counter() - began
    await answer
    told.close()
    return seconds
