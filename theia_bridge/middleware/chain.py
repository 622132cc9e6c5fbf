"""What every request passes through before its handler, from the outside in."""

from __future__ import annotations

from aiohttp import web

from theia_bridge.middleware.audit import setup_audit
from theia_bridge.middleware.authentication import setup_authentication
from theia_bridge.middleware.errors import problems
from theia_bridge.middleware.headers import setup_headers
from theia_bridge.middleware.metrics import setup_metrics
from theia_bridge.middleware.proxy import forwarded
from theia_bridge.middleware.rate_limit import setup_rate_limit, setup_refusal_limit
from theia_bridge.middleware.request_log import setup_request_log
from theia_bridge.state import DOORS, GATE, METRICS, RATES, SETTINGS


def setup_middleware(app: web.Application) -> None:
    """Puts the chain in front of an application that has its parts (`state`)."""
    settings = app[SETTINGS]
    setup_headers(app, settings.embedders)
    setup_request_log(app)
    setup_metrics(app, app[METRICS])
    app.middlewares.append(problems)
    if settings.trust_proxy:
        app.middlewares.append(forwarded)
    setup_refusal_limit(app, app[RATES])
    setup_authentication(app, app[GATE], settings.origins, app[DOORS])
    setup_rate_limit(app, app[RATES])
    setup_audit(app)
