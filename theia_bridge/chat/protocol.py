"""What goes over the wire when a language model is asked."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from theia_bridge.methods.protocol import Params, Wire
from theia_bridge.services.conversations import Id, Label

Finish = Literal["stop", "length", "toolCalls", "contentFilter"]
"""Why a model has ended: it was done, it may say no more, it waits for its tools, it was kept from more."""
Image = Annotated[str, msgspec.Meta(pattern=r"^data:image/[a-z0-9.+-]+;base64,")]


class ToolCall(Params, frozen=True):
    """A call that a model has made; `arguments` is JSON text, as the model wrote it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: Label
    arguments: str = ""


class CompletionMessage(Params, frozen=True):
    """`images` are `data:` URLs. `tool_call_id` is of the call that a message of the role `tool` answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: Label | None = None


class Tool(Params, frozen=True):
    """A tool the model may call, which the client runs then. `parameters` is a JSON Schema."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
    description: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    parameters: dict[str, object] = msgspec.field(default_factory=dict)


class CompletionSettings(Params, frozen=True):
    """How the model is to answer; each is left to the model without it.

    `json` asks for a JSON object, `schema` for one of that JSON Schema.
    """

    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stop: Annotated[tuple[Label, ...], msgspec.Meta(max_length=4)] = ()
    reasoning: Literal["minimal", "low", "medium", "high"] | None = None
    json: bool = False
    schema: dict[str, object] | None = None


class CompleteParams(Params, frozen=True):
    """`completion_id` is the client's, and names this completion in `chat.didDelta`.

    `agent` is the id or the name of an agent of the tenant: its prompt comes first, its model answers unless
    one is named, and of the tools only its own are offered. `conversation` and `request` say in the audit
    what it was for.
    """

    completion_id: Id
    messages: Annotated[tuple[CompletionMessage, ...], msgspec.Meta(min_length=1, max_length=5000)]
    model: Label | None = None
    agent: Label | None = None
    tools: Annotated[tuple[Tool, ...], msgspec.Meta(max_length=200)] = ()
    settings: CompletionSettings = CompletionSettings()
    conversation: Id | None = None
    request: Id | None = None


class ToolCallDelta(Wire, frozen=True):
    """A piece of the call `index`: `id` and `name` come with the first; `arguments` is some of its text."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class DidDelta(Wire, frozen=True):
    """The next piece of what a model says, thinks, and calls."""

    completion_id: str
    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()


class TokenUsage(Wire, frozen=True):
    """`estimated`: the model has not said, so a token is taken to be 4 bytes."""

    input_tokens: int
    output_tokens: int
    estimated: bool


class Completion(Wire, frozen=True):
    """How a completion has ended; what was said came before, as `chat.didDelta`."""

    model: str
    finish: Finish
    usage: TokenUsage


class ModelInfo(Wire, frozen=True):
    id: str
    default: bool


class TokenBudget(Wire, frozen=True):
    """Of the caller, for this day; `renews_at` is when the next begins, in milliseconds since 1970."""

    tokens: int
    used: int
    renews_at: int


class ModelList(Wire, frozen=True):
    """`budget` is null if there is none."""

    models: list[ModelInfo]
    budget: TokenBudget | None
