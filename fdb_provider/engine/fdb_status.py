"""FoundationDB's own report, as far as it is used. Members are missing in it while they are not known."""

from __future__ import annotations

from typing import Final

import msgspec

from fdb_provider.engine.description import Description

KEY: Final = b"\xff\xff/status/json"
"""Where the client library shows the report."""


class _Configuration(msgspec.Struct):
    storage_engine: str = ""
    redundancy_mode: str = ""


class _State(msgspec.Struct):
    healthy: bool = False


class _Data(msgspec.Struct):
    state: _State = msgspec.field(default_factory=_State)
    total_disk_used_bytes: int | None = None


class _Process(msgspec.Struct):
    version: str = ""


class _Cluster(msgspec.Struct):
    database_available: bool = False
    configuration: _Configuration = msgspec.field(default_factory=_Configuration)
    data: _Data = msgspec.field(default_factory=_Data)
    processes: dict[str, _Process] = {}


class _Status(msgspec.Struct):
    cluster: _Cluster = msgspec.field(default_factory=_Cluster)


def parse(status: bytes) -> Description | None:
    """What a report tells of the cluster; None when the cluster is not available."""
    cluster = msgspec.json.decode(status, type=_Status).cluster
    if not cluster.database_available:
        return None
    versions = sorted({process.version for process in cluster.processes.values()})
    return Description(
        kind="fdb",
        software=f"FoundationDB {', '.join(versions)}",
        engine=cluster.configuration.storage_engine,
        replication=cluster.configuration.redundancy_mode,
        healthy=cluster.data.state.healthy,
        used_bytes=cluster.data.total_disk_used_bytes,
        capacity_bytes=None,
    )
