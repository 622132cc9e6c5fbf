"""A gateway for each storage engine, which the tests of a module share."""

from tests.tenants.conftest import gateway

__all__ = ["gateway"]
