"""The wire types of the runtime's own methods: what gateway and runtime tell each other of it."""

from __future__ import annotations

from typing import Literal

from theia_bridge.methods.protocol import Params, Wire

MirrorState = Literal["off", "syncing", "live", "failed"]
RuntimeState = Literal["stopped", "starting", "running", "failed"]


class RuntimeStatus(Wire, frozen=True):
    """How a runtime is.

    `mirror` is `live` once the disk is equal to the store and kept so. `started` is in milliseconds since
    1970, `terminals` is how many are open, `languages` those whose servers run.
    """

    mirror: MirrorState
    started: int
    terminals: int
    languages: list[str]


class RenewRuntimeParams(Params, frozen=True):
    """A newer access token in place of the one handed over."""

    token: str


class WorkspaceRuntime(Wire, frozen=True):
    """The runtime of the caller's session. `error` tells why it has failed; `status` is of one that runs."""

    state: RuntimeState
    sandbox: Literal["bubblewrap", "none"]
    error: str | None = None
    status: RuntimeStatus | None = None
