"""Whether the server runs, and whether it can work."""

from __future__ import annotations

from typing import Literal

import msgspec

from theia_bridge import __version__
from theia_bridge.rest.resource import Call, Resource

api = Resource("health", "What the server works on")
probes = Resource("probes", "Whether the server runs, and whether it can work", prefix="")


class ProbeAnswer(msgspec.Struct, frozen=True):
    """All is well."""

    status: Literal["ok"] = "ok"


@probes.get("/healthz", public=True)
async def alive(call: Call) -> ProbeAnswer:
    """The process answers."""
    return ProbeAnswer()


@probes.get("/readyz", public=True)
async def ready(call: Call) -> ProbeAnswer:
    """The store answers; else 503 (`Unavailable`)."""
    await call.db.ready()
    return ProbeAnswer()


class HealthAnswer(msgspec.Struct, frozen=True):
    """Args:
    version: of the server.
    """

    version: str


@api.get("/health")
async def health(call: Call) -> HealthAnswer:
    """The server and its store."""
    await call.db.ready()
    return HealthAnswer(version=__version__)
