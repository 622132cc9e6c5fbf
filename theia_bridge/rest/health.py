"""Whether the server runs, and whether it can work."""

from __future__ import annotations

import msgspec
from aiohttp import web

from theia_bridge import __version__
from theia_bridge.middleware.authentication import public
from theia_bridge.rest.resource import Call, Resource
from theia_bridge.state import DATABASE

api = Resource("health", "Whether the server can work, and on what")
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


class HealthAnswer(msgspec.Struct, frozen=True):
    """Args:
    version: of the server.
    """

    version: str


@api.get("/health")
async def health(call: Call) -> HealthAnswer:
    """The server and its store."""
    await call.db.ready()
    return HealthAnswer(version=__version__)
