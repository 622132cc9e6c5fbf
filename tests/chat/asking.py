"""Asking language models in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from fdb_provider.models import new_id
from rpc import ChannelClosed
from rpc.client import Client
from theia_bridge.chat.protocol import CompleteParams, Completion, CompletionMessage, DidDelta, ToolCallDelta

TYPES = {"chat.didDelta": DidDelta}


@dataclass
class Told:
    """What came of a completion, up to its answer."""

    deltas: list[DidDelta] = field(default_factory=list)
    completion: Completion | None = None

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.deltas)

    @property
    def thinking(self) -> str:
        return "".join(one.thinking for one in self.deltas)

    @property
    def calls(self) -> list[tuple[str | None, str | None, str]]:
        """Id, name and arguments of each call."""
        pieces: dict[int, list[ToolCallDelta]] = {}
        for delta in self.deltas:
            for call in delta.tool_calls:
                pieces.setdefault(call.index, []).append(call)
        return [
            (of[0].id, of[0].name, "".join(one.arguments for one in of)) for _, of in sorted(pieces.items())
        ]


def asking(*contents: str, **fields: object) -> CompleteParams:
    """A question of a user, or a talk in which they and the model take turns."""
    roles = ["user", "assistant"]
    messages = [
        CompletionMessage(role=roles[n % 2], content=content)  # type: ignore[arg-type]
        for n, content in enumerate(contents)
    ]
    given = {"completion_id": new_id(), "messages": tuple(messages), **fields}
    return CompleteParams(**given)  # type: ignore[arg-type]  # of whatever fields


@asynccontextmanager
async def listening(client: Client, told: Told) -> AsyncIterator[None]:
    """Collects the deltas that have come by the end of the block."""
    stream = client.notifications(TYPES)
    try:
        yield
    finally:
        stream.close()
        with suppress(ChannelClosed):
            async for _, delta in stream:
                assert isinstance(delta, DidDelta)
                told.deltas.append(delta)


async def ask(client: Client, asked: CompleteParams) -> Told:
    """Asks, and waits for the answer."""
    told = Told()
    async with listening(client, told):
        told.completion = await client.call("chat.complete", asked, Completion)
    assert all(one.completion_id == asked.completion_id for one in told.deltas)
    return told
