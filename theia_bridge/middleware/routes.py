"""The route of a request by its template: raw paths are without number, and tell what users keep."""

from __future__ import annotations

from aiohttp import web


def route_of(request: web.Request) -> str:
    """Such as `/api/v5/files/{path}`; "unmatched" where there is nothing."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical
