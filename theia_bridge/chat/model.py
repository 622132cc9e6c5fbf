"""What a language model is to the rest of the server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from theia_bridge.chat.protocol import CompletionMessage, CompletionSettings, Finish, Tool, ToolCallDelta

BYTES_OF_TOKEN = 4
"""Of English text, on the average, in the vocabularies of today's models; where one does not say how many
tokens it took, they are estimated by that."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked.

    Args:
        output_tokens: it may say at most.
    """

    model: str
    messages: tuple[CompletionMessage, ...]
    tools: tuple[Tool, ...]
    settings: CompletionSettings
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of an answer.

    Args:
        finish: why the model has ended, once it has.
        usage: tokens of the prompt and of the answer, once the model tells them.
    """

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish: Finish | None = None
    usage: tuple[int, int] | None = None

    @property
    def size(self) -> int:
        """Bytes of it."""
        calls = sum(len((one.name or "").encode()) + len(one.arguments.encode()) for one in self.tool_calls)
        return len(self.text.encode()) + len(self.thinking.encode()) + calls


class LanguageModel(Protocol):
    """Something that answers prompts."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The answer, as it comes. Closing the generator stops the model.

        Raises:
            ModelError: there is no answer, or not all of one.
        """
        ...


def tokens(size: int) -> int:
    """About how many tokens so many bytes of text are."""
    return -(-size // BYTES_OF_TOKEN)
