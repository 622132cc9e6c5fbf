"""The floor: a bare aiohttp WebSocket server that answers every frame with 4 KiB. Prints its port."""

from __future__ import annotations

import asyncio

import uvloop
from aiohttp import web

from benchmarks.requests import GOOD, SMALL

_ANSWER = GOOD + bytes(SMALL - len(GOOD))


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for _ in socket:
        await socket.send_bytes(_ANSWER)
    return socket


async def main() -> None:
    """Serves until it is killed."""
    app = web.Application()
    app.router.add_get("/", _echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
