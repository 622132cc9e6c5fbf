"""The OpenRPC document of a registry."""

from __future__ import annotations

from typing import TypeVar

from rpc.registry import Registry

C = TypeVar("C")


def describe(registry: Registry[C], title: str, version: str) -> dict[str, object]:
    """The OpenRPC document."""
    return {"openrpc": "1.3.2", "info": {"title": title, "version": version}, "methods": []}
