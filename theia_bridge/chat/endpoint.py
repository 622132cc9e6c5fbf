"""The endpoint an operator has set, opened when a model of it is first asked.

The client library takes a third of a second and 25 MB: only who uses it pays for it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from theia_bridge.chat.model import Piece, Prompt

if TYPE_CHECKING:
    from theia_bridge.chat.upstream import Upstream


class Endpoint:
    """A `LanguageModel`.

    Args:
        base_url: with the version, such as `https://api.example.com/v1`.
        key: sent as a bearer token; "" for an endpoint that wants none.
        seconds: that the endpoint may be silent.
        output_tokens: the most that is asked for; more than they can take is not read.
    """

    def __init__(self, base_url: str, key: str, *, seconds: float, output_tokens: int) -> None:
        self._base_url = base_url
        self._key = key
        self._seconds = seconds
        self._output_tokens = output_tokens
        self._opening = asyncio.Lock()
        self._upstream: Upstream | None = None

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        async with self._opening:
            if self._upstream is None:
                self._upstream = await asyncio.to_thread(self._open)
        async with aclosing(self._upstream.stream(prompt)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Closes the connections."""
        if self._upstream is not None:
            await self._upstream.close()

    def _open(self) -> Upstream:
        module = importlib.import_module("theia_bridge.chat.upstream")
        upstream: Upstream = module.Upstream(
            self._base_url, self._key, seconds=self._seconds, output_tokens=self._output_tokens
        )
        return upstream
