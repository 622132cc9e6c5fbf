"""What the mirror tells of itself."""

from __future__ import annotations

from theia_bridge.methods.protocol import Wire

DID_CONFLICT = "A file was changed in the IDE and on the workspace's disk at once; both texts are kept."
DID_REFUSE = "Something cannot be brought from the workspace's disk into the store, or the other way."


class MirrorConflict(Wire, frozen=True):
    """`path` was changed on both sides at once: it has the newer text now, and `kept` has the older one."""

    path: str
    kept: str


class MirrorRefusal(Wire, frozen=True):
    """What is at `path` is on one side only, for a reason; it is tried again from time to time."""

    path: str
    reason: str


class MirrorSettled(Wire, frozen=True):
    """All from before the call is on both sides now, but for `refused` things; `refusals` tells of some."""

    refused: int
    refusals: list[MirrorRefusal]
