"""The REST API, one module per resource."""

from theia_bridge.rest import auth, health, tenants, usage, users

RESOURCES = (auth.api, users.api, tenants.api, usage.api, health.api)
"""Every resource of the API, in the order of the document."""
