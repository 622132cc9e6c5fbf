"""What a store tells of itself, for whoever watches over it."""

from __future__ import annotations

from typing import Literal

import msgspec


class Description(msgspec.Struct, frozen=True):
    """A store, as it is now.

    Args:
        kind: of the store, as its URL begins.
        software: what keeps the data, with its version.
        engine: how that lays the data out on the disk.
        replication: how often data is kept; `none` on one machine, else FoundationDB's redundancy mode.
        healthy: false while data is kept less often than it should be, or is being moved about.
        used_bytes: what the data takes; None while the cluster has not added it up yet.
        capacity_bytes: what it may take; None where nothing but the disks sets a limit.
    """

    kind: Literal["embedded", "fdb"]
    software: str
    engine: str
    replication: str
    healthy: bool
    used_bytes: int | None
    capacity_bytes: int | None
