"""Why a caller was not let in. Codes and HTTP statuses are decided in `theia_bridge.errors`.

AuthError
├── TokenRejected        the access token does not stand; `reason` says why
├── OriginRejected       the request comes from a foreign page
├── InvalidCredentials   e-mail address and password do not belong together
├── RefreshRejected      the refresh token does not stand
├── InvalidFields        the form was filled in wrongly; `fields` says where
├── RegistrationClosed   accounts are not made here, or only by invitation
├── InvitationRejected   the code of an invitation is good for nothing
├── LastOwner            the tenant would be left without an owner
├── TooManyAttempts      wait `retry_after` seconds
└── PasswordsBusy        more sign-ins at once than the server hashes passwords for
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from fdb_provider.scope import Scope


class AuthError(Exception):
    """Base of all. The message is fit to be shown to the caller and never holds a token."""


class Reason(StrEnum):
    """Why a token was rejected."""

    MISSING = "missing"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_AUDIENCE = "wrong-audience"
    WRONG_ISSUER = "wrong-issuer"
    BAD_SIGNATURE = "bad-signature"
    REVOKED = "revoked"
    SESSION_GONE = "session-gone"


_DETAIL = {
    Reason.MISSING: "Sign in first: the request carries no access token.",
    Reason.MALFORMED: "The access token is malformed.",
    Reason.EXPIRED: "The access token has expired.",
    Reason.NOT_YET_VALID: "The access token is not valid yet.",
    Reason.WRONG_AUDIENCE: "The access token is for another service.",
    Reason.WRONG_ISSUER: "The access token is from another server.",
    Reason.BAD_SIGNATURE: "The access token's signature is not from this server.",
    Reason.REVOKED: "This sign-in has ended.",
    Reason.SESSION_GONE: "The workspace session this access token is for was deleted: refresh the token.",
}


class TokenRejected(AuthError):
    """The access token does not stand."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_DETAIL[reason])
        self.reason = reason


class OriginRejected(AuthError):
    """A page of another site made the request."""


class InvalidCredentials(AuthError):
    """E-mail address and password do not belong together; which of them is wrong is not said.

    Args:
        scope: whose password was guessed at, for the audit; None if nobody has the address.
    """

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__("Wrong e-mail address or password.")
        self.scope = scope


class RefreshRejected(AuthError):
    """The refresh token is unknown, expired, revoked or used already."""

    def __init__(self) -> None:
        super().__init__("This sign-in has ended. Sign in again.")


class InvalidFields(AuthError):
    """Fields of a form that cannot be accepted, with what is wrong with each."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class RegistrationClosed(AuthError):
    """Accounts are not made here, or only by invitation."""

    def __init__(self, mode: Literal["open", "invitation", "closed"]) -> None:
        super().__init__(
            "An account is made here by invitation only: ask someone who has one to invite you."
            if mode == "invitation"
            else "Registration is closed: the operator of this server makes the accounts."
        )


class InvitationRejected(AuthError):
    """The code of an invitation was used, taken back or never made, or has expired."""

    def __init__(self) -> None:
        super().__init__("This invitation is not valid any more. Ask for a new one.")


class LastOwner(AuthError):
    """A tenant keeps at least one owner.

    Args:
        otherwise: what else can be done than to make another one.
    """

    def __init__(self, otherwise: str = "") -> None:
        super().__init__(f"This is the tenant's only owner: make another member an owner first{otherwise}.")


class TooManyAttempts(AuthError):
    """Too many failed sign-ins for one account or from one address."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many failed attempts. Wait a while, then try again.")
        self.retry_after = retry_after


class PasswordsBusy(AuthError):
    """Too many passwords wait to be checked; the same request may succeed in a moment."""

    def __init__(self) -> None:
        super().__init__("The server is busy with other sign-ins. Try again in a moment.")
