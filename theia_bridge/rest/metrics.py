"""`/metrics`: what the server counts, for Prometheus."""

from __future__ import annotations

import asyncio
import hmac

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from auth.errors import Reason, TokenRejected
from fdb_provider.errors import NoPermissions, RecordNotFound
from theia_bridge.rest.resource import Call, Resource
from theia_bridge.state import METRICS

api = Resource("metrics", "What the server counts", prefix="")


@api.get(
    "/metrics",
    public=True,
    errors=(TokenRejected, NoPermissions, RecordNotFound),
    gives=("text/plain", "application/openmetrics-text"),
)
async def metrics(call: Call) -> web.StreamResponse:
    """All counts, for Prometheus.

    Who may read them the settings say; it takes a bearer token that is the operator's, not a user's.
    """
    _check(call)
    encode, content_type = choose_encoder(call.request.headers.get("Accept", ""))
    # In a thread, as it takes milliseconds and looks into /proc.
    body = await asyncio.to_thread(encode, call.request.app[METRICS].registry)
    return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _check(call: Call) -> None:
    settings = call.settings
    if settings.metrics == "off":
        raise RecordNotFound("The setting `metrics` is off here.")
    if settings.metrics == "public":
        return
    secret = settings.metrics_token.get_secret_value()
    if not secret:
        raise NoPermissions("Nobody may read this yet: put a secret into the setting `metrics_token`.")
    scheme, _, given = call.request.headers.get("Authorization", "").partition(" ")
    if not given:
        raise TokenRejected(Reason.MISSING)
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), secret.encode()):
        raise TokenRejected(Reason.MALFORMED)
