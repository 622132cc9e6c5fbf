"""Access tokens: JWTs that say who calls, for minutes.

Each rule of RFC 8725 and how it is kept is in docs/security.md.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jwt
import msgspec

from auth.context import UserContext
from auth.errors import Reason, TokenRejected
from auth.keys import LEEWAY_SECONDS, Algorithm, Key, KeyRing
from fdb_provider.models import Role
from fdb_provider.scope import Scope

ACCESS_SECONDS = 15 * 60
"""Life of an access token as issued at sign-in."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 # nosec B105 # no secret
"""The media type of RFC 9068, so that no other JWT passes for one of ours."""
TOKEN_LIMIT = 4096
"""Characters a token may have before anything looks into it."""
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
"""Three parts in base64url without padding: a signed token, and neither an encrypted nor an unsigned one."""

_REJECTED: tuple[tuple[type[jwt.InvalidTokenError], Reason], ...] = (
    (jwt.ExpiredSignatureError, Reason.EXPIRED),
    (jwt.ImmatureSignatureError, Reason.NOT_YET_VALID),
    (jwt.InvalidAudienceError, Reason.WRONG_AUDIENCE),
    (jwt.InvalidIssuerError, Reason.WRONG_ISSUER),
    (jwt.InvalidSignatureError, Reason.BAD_SIGNATURE),
    (jwt.InvalidAlgorithmError, Reason.BAD_SIGNATURE),
)


class AccessClaims(msgspec.Struct, frozen=True):
    """The claims of an access token, all of them required.

    Args:
        sub, tid, sid: user, tenant and workspace session.
        fam: the sign-in (refresh-token family).
        iat, nbf, exp: seconds since 1970.
    """

    iss: str
    aud: str
    sub: str
    tid: str
    sid: str
    fam: str
    jti: str
    role: Role
    iat: int
    nbf: int
    exp: int

    def context(self) -> UserContext:
        return UserContext(Scope(self.tid, self.sub, self.sid), self.role, self.fam, self.jti, self.exp)


class _Jwt(jwt.PyJWT):
    """JWTs whose payload is UTF-8, as RFC 8725 wants it (3.7), and says nothing twice."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        try:
            payload = json.loads(decoded["payload"].decode(), object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise jwt.DecodeError("the payload is not JSON of UTF-8 without repetition") from None
        if not isinstance(payload, dict):
            raise jwt.DecodeError("the payload is no JSON object")
        return payload


_JWT = _Jwt({"enforce_minimum_key_length": True})


class Tokens:
    """Issues and verifies access tokens.

    Args:
        issuer, audience: the values of `iss` and `aud`, and the only ones accepted.
        seconds: the life of a token, and the longest accepted.
    """

    def __init__(self, ring: KeyRing, *, issuer: str, audience: str, seconds: int = ACCESS_SECONDS) -> None:
        self._ring = ring
        self._issuer = issuer
        self._audience = audience
        self.seconds = seconds

    async def issue(self, scope: Scope, role: Role, family: str) -> tuple[str, AccessClaims]:
        """A new token and what it says."""
        await self._ring.refresh()
        now = int(time.time())
        claims = AccessClaims(
            iss=self._issuer,
            aud=self._audience,
            sub=scope.user,
            tid=scope.tenant,
            sid=scope.session,
            fam=family,
            jti=secrets.token_hex(16),
            role=role,
            iat=now,
            nbf=now,
            exp=now + self.seconds,
        )
        key = self._ring.signing
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        payload = msgspec.to_builtins(claims)
        return _JWT.encode(payload, key.signer, algorithm=key.algorithm, headers=headers), claims

    async def verify(self, token: str) -> AccessClaims:
        """What a token says, if its signature, times, issuer and audience stand.

        Whether its sign-in was revoked is not looked at: that is the gate's part.

        Raises:
            TokenRejected: they do not; with the reason.
        """
        await self._ring.refresh()
        form = _FORM.fullmatch(token) if len(token) <= TOKEN_LIMIT else None
        if form is None:
            raise TokenRejected(Reason.MALFORMED)
        key = self._key(form[1])
        if key is None:
            raise TokenRejected(Reason.BAD_SIGNATURE)
        try:
            payload = _JWT.decode(
                token,
                key.verifier,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(AccessClaims.__struct_fields__), "strict_aud": True},
            )
            claims = msgspec.convert(payload, AccessClaims)
        except jwt.InvalidTokenError as error:
            reason = next((reason for kind, reason in _REJECTED if isinstance(error, kind)), Reason.MALFORMED)
            raise TokenRejected(reason) from None
        except (msgspec.ValidationError, ValueError):
            raise TokenRejected(Reason.MALFORMED) from None
        if claims.exp > time.time() + self.seconds + LEEWAY_SECONDS:
            raise TokenRejected(Reason.MALFORMED)  # none of ours lives so long, not even one of a stolen key
        return claims

    def _key(self, header: str) -> Key | None:
        """The key of a token, by its first part as it is written.

        No header is ever interpreted before its signature is: it must be, letter for letter, the one that
        this server writes for one of its keys. So none can choose an algorithm, bring a key or ask for
        anything that is not understood here.
        """
        return next((key for key in self._ring.standing() if _header(key.kid, key.algorithm) == header), None)


@lru_cache(maxsize=64)
def _header(kid: str, algorithm: Algorithm) -> str:
    """The first part of every token that a key signs."""
    header = json.dumps({"alg": algorithm, "kid": kid, "typ": TOKEN_TYPE}, separators=(",", ":"))
    return base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members. Raises `ValueError` when one is there twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members
