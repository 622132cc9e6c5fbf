"""Models of an OpenAI-compatible endpoint. The key stays here: it is in no error, no answer and no log."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import Any

import httpx2
import msgspec
import openai
from openai.types.chat import ChatCompletionChunk

from theia_bridge.chat.errors import (
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    ModelUnusable,
)
from theia_bridge.chat.model import Piece, Prompt
from theia_bridge.chat.protocol import CompletionMessage, CompletionSettings, Finish, Tool, ToolCallDelta

CONNECT_SECONDS = 10.0
"""Until the endpoint has to have taken a connection."""
_WIRE_BYTES_OF_TOKEN = 1024
"""What a token may take of a stream, where each comes in an event of its own."""
_REASON = 300
"""Characters that are shown of the reason a model gives for a refusal."""
_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "toolCalls",
    "function_call": "toolCalls",
    "content_filter": "contentFilter",
}

_log = logging.getLogger(__name__)
for _library in ("httpx2", "httpcore2", "openai"):  # they would tell of addresses, and of what is said
    logging.getLogger(_library).setLevel(logging.WARNING)


class Upstream:
    """The models of one endpoint.

    Args:
        base_url: with the version, such as `https://api.example.com/v1`.
        key: sent as a bearer token; "" for an endpoint that wants none.
        seconds: that the endpoint may be silent.
        output_tokens: the most that is asked for; more than they can take is not read.
    """

    def __init__(self, base_url: str, key: str, *, seconds: float, output_tokens: int) -> None:
        self._key = key
        self._seconds = seconds
        self._most = output_tokens * _WIRE_BYTES_OF_TOKEN + 1024**2
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            # A retry would ask, and be counted, twice; whoever chats sees what is wrong and can ask again.
            max_retries=0,
            # What is packed is not bounded by its size on the wire.
            default_headers={"Accept-Encoding": "identity"},
            http_client=httpx2.AsyncClient(
                timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
                # The key goes where the operator said, and nowhere else.
                follow_redirects=False,
                event_hooks={"response": [self._bound]},
            ),
        )

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """As `LanguageModel.stream`."""
        try:
            stream = await self._client.chat.completions.create(**_request(prompt))
            async with stream:
                ended = False
                async for chunk in stream:
                    piece = _piece(chunk)
                    ended = ended or piece.finish is not None
                    yield piece
            if not ended:
                raise ModelUnavailable(f"{prompt.model} broke off before the end of its answer.")
        except openai.OpenAIError as error:
            raise self._told(prompt.model, error) from None
        except (httpx2.HTTPError, _TooMuch, ValueError, TypeError, AttributeError) as error:
            _log.warning("the language model %s broke off: %s", prompt.model, type(error).__name__)
            raise ModelUnavailable(f"{prompt.model} broke off before the end of its answer.") from None

    async def missing(self, models: Sequence[str]) -> list[str] | None:
        """Which of some models the endpoint has not; None if it does not tell which it has.

        Raises:
            ModelError: it cannot be reached, or does not take the key.
        """
        try:
            there = {_text(model.id) for model in (await self._client.models.list()).data}
        except openai.NotFoundError:
            return None
        except openai.OpenAIError as error:
            raise self._told("The endpoint", error) from None
        except (httpx2.HTTPError, _TooMuch, ValueError, TypeError, AttributeError):
            return None
        return [model for model in models if model not in there]

    async def close(self) -> None:
        """Closes the connections to the endpoint."""
        await self._client.close()

    async def _bound(self, response: httpx2.Response) -> None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, self._most)

    def _told(self, model: str, error: openai.OpenAIError) -> ModelError:
        """What the caller is told of an error."""
        if isinstance(error, openai.APITimeoutError):
            _log.warning("the language model %s did not answer within %g s", model, self._seconds)
            return ModelUnavailable(f"{model} did not answer within {self._seconds:g} s. Try again later.")
        if isinstance(error, openai.APIConnectionError):
            _log.warning("the endpoint of the language model %s cannot be reached", model)
            return ModelUnavailable(f"{model} cannot be reached now. Try again later.")
        if not isinstance(error, openai.APIStatusError):
            _log.warning("the language model %s failed: %s", model, type(error).__name__)
            return ModelUnavailable(f"{model} failed{self._reason(error)} Try again later.")
        status = error.status_code
        _log.warning("the endpoint of the language model %s answered %d", model, status)
        if status in (400, 409, 413, 422):
            return ModelRefused(f"{model} refused the request{self._reason(error)}")
        if status == 429:
            seconds = _seconds(error.response.headers.get("retry-after"))
            when = "later" if seconds is None else f"in {seconds:g} s"
            return ModelBusy(f"{model} takes no more requests now. Try again {when}.", seconds)
        if 300 <= status < 500:
            what = {
                401: "its key is not accepted",
                403: "its key does not allow that",
                404: "there is no such model, or no such address",
            }.get(status, f"it answers {status}")
            return ModelUnusable(
                f"{model} cannot be used: {what}. The server's operator has to mend its settings."
            )
        return ModelUnavailable(f"{model} has a fault now (it answers {status}). Try again later.")

    def _reason(self, error: openai.OpenAIError) -> str:
        """The reason a model gives, as the end of a sentence."""
        body = getattr(error, "body", None)
        reason = body.get("message") if isinstance(body, dict) else None
        if not isinstance(reason, str) or not reason.strip():
            return "."
        if self._key:
            reason = reason.replace(self._key, "…")
        reason = " ".join(reason.split())[:_REASON]
        return f": {reason.rstrip('.')}."


class _TooMuch(Exception):
    """The endpoint sends more than is read."""


class _Bounded(httpx2.AsyncByteStream):
    """A stream that is read up to a number of bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream = stream
        self._left = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._left -= len(part)
            if self._left < 0:
                raise _TooMuch
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def _request(prompt: Prompt) -> dict[str, Any]:
    settings = prompt.settings
    given = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "stop": list(settings.stop) or None,
        "reasoning_effort": settings.reasoning,
        "tools": [_tool(one) for one in prompt.tools] or None,
        "response_format": _format(settings),
    }
    # Clients may have sent what JSON has not, such as bytes in the schema of a tool; messages are texts.
    plain = msgspec.json.encode({name: value for name, value in given.items() if value is not None})
    request: dict[str, Any] = msgspec.json.decode(plain)
    return {
        "model": prompt.model,
        "messages": [_message(one) for one in prompt.messages],
        "max_completion_tokens": prompt.output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        **request,
    }


def _format(settings: CompletionSettings) -> dict[str, object] | None:
    if settings.schema is not None:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": settings.schema}}
    return {"type": "json_object"} if settings.json else None


def _tool(tool: Tool) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": {name: value for name, value in function.items() if value}}


def _message(message: CompletionMessage) -> dict[str, object]:
    content: object = message.content
    if message.images:
        images = [{"type": "image_url", "image_url": {"url": image}} for image in message.images]
        content = [{"type": "text", "text": message.content}, *images]
    if message.tool_calls and not message.content:
        content = None  # not every endpoint takes an empty text
    told: dict[str, object] = {"role": message.role, "content": content}
    if message.tool_calls:
        told["tool_calls"] = [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    return told


def _piece(chunk: ChatCompletionChunk) -> Piece:
    """What a chunk says. Endpoints differ in what they leave out, and in how they call a model's thoughts."""
    usage = None
    if chunk.usage is not None:
        usage = _count(chunk.usage.prompt_tokens), _count(chunk.usage.completion_tokens)
    if not chunk.choices:
        return Piece(usage=usage)
    choice = chunk.choices[0]
    delta = choice.delta
    more = delta.model_extra or {}
    return Piece(
        text=_text(delta.content),
        thinking=_text(more.get("reasoning_content")) or _text(more.get("reasoning")),
        tool_calls=tuple(_tool_calls(delta.tool_calls or ())),
        finish=None if choice.finish_reason is None else _FINISHES.get(choice.finish_reason, "stop"),
        usage=usage,
    )


def _tool_calls(deltas: Iterable[Any]) -> Iterable[ToolCallDelta]:
    for one in deltas:
        function = one.function
        yield ToolCallDelta(
            index=_count(one.index),
            id=_text(one.id) or None,
            name=None if function is None else _text(function.name) or None,
            arguments="" if function is None else _text(function.arguments),
        )


# The library does not look whether what comes is of the types it says.


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
