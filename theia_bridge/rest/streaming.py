"""Answers that are sent while they are made."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable
from urllib.parse import quote

from aiohttp import web

_log = logging.getLogger(__name__)


def attachment(name: str, content_type: str) -> web.StreamResponse:
    """A response that a browser keeps as the file `name`.

    Always as a download: a user's HTML shown under this origin could act with the user's cookie.
    """
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "private, no-cache",
    }
    response = web.StreamResponse(headers=headers)
    response.content_type = content_type
    return response


async def stream(
    request: web.Request, response: web.StreamResponse, parts: AsyncIterable[bytes]
) -> web.StreamResponse:
    """Sends a response, its body only if the request wants one.

    When a part cannot be had, the connection is cut: the client sees that the body is not whole, as it could
    not if the response just ended.
    """
    await response.prepare(request)
    if request.method == "HEAD":
        await response.write_eof()
        return response
    try:
        async for part in parts:
            await response.write(part)
        await response.write_eof()
    except ConnectionError:  # the client has gone, as it may: nothing has failed, and nobody is to be told
        if request.transport is not None:
            request.transport.abort()
    except Exception:
        _log.exception("%s %s was cut off", request.method, request.rel_url.raw_path)
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionAbortedError("the answer could not be finished") from None
    return response
