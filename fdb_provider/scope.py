"""On whose behalf data is touched."""

from __future__ import annotations

import msgspec


class Scope(msgspec.Struct, frozen=True, cache_hash=True):
    """The caller of every function that touches data: keys are built from it, never from bare ids.

    Args:
        tenant: id of the tenant every key begins with.
        user: id of the user, owner of the `/home` root.
        session: id of the workspace session, owner of the `/workspace` root.
    """

    tenant: str
    user: str
    session: str


NOBODY = Scope("", "", "")
"""The scope of a caller who has not signed in."""


class Actor(msgspec.Struct, frozen=True):
    """Who does something, as the audit tells it.

    Args:
        scope: whose rights are used; `NOBODY` before a sign-in.
        request: id of the request that asks for it, as the log has it; "" where there is none.
        address: the caller's network address; "" for the operator's own commands.
    """

    scope: Scope
    request: str = ""
    address: str = ""

    def within(self, scope: Scope) -> Actor:
        """The same caller, signed in by now."""
        return Actor(scope, self.request, self.address)


ANYBODY = Actor(NOBODY)
"""A caller of whom nothing is known."""
