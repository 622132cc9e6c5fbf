"""The REST API, one module per resource."""

from theia_bridge.rest import auth, health

RESOURCES = (auth.api, health.api)
"""Every resource of the API, in the order of the document."""
