"""Security headers on every response."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# 'unsafe-eval': Theia's Ajv compiles JSON schemas; 'unsafe-inline' styles: Monaco and Lumino set them.
_IDE = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data: blob:; "
    "connect-src 'self' ws: wss: data:; manifest-src 'self'; form-action 'none'; base-uri 'self'; "
    "frame-ancestors 'self'"
)


def setup_headers(app: web.Application, embedders: Iterable[str] = ()) -> None:
    """Adds the headers to the application; a handler's own win.

    Args:
        embedders: origins besides the server's own whose pages may show the IDE in a frame.
    """
    ide = " ".join([_IDE, *embedders])

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "Theia Bridge"  # aiohttp tells its own version and Python's
        for name, value in _COMMON.items():
            response.headers.setdefault(name, value)
        policy = ide if request.path.startswith("/theia/") else _PAGE
        response.headers.setdefault("Content-Security-Policy", policy)

    app.on_response_prepare.append(add)
