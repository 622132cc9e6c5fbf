"""The REST API, one module per resource."""

from theia_bridge.rest import agents, auth, conversations, health, settings, tenants, usage, users

RESOURCES = (
    auth.api,
    users.api,
    settings.api,
    tenants.api,
    usage.api,
    conversations.api,
    agents.api,
    health.api,
)
"""Every resource of the API, in the order of the document."""
