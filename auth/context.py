"""Who is calling."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fdb_provider.models import Role
from fdb_provider.scope import Scope


@dataclass(frozen=True, slots=True)
class UserContext:
    """A caller whose access token the gate has accepted.

    Args:
        scope: tenant, user and workspace session; the key to all data functions.
        role: what the user may do; from their record, not from the token.
        family: the sign-in it belongs to; when that is revoked, the caller must go.
        token_id: the token's `jti`.
        expires_at: when the token ends, in seconds since 1970.
    """

    scope: Scope
    role: Role
    family: str
    token_id: str
    expires_at: int

    @property
    def seconds_left(self) -> int:
        """Until the token ends; 0 if it has."""
        return max(0, self.expires_at - int(time.time()))
