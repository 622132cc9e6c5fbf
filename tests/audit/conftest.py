"""What the tests of the audit share."""

from tests.tenants.conftest import gateway

__all__ = ["gateway"]
