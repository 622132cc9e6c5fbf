"""A server that speaks the protocol of OpenAI's chat completions, and does what a test tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

MODEL = "fake-1"
KEY = "sk-0123456789abcdef"
Json = dict[str, Any]


class Fake:
    """Attributes:
    asked: bodies of the requests so far.
    keys: their `Authorization` headers.
    send: what is done with the next requests.
    gone: set when a client has closed its connection before the answer was whole.
    """

    def __init__(self) -> None:
        self.asked: list[Json] = []
        self.keys: list[str | None] = []
        self.send: Callable[[Answer], Awaitable[None]] = said("Hello")
        self.gone = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        answer = Answer(request)
        try:
            await self.send(answer)
        except (ConnectionError, asyncio.CancelledError):
            self.gone.set()
            raise
        return answer.response


async def models(request: web.Request) -> web.Response:
    """The models there are, for who has the key."""
    if request.headers.get("Authorization") != f"Bearer {KEY}":
        return web.json_response({"error": {"message": f"no {KEY}"}}, status=401)
    return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


class Answer:
    """The answer to one request."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.response: web.StreamResponse = web.StreamResponse(headers={"Content-Type": "text/event-stream"})

    async def raw(self, data: bytes) -> None:
        if not self.response.prepared:
            await self.response.prepare(self.request)
        await self.response.write(data)

    async def event(self, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        await self.raw(f"data: {text}\n\n".encode())

    async def delta(self, finish: str | None = None, **delta: object) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        await self.event({"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})

    async def end(self, finish: str = "stop", usage: Json | None = None) -> None:
        await self.delta(finish)
        if usage is not None:
            await self.event({"id": "1", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        await self.event("[DONE]")

    def refuse(self, status: int, message: str = "", headers: dict[str, str] | None = None) -> None:
        error = {"error": {"message": message, "type": "x", "code": None}}
        self.response = web.json_response(error, status=status, headers=headers)


def said(*texts: str, usage: Json | None = None) -> Callable[[Answer], Awaitable[None]]:
    """Says some texts, and ends."""

    async def send(answer: Answer) -> None:
        for text in texts:
            await answer.delta(content=text)
        await answer.end(usage=usage)

    return send


@asynccontextmanager
async def fake_endpoint() -> AsyncIterator[tuple[Fake, str]]:
    """The fake, and its base URL."""
    fake = Fake()
    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/v1/chat/completions", fake.handle)
    app.router.add_get("/v1/models", models)
    server = TestServer(app)
    await server.start_server()  # which cancels the handler of a request whose client has gone
    try:
        yield fake, str(server.make_url("/v1"))
    finally:
        await server.close()
