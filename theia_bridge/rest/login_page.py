"""`/login`: the page where one signs in or up. Three small files, read once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from theia_bridge.middleware.authentication import public

_FOLDER = Path(__file__).parent.parent / "ide"
_FILES = {
    "/login": ("login.html", "text/html"),
    "/login.js": ("login.js", "text/javascript"),
    "/login.css": ("login.css", "text/css"),
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def setup_login_page(app: web.Application) -> None:
    """Adds the routes. Reads the files, so call it at start."""
    for path, (name, content_type) in _FILES.items():
        app.router.add_get(path, _serve((_FOLDER / name).read_bytes(), content_type))


def _serve(content: bytes, content_type: str) -> Handler:
    etag = hashlib.sha256(content).hexdigest()[:32]

    @public
    async def serve(request: web.Request) -> web.Response:
        if any(tag.value == etag for tag in request.if_none_match or ()):
            response = web.Response(status=304, headers=_HEADERS)
        else:
            response = web.Response(
                body=content, content_type=content_type, charset="utf-8", headers=_HEADERS
            )
        response.etag = etag
        return response

    return serve
