"""`/api/v5/openapi.json`: the API's own description, and `/api/v5/docs`, a page that shows it.

The page and its parts are built with the IDE; none of it comes from elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated

import msgspec
from aiohttp import web

from theia_bridge import __version__
from theia_bridge.ide import static
from theia_bridge.rest import openapi
from theia_bridge.rest.conditions import Etags
from theia_bridge.rest.resource import Call, Resource

api = Resource("docs", "The API's own description")

_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
"""Content types of the page's parts; what Python says of `js` depends on its version."""

DOCUMENT: web.AppKey[bytes] = web.AppKey("document", bytes)


def describe(app: web.Application, resources: Iterable[Resource]) -> None:
    """Makes the document of the resources that the application has."""
    app[DOCUMENT] = msgspec.json.encode(openapi.describe(resources, "Theia Bridge", __version__))


@api.get("/openapi.json", public=True, gives=("application/json",), tagged=True)
async def document(call: Call) -> web.StreamResponse:
    """The OpenAPI document of this server."""
    content = call.request.app[DOCUMENT]
    etag = hashlib.sha256(content).hexdigest()[:24]
    headers = {"Cache-Control": "no-cache", "ETag": f'"{etag}"'}
    if Etags.of(call.request, "If-None-Match").match(etag, otherwise=False, weak=True):
        return web.Response(status=304, headers=headers)
    response = web.Response(body=content, content_type="application/json", headers=headers)
    response.enable_compression()
    return response


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    name: of the file.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z-]+\.[0-9a-f]{10}\.(js|css|svg)$")]


@api.get("/docs", public=True, gives=("text/html",), errors=(web.HTTPNotFound, web.HTTPServiceUnavailable))
async def page(call: Call) -> web.StreamResponse:
    """A page that shows this document, and tries requests out."""
    return await static.built(call.request, "docs/index.html")


@api.get(
    "/docs/{name}",
    public=True,
    gives=tuple(_TYPES.values()),
    errors=(web.HTTPNotFound, web.HTTPServiceUnavailable),
)
async def part(call: Call, path: Part) -> web.StreamResponse:
    """What belongs to that page."""
    response = await static.built(call.request, f"docs/{path.name}")
    response.content_type = _TYPES[path.name.rpartition(".")[2]]
    return response
