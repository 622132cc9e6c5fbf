"""Limits how much a user, or an address nobody has signed in from, may ask for in a minute.

What is asked for decides the budget (`budget_of`); each is counted for itself. Answers tell by `RateLimit`
headers what is left of it.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from auth.errors import OriginRejected, TokenRejected
from auth.throttle import network
from fdb_provider.scope import Scope
from theia_bridge.middleware.authentication import OF_RUNTIME, USER
from theia_bridge.middleware.routes import route_of
from theia_bridge.rates import Budget, Rates
from theia_bridge.trace import TRACE

SIGN_INS = frozenset({"/api/v5/auth/register", "/api/v5/auth/login", "/api/v5/auth/refresh"})
FILES = "/api/v5/files/{path}"
"""Contents of files, of which a client may want as many as there are in a folder."""


def setup_refusal_limit(app: web.Application, rates: Rates) -> None:
    """Counts what authentication refuses against the caller's address; before authentication.

    Only after it has looked: users with good tokens may come from the same address.
    """

    @web.middleware
    async def refusal_limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (TokenRejected, OriginRejected):
            if budget_of(request) is not None:
                await _take(rates, "anonymous", _address(request))
            raise

    app.middlewares.append(refusal_limit)


def setup_rate_limit(app: web.Application, rates: Rates) -> None:
    """Counts all other requests, once it is known who makes them; after authentication."""

    @web.middleware
    async def rate_limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        budget = budget_of(request)
        if budget is not None:
            user = request.get(USER)
            await _take(rates, budget, _address(request) if user is None else subject_of(user.scope))
        return await handler(request)

    app.middlewares.append(rate_limit)


def budget_of(request: web.Request) -> Budget | None:
    """The budget a request is taken from; None for pages, their parts, what watches the server,
    and the runtimes of workspaces, whose programs wait for the store."""
    route = route_of(request)
    if route in SIGN_INS:
        return "sign-in"
    if not route.startswith(("/api/", "/ws/")) or request.get(OF_RUNTIME, False):
        return None
    if USER not in request:
        return "anonymous"
    if route.startswith("/ws/"):
        return "rpc"
    return "files" if route == FILES and request.method in ("GET", "HEAD", "PUT") else "rest"


def subject_of(scope: Scope) -> str:
    """The user as the one whose allowance it is."""
    return f"user {scope.tenant} {scope.user}"


def _address(request: web.Request) -> str:
    return f"address {network(request.remote or '')}"


async def _take(rates: Rates, budget: Budget, subject: str) -> None:
    """Raises: RateLimited"""
    allowance = rates.of(budget, subject)
    try:
        await allowance.take()
    finally:
        if (trace := TRACE.get()) is not None:
            trace.headers |= allowance.headers()
