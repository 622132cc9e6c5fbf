"""Counts requests and what became of them."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler

from fdb_provider.engine.counts import Durations
from theia_bridge.metrics import HTTP_BOUNDS, Metrics
from theia_bridge.middleware.routes import route_of

SIGN_INS = {
    "/api/v5/auth/register": "register",
    "/api/v5/auth/login": "login",
    "/api/v5/auth/refresh": "refresh",
    "/api/v5/auth/logout": "logout",
}
"""Routes of sign-ins, and what they do."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ABORTED = "aborted"
"""In place of a status, where the client was gone before the answer began."""


def setup_metrics(app: web.Application, metrics: Metrics) -> None:
    """Counts from here inwards; before the middleware `problems`, which makes the answers to errors."""

    @web.middleware
    async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        status = _ABORTED
        metrics.in_progress += 1
        try:
            response = await handler(request)
            status = str(response.status)
            return response
        except web.HTTPException as redirect:
            status = str(redirect.status)
            raise
        finally:
            metrics.in_progress -= 1
            _count(metrics, request, status, time.perf_counter() - started)

    app.middlewares.append(measured)


def _count(metrics: Metrics, request: web.Request, status: str, seconds: float) -> None:
    method = request.method if request.method in _METHODS else "other"
    route = route_of(request)
    metrics.requests[method, route, status] += 1
    if status != "101":
        durations = metrics.durations.get((method, route))
        if durations is None:
            durations = metrics.durations[method, route] = Durations(HTTP_BOUNDS)
        durations.add(seconds)
    if (action := SIGN_INS.get(route)) is not None and status != _ABORTED:
        metrics.sign_ins[action, _outcome(int(status))] += 1


def _outcome(status: int) -> str:
    if status < 400:
        return "ok"
    return "failed" if status >= 500 else "limited" if status == 429 else "refused"
