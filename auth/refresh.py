"""Refresh tokens: `TENANT.FAMILY.SECRET`, opaque to whoever holds one, each good for one use."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from auth.errors import RefreshRejected

REFRESH_SECONDS = 30 * 24 * 3600
"""Life of a refresh token; each use begins it anew."""

_FORM = re.compile(r"([0-9a-f]{1,64})\.([0-9a-f]{1,64})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token taken apart. Only `digest` is ever stored."""

    tenant: str
    family: str
    secret: str

    @classmethod
    def new(cls, tenant: str, family: str) -> RefreshToken:
        return cls(tenant, family, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> RefreshToken:
        """Raises: RefreshRejected: it is no refresh token at all."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise RefreshRejected
        return cls(*match.groups())

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret; with 256 random bits in it, it needs neither salt nor slowness."""
        return hashlib.sha256(self.secret.encode()).digest()

    def __str__(self) -> str:
        return f"{self.tenant}.{self.family}.{self.secret}"

    def __repr__(self) -> str:
        return f"RefreshToken({self.tenant}.{self.family}.…)"
