"""The REST API, one module per resource."""

from aiohttp import web

from theia_bridge.rest import (
    agents,
    audit,
    auth,
    conversations,
    docs,
    file_tree,
    files,
    health,
    jwks,
    metrics,
    personal_data,
    sessions,
    settings,
    sign_ins,
    tenants,
    usage,
    users,
)

RESOURCES = (
    auth.api,
    sign_ins.api,
    users.api,
    personal_data.api,
    settings.api,
    tenants.api,
    usage.api,
    audit.api,
    files.api,
    file_tree.api,
    sessions.api,
    conversations.api,
    agents.api,
    health.api,
    health.probes,
    jwks.api,
    metrics.api,
    docs.api,
)
"""Every resource of the API, in the order of the document."""


def setup_rest(app: web.Application) -> None:
    """Adds all endpoints, and the document that tells of them."""
    for resource in RESOURCES:
        resource.add_to(app)
    docs.describe(app, RESOURCES)
