"""`/api/v5/openapi.json`: the API's own description."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiohttp import web

from theia_bridge import __version__
from theia_bridge.rest import openapi
from theia_bridge.rest.resource import Call, Resource

api = Resource("docs", "The API's own description")

DOCUMENT: web.AppKey[bytes] = web.AppKey("document", bytes)


def describe(app: web.Application, resources: Iterable[Resource]) -> None:
    """Makes the document of the resources that the application has."""
    app[DOCUMENT] = msgspec.json.encode(openapi.describe(resources, "Theia Bridge", __version__))


@api.get("/openapi.json", public=True, gives=("application/json",))
async def document(call: Call) -> web.StreamResponse:
    """The OpenAPI document of this server."""
    return web.Response(
        body=call.request.app[DOCUMENT],
        content_type="application/json",
        headers={"Cache-Control": "no-cache"},
    )
