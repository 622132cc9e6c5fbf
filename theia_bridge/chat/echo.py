"""The built-in model, which says again what it is told: to try everything, and to test it, without a network.

Lines of the last user message that begin with `echo:` are orders, and are not said:

    echo: tool NAME {"argument": 1}   calls a tool; several lines call several
    echo: think TEXT                  thinks that before it speaks
    echo: show                        says what it was sent: roles, texts, and names of tools
    echo: repeat BYTES                says as much
    echo: pause MS                    waits before each piece but the first
    echo: hold                        waits behind the first piece until it is cancelled
    echo: break                       fails behind the first piece
    echo: fail KIND                   fails at once: refused, unusable, unavailable, busy
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence

from theia_bridge.chat.errors import (
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    ModelUnusable,
)
from theia_bridge.chat.model import Piece, Prompt
from theia_bridge.chat.protocol import CompletionMessage, ToolCallDelta

NAME = "echo"
_ORDER = re.compile(r"^echo:(.*)$", re.MULTILINE)
_PIECES = 20
"""An answer is said in at most some more pieces than that."""
_SHORT = 10_000
"""Characters of a text that is cut between words."""
_MOST = 64 * 1024 * 1024
"""Bytes it says at most."""
_LONGEST_PAUSE = 10_000
"""Milliseconds."""
_FAILURES: dict[str, ModelError] = {
    "refused": ModelRefused("The model refused the request, as it was told to."),
    "unusable": ModelUnusable("The model cannot be used, as it was told."),
    "unavailable": ModelUnavailable("The model is not available, as it was told."),
    "busy": ModelBusy("The model is busy, as it was told.", 1.0),
}


class Echo:
    """See the module."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        last = prompt.messages[-1]
        asked = last.content if last.role == "user" else ""
        orders = [_order(line) for line in _ORDER.findall(asked)]
        said = dict(orders)
        if "fail" in said:
            raise _FAILURES.get(said["fail"], _FAILURES["refused"])
        if "think" in said:
            yield Piece(thinking=said["think"])
        pause = min(_number(said.get("pause", "")), _LONGEST_PAUSE) / 1000
        first = True
        for piece in _pieces(_answer(prompt, said, asked), _number(said.get("repeat", ""))):
            if not first:
                await asyncio.sleep(pause)
            yield Piece(text=piece)
            if first and "break" in said:
                raise ModelUnavailable("The model broke off, as it was told to.")
            if first and "hold" in said:
                await asyncio.Event().wait()
            first = False
        calls = _calls(prompt, [given for order, given in orders if order == "tool"])
        for index, (name, arguments) in enumerate(calls):
            middle = len(arguments) // 2
            yield Piece(tool_calls=(ToolCallDelta(index=index, id=f"call-{index}", name=name),))
            for part in (arguments[:middle], arguments[middle:]):
                yield Piece(tool_calls=(ToolCallDelta(index=index, arguments=part),))
        yield Piece(finish="toolCalls" if calls else "stop")


def _order(line: str) -> tuple[str, str]:
    order, _, given = line.strip().partition(" ")
    return order, given.strip()


def _answer(prompt: Prompt, said: dict[str, str], asked: str) -> str:
    if "show" in said:
        sent = [f"{one.role}: {one.content}" for one in prompt.messages]
        return "\n".join([*sent, f"tools: {', '.join(tool.name for tool in prompt.tools)}"])
    results = _results(prompt.messages)
    if results:
        return "\n".join(results)
    return _ORDER.sub("", asked).strip() or "…"


def _results(messages: Sequence[CompletionMessage]) -> list[str]:
    """What the tools have answered that were called last."""
    names = {call.id: call.name for one in messages for call in one.tool_calls}
    results: list[str] = []
    for one in reversed(messages):
        if one.role != "tool":
            break
        results.insert(0, f"{names.get(one.tool_call_id or '', 'The tool')} answered: {one.content}")
    return results


def _pieces(text: str, repeat: int) -> Iterator[str]:
    """The text word by word if it is short, and in larger pieces if not; over and over if told so."""
    words = re.findall(r"\S+\s*", text) if len(text) < _SHORT else text
    step = -(-len(words) // _PIECES)
    pieces = ["".join(words[start : start + step]) for start in range(0, len(words), step)]
    left = min(repeat, _MOST)
    yield from pieces if not left else ()
    block = text * -(-4096 // len(text))
    while left > 0:
        yield block[:left]
        left -= len(block)


def _calls(prompt: Prompt, given: Sequence[str]) -> list[tuple[str, str]]:
    """Names and arguments of the calls it is told to make, of tools there are."""
    offered = {tool.name for tool in prompt.tools}
    calls = [one.partition(" ") for one in given]
    return [(name, arguments.strip() or "{}") for name, _, arguments in calls if name in offered]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
