"""Codes of invitations: `TENANT.INVITATION.SECRET`."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from auth.errors import InvitationRejected
from fdb_provider import keyspace

_SECRET_BYTES = 16
_FORM = re.compile(r"(?:([0-9a-f]{1,64})\.)?([0-9a-f]{1,64})\.([A-Za-z0-9_-]{22})", re.ASCII)


@dataclass(frozen=True, slots=True)
class InvitationCode:
    """`TENANT.INVITATION.SECRET`, without the first part for a tenant that is still to be made.

    Only `digest` is ever stored.
    """

    tenant: str
    invitation: str
    secret: str

    @classmethod
    def new(cls, tenant: str, invitation: str) -> InvitationCode:
        return cls(tenant, invitation, secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> InvitationCode:
        """Raises: InvitationRejected: it is no code at all."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise InvitationRejected
        return cls(match[1] or keyspace.SYSTEM, match[2], match[3])

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret; with 128 random bits in it, it needs neither salt nor slowness."""
        return hashlib.sha256(self.secret.encode()).digest()

    def __str__(self) -> str:
        return f"{self.tenant}.{self.invitation}.{self.secret}".lstrip(".")

    def __repr__(self) -> str:
        return f"InvitationCode({self.tenant}.{self.invitation}.…)"
