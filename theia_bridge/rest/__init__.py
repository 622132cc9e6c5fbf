"""The REST API, one module per resource."""

from theia_bridge.rest import health

RESOURCES = (health.api,)
"""Every resource of the API, in the order of the document."""
