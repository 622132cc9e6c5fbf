"""Who really calls, when a trusted proxy stands in front."""

from __future__ import annotations

from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler

from theia_bridge.trace import TRACE


@web.middleware
async def forwarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Takes address and scheme from X-Forwarded-For and X-Forwarded-Proto.

    The last entry of X-Forwarded-For counts: the proxy added it, and a caller can have invented all before
    it. Only to be used where nobody reaches this server but through that proxy.
    """
    address, scheme = request.remote, request.scheme
    if named := _last(request, "X-Forwarded-For"):
        try:
            address = str(ip_address(named))
        except ValueError:
            raise web.HTTPBadRequest(text="X-Forwarded-For does not end with an address") from None
    if (named := _last(request, "X-Forwarded-Proto")) in ("http", "https"):
        scheme = named
    if (trace := TRACE.get()) is not None:
        trace.address = address or ""
    return await handler(request.clone(remote=address or "", scheme=scheme))


def _last(request: web.Request, header: str) -> str:
    return request.headers.get(header, "").rpartition(",")[2].strip()
