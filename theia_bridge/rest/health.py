"""Whether the server runs, and whether it can work."""

from __future__ import annotations

from aiohttp import web

from theia_bridge.middleware.authentication import public
from theia_bridge.state import DATABASE

routes = web.RouteTableDef()


@routes.get("/healthz")
@public
async def alive(request: web.Request) -> web.Response:
    """The process answers."""
    return web.json_response({"status": "ok"})


@routes.get("/readyz")
@public
async def ready(request: web.Request) -> web.Response:
    """The store answers; else 503 (`Unavailable`)."""
    await request.app[DATABASE].ready()
    return web.json_response({"status": "ok"})
