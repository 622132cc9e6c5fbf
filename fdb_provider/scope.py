"""On whose behalf data is touched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """The caller of every function that touches data: keys are built from it, never from bare ids.

    Args:
        tenant: id of the tenant every key begins with.
        user: id of the user, owner of the `/home` root.
        session: id of the workspace session, owner of the `/workspace` root.
    """

    tenant: str
    user: str
    session: str
