"""Cursors: opaque texts by which a client continues a query behind the last thing it was shown."""

from __future__ import annotations

import base64
import binascii
import hashlib

from fdb_provider.errors import InvalidCursor

MOST = 4096
"""Bytes a cursor stands for: none that was handed out has more."""
_MARK = 6
"""Bytes of the mark by which a cursor is known to be of its query."""


def encode(place: bytes, query: bytes) -> str:
    """The cursor of a place in the order of a query's answers."""
    return base64.urlsafe_b64encode(_mark(query) + place).decode().rstrip("=")


def decode(cursor: str, query: bytes) -> bytes:
    """The place that `encode` was given.

    Raises:
        InvalidCursor: it is no cursor, or one of another query.
    """
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    mark, place = data[:_MARK], data[_MARK:]
    # A place is a part of a key, in which no packed value begins like the end of a range.
    if mark != _mark(query) or len(data) > MOST or place.startswith(b"\xff"):
        raise InvalidCursor("This cursor is not of this query: ask for the first page again.")
    return place


def _mark(query: bytes) -> bytes:
    return hashlib.blake2b(query, digest_size=_MARK).digest()
