"""The endpoint an operator has set, opened when a model of it is first asked.

The client library takes a third of a second and 25 MB: only who uses it pays for it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from theia_bridge.chat.errors import ModelUnusable
from theia_bridge.chat.model import Piece, Prompt
from theia_bridge.config import Settings

if TYPE_CHECKING:
    from theia_bridge.chat.upstream import Upstream


class Endpoint:
    """A `LanguageModel`: all models of the endpoint, by the name in the prompt."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._upstream: Upstream | None = None

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        upstream = await self._opened()
        async with aclosing(upstream.stream(prompt)) as pieces:
            async for piece in pieces:
                yield piece

    async def missing(self, models: Sequence[str]) -> list[str] | None:
        """Which of some models the endpoint has not; None if it does not tell which it has.

        Raises:
            ModelError: it cannot be reached, or does not take the key.
        """
        return await (await self._opened()).missing(models)

    async def close(self) -> None:
        """Closes the connections."""
        if self._upstream is not None:
            await self._upstream.close()

    async def _opened(self) -> Upstream:
        async with self._opening:
            if self._upstream is None:
                try:
                    self._upstream = await asyncio.to_thread(self._open)
                except OSError:
                    raise ModelUnusable(
                        "The language model cannot be used: the server's operator has to see that "
                        "chat_api_key_file can be read."
                    ) from None
            return self._upstream

    def _open(self) -> Upstream:
        module = importlib.import_module("theia_bridge.chat.upstream")
        upstream: Upstream = module.Upstream(
            self._settings.chat_base_url,
            self._settings.chat_key,
            seconds=self._settings.chat_timeout_seconds,
            output_tokens=self._settings.chat_output_tokens,
        )
        return upstream
