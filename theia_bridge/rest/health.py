"""Whether the server runs, and whether it can work."""

from __future__ import annotations

import time
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
    """How the server and its store fare.

    Args:
        status: `degraded` while the store keeps data less often than it should, or moves it about.
        version: of the server.
        store: the kind of store.
        software: what keeps the data there, with its version.
        engine: how that lays the data out on the disk.
        replication: how often data is kept: `none` on one machine, else FoundationDB's redundancy mode.
        latency_ms: what one read of the store took just now, in milliseconds.
        used_bytes: what the data takes; null while a cluster has not added it up yet.
        capacity_bytes: what it may take; null where nothing but the disks sets a limit.
    """

    status: Literal["ok", "degraded"]
    version: str
    store: Literal["embedded", "fdb"]
    software: str
    engine: str
    replication: str
    latency_ms: float
    used_bytes: int | None
    capacity_bytes: int | None


@api.get("/health")
async def health(call: Call) -> HealthAnswer:
    """The server and its store; 503 when that does not answer."""
    started = time.perf_counter()
    await call.db.read(lambda tr: tr.get(b""))
    latency = time.perf_counter() - started
    store = await call.db.describe()
    return HealthAnswer(
        status="ok" if store.healthy else "degraded",
        version=__version__,
        store=store.kind,
        software=store.software,
        engine=store.engine,
        replication=store.replication,
        latency_ms=round(latency * 1000, 3),
        used_bytes=store.used_bytes,
        capacity_bytes=store.capacity_bytes,
    )
