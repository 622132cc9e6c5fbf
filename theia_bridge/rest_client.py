"""The REST API as this program calls it itself: for files that are too large for a frame."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from aiohttp import ClientResponse
from yarl import URL

from rpc import RpcError


class _Problem(msgspec.Struct):
    """What the server says of a request it refused."""

    kind: str
    detail: str


def file_url(server: str, path: str) -> URL:
    """Where the content of a file is read and written; `server` has no slash at its end."""
    return URL(f"{server}/api/v5/files{quote(path)}", encoded=True)


async def check(response: ClientResponse) -> None:
    """Raises `RpcError` if the request was refused: the error that the same call has over the channel."""
    if response.status < 400:
        return
    try:
        problem = msgspec.json.decode(await response.read(), type=_Problem)
    except msgspec.DecodeError:  # it comes from something in between
        problem = _Problem("Unavailable", f"the server answers {response.status}")
    raise RpcError(response.status, problem.detail, problem.kind)
