"""Access tokens: JWTs that say who calls, for minutes."""

from __future__ import annotations

import secrets
import time

import jwt
import msgspec

from auth.context import UserContext
from auth.errors import Reason, TokenRejected
from auth.keys import LEEWAY_SECONDS, KeyRing
from fdb_provider.models import Role
from fdb_provider.scope import Scope

ACCESS_SECONDS = 15 * 60
"""Life of an access token as issued at sign-in."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, so that no other JWT passes for one of ours
TOKEN_LIMIT = 4096
"""Characters a token may have before anything looks into it."""

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


class Tokens:
    """Issues and verifies access tokens.

    Args:
        issuer, audience: the values of `iss` and `aud`, and the only ones accepted.
        seconds: the life of a token.
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
        return jwt.encode(payload, key.signer, algorithm=key.algorithm, headers=headers), claims

    async def verify(self, token: str) -> AccessClaims:
        """What a token says, if its signature, times, issuer and audience stand.

        Whether its sign-in was revoked is not looked at: that is the gate's part.

        Raises:
            TokenRejected: they do not; with the reason.
        """
        await self._ring.refresh()
        if len(token) > TOKEN_LIMIT:
            raise TokenRejected(Reason.MALFORMED)
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = self._ring.verifying(kid) if isinstance(kid, str) else None
            if key is None:
                raise TokenRejected(Reason.BAD_SIGNATURE)
            if header.get("typ") != TOKEN_TYPE:
                raise TokenRejected(Reason.MALFORMED)
            payload = jwt.decode(
                token,
                key.verifier,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(AccessClaims.__struct_fields__), "strict_aud": True},
            )
            return msgspec.convert(payload, AccessClaims)
        except jwt.InvalidTokenError as error:
            reason = next((reason for kind, reason in _REJECTED if isinstance(error, kind)), Reason.MALFORMED)
            raise TokenRejected(reason) from None
        except (msgspec.ValidationError, ValueError):
            raise TokenRejected(Reason.MALFORMED) from None
