"""What people may enter into forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from auth.errors import InvalidFields

EMAIL_LIMIT = 254
"""Characters of an e-mail address (RFC 5321, 4.5.3.1.3, less the angle brackets)."""
PASSWORD_LIMITS = 8, 1024
"""Characters of a password: at least 8 (NIST SP 800-63B, 5.1.1.2), and few enough to hash."""
NAME_LIMIT = 200

# Deliberately simple: something, an @, and a host name of labels; only delivery can tell more.
_EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f\"(),:;<>\[\]\\]{1,64}@[^\W_](?:[\w-]{0,62}[^\W_])?(?:\.[^\W_](?:[\w-]{0,62}[^\W_])?)*"
)


def check_fields(**given: str) -> None:
    """Checks fields by their names: `email`, `name`, and `password` or `new_password` for one to be set.

    Raises:
        InvalidFields: with what is wrong with each field that cannot be accepted.
    """
    checked = {field: _CHECKS[field](value) for field, value in given.items()}
    if wrong := {field: message for field, message in checked.items() if message is not None}:
        raise InvalidFields(wrong)


def _email(value: str) -> str | None:
    if len(value) <= EMAIL_LIMIT and _EMAIL.fullmatch(value.strip()):
        return None
    return "Enter an e-mail address like name@example.com."


def _password(value: str) -> str | None:
    if PASSWORD_LIMITS[0] <= len(value) <= PASSWORD_LIMITS[1]:
        return None
    return f"Use between {PASSWORD_LIMITS[0]} and {PASSWORD_LIMITS[1]:,} characters."


def _name(value: str) -> str | None:
    fine = value.strip() and len(value) <= NAME_LIMIT
    if fine and not any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        return None
    return f"Enter a name of at most {NAME_LIMIT} characters."


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "email": _email,
    "name": _name,
    "password": _password,
    "new_password": _password,
}
