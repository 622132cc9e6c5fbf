"""The IDE in a frame of another page, which signs in by the tokens that this page hands over.

A frame gets a cookie of its own, since that of the visitor's own sign-in is not sent there, or would be
another's. It opens the IDE's files and nothing else: on sockets and requests the IDE sends its token itself.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from auth.context import UserContext
from auth.errors import TokenRejected
from auth.gate import Gate

FRAME_COOKIE = "theia_bridge_frame"
IDE = "/theia"
EMBEDDING = f"{IDE}/embedding"
"""Where the IDE in a frame asks who may hand it tokens, and has its cookie renewed."""
_NO_SIGN_IN = (Path(__file__).parents[1] / "ide" / "frame.html").read_text()


def in_frame(request: web.Request) -> bool:
    """Whether a frame asks for the IDE. On plain http, but to this machine, browsers do not say."""
    framed = request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
    return framed and f"{request.path}/".startswith(f"{IDE}/")


def takes_cookie(request: web.Request) -> bool:
    """Whether a token in the address of a request becomes the frame's cookie, not the visitor's."""
    return in_frame(request) or request.path == EMBEDDING


async def visitor(request: web.Request, gate: Gate) -> UserContext | None:
    """Who the frame is signed in as that asks for a file of the IDE. Raises `StoreError`."""
    cookie = request.cookies.get(FRAME_COOKIE)
    if cookie is None or "token" in request.query or not request.path.startswith(f"{IDE}/"):
        return None
    if request.headers.get("Sec-Fetch-Dest") == "document":  # a window of its own
        return None
    try:
        return await gate.authenticate(cookie)
    except TokenRejected:
        return None


def set_cookie(request: web.Request, response: web.StreamResponse, token: str, user: UserContext) -> None:
    """Gives the frame its cookie.

    From another site only a cookie with SameSite=None is sent, which has to be Secure; Partitioned, it is
    another one below each site. To this machine browsers take Secure cookies over http too. Over http from
    elsewhere, only frames of the same site work.
    """
    apart = "SameSite=None; Secure; Partitioned" if _is_secure(request) else "SameSite=Lax"
    # Python's own cookies know Partitioned since 3.14 only.
    response.headers.add(
        "Set-Cookie", f"{FRAME_COOKIE}={token}; Max-Age={user.seconds_left}; Path={IDE}; HttpOnly; {apart}"
    )


def not_signed_in() -> web.Response:
    """What a frame shows whose token is missing or has ended: the login page shows in none."""
    headers = {"Cache-Control": "no-store"}
    return web.Response(status=401, text=_NO_SIGN_IN, content_type="text/html", headers=headers)


def _is_secure(request: web.Request) -> bool:
    host = request.url.host or ""
    try:
        return request.secure or host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
