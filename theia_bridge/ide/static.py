"""The built frontend under `/theia/`, the RPC console under `/console/`, and the login page.

The build leaves `X.br` and `X.gz` beside X; aiohttp's FileResponse picks by Accept-Encoding. A name with a
hash in it (`bundle.0123abcd.js`) never changes its content.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from aiohttp import web

from fdb_provider.errors import RecordNotFound
from theia_bridge import trace
from theia_bridge.middleware.authentication import SESSION_LIMIT, USER, public
from theia_bridge.middleware.frames import EMBEDDING
from theia_bridge.state import ACCOUNTS, SETTINGS

routes = web.RouteTableDef()

_HERE = Path(__file__).parent
_HASHED = re.compile(r"\.[0-9a-f]{8,}\.")
_LOGIN_FILES = {"login.css": "login.css", "login.js": "login.js"}
_LOGIN_PAGE = (_HERE / "login.html").read_text()


@routes.get("/")
@public
async def root(request: web.Request) -> web.Response:
    """The server's address leads to the IDE."""
    raise web.HTTPFound("/theia/")


@routes.get("/theia")
async def without_slash(request: web.Request) -> web.Response:
    """The frontend's addresses are relative to `/theia/`."""
    raise _with_slash(request)


@routes.get("/console")
async def console_without_slash(request: web.Request) -> web.Response:
    """The console's addresses are relative to `/console/`."""
    raise _with_slash(request)


@routes.get("/login")
@public
async def login(request: web.Request) -> web.StreamResponse:
    """The login page, which knows who may register."""
    mode = request.app[SETTINGS].registration
    page = _LOGIN_PAGE.replace('data-registration="open"', f'data-registration="{mode}"')
    return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-cache"})


@routes.get("/{name:login\\.css|login\\.js}")
@public
async def login_part(request: web.Request) -> web.StreamResponse:
    """What belongs to the login page."""
    response = web.FileResponse(_HERE / _LOGIN_FILES[request.match_info["name"]])
    response.headers["Cache-Control"] = "no-cache"
    return response


@routes.get("/theia/")
async def page(request: web.Request) -> web.StreamResponse:
    """The page of the frontend. It works in the session that its address names, which counts as used then.

    One that is not there is not opened in vain: the page opens another, and is told (`?gone=`) to say so.
    """
    session = request.query.get("session")
    if session is not None:
        try:
            await _use(request, session)
        except RecordNotFound:
            there = request.rel_url.without_query_params("session").update_query(gone=session)
            raise web.HTTPFound(str(there), headers={"Cache-Control": "no-store"}) from None
    return await built(request, "index.html")


async def _use(request: web.Request, session: str) -> None:
    if not 0 < len(session) <= SESSION_LIMIT:
        raise RecordNotFound("There is no such session.")
    await request.app[ACCOUNTS].use(trace.actor(request[USER].scope), session)


@routes.get(EMBEDDING)
async def embedding(request: web.Request) -> web.Response:
    """Tells the IDE in a frame whose tokens it takes, and how many seconds are left of the one sent here."""
    told = {
        "origins": list(request.app[SETTINGS].embedders),
        "expires_in": request[USER].seconds_left,
    }
    return web.json_response(told, headers={"Cache-Control": "no-store"})


@routes.get("/theia/{path:.+}")
async def ide(request: web.Request) -> web.StreamResponse:
    """A file of the frontend."""
    return await built(request, request.match_info["path"])


@routes.get("/console/{path:.*}")
async def console(request: web.Request) -> web.StreamResponse:
    """A file of the RPC console."""
    return await built(request, f"console/{request.match_info['path'] or 'index.html'}")


async def built(request: web.Request, name: str) -> web.FileResponse:
    """What `make ide` has made, to be sent.

    Args:
        name: of the file, relative to the folder of the frontend.

    Raises:
        HTTPNotFound: there is no such file.
        HTTPServiceUnavailable: nothing is built.
    """
    folder = request.app[SETTINGS].ide
    path = folder / name
    if not await asyncio.to_thread(_within, folder, path):
        if not await asyncio.to_thread((folder / "index.html").is_file):
            raise web.HTTPServiceUnavailable(
                text=f"The IDE is not built: run `make ide` ({folder} is empty)."
            )
        raise web.HTTPNotFound(text=f"No file {request.path} is part of the IDE.")
    response = web.FileResponse(path)
    hashed = _HASHED.search(path.name)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable" if hashed else "no-cache"
    return response


def _with_slash(request: web.Request) -> web.HTTPFound:
    return web.HTTPFound(f"{request.path}/" + (f"?{request.query_string}" if request.query_string else ""))


def _within(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL in it
        return False
