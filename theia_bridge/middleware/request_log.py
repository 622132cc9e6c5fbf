"""An id for every request, and one line in the log."""

from __future__ import annotations

import logging
import re
from time import perf_counter

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.typedefs import Handler

from fdb_provider.models import new_id
from theia_bridge.trace import TRACE, Trace

HEADER = "X-Request-Id"
_FIT = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,64}")
"""Ids from elsewhere that are taken: what proxies and tracing tools make, and no room for a token."""


def setup_request_log(app: web.Application) -> None:
    """Gives each request an id; as the first of all middlewares."""
    app.middlewares.append(_traced)
    app.on_response_prepare.append(_tell)


class AccessLogger(AbstractAccessLogger):
    """One line a request, without its query and its Referer, as both may hold a token."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        trace = TRACE.get()
        # What aiohttp measures comes from the event loop's clock, which is a millisecond coarse.
        seconds = time if trace is None else perf_counter() - trace.started
        address = (request.remote if trace is None else trace.address) or "-"
        path = request.rel_url.raw_path
        milliseconds = round(seconds * 1000, 1)
        self.logger.info(
            "%s %s %s %d %d B %.1f ms",
            address,
            request.method,
            path,
            response.status,
            response.body_length,
            milliseconds,
            extra={
                "fields": {
                    "address": address,
                    "method": request.method,
                    "path": path,
                    "status": response.status,
                    "bytes": response.body_length,
                    "ms": milliseconds,
                }
            },
        )

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.INFO)


@web.middleware
async def _traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    given = request.headers.get(HEADER, "")
    # aiohttp serves each request in a context of its own, so nothing has to be put back.
    id = given if _FIT.fullmatch(given) else new_id()
    TRACE.set(Trace(id, request.remote or "", headers={HEADER: id}))
    return await handler(request)


async def _tell(_: web.Request, response: web.StreamResponse) -> None:
    trace = TRACE.get()
    if trace is not None:
        response.headers.update(trace.headers)
