"""FoundationDB's limits on single keys and values, checked alike by both engines.

The C library reports an over-long key only at the commit, or not at all for reads; here the call that was
wrong raises.
"""

from __future__ import annotations

from fdb_provider.engine import KEY_LIMIT, VALUE_LIMIT, VERSIONSTAMP_LENGTH
from fdb_provider.errors import KeyTooLarge, StoreError, ValueTooLarge

END = b"\xff"
"""Keys from here on belong to the store itself."""


def check_key(key: bytes) -> None:
    """Raises KeyTooLarge, or ValueError for a key in the store's own space (from 0xff on)."""
    if len(key) > KEY_LIMIT:
        raise KeyTooLarge(f"a key of {len(key)} bytes is over the limit of {KEY_LIMIT}")
    if key >= END:
        raise ValueError(f"keys from 0xff on belong to the store: {key[:20]!r}")


def check_value(value: bytes) -> None:
    """Raises ValueTooLarge."""
    if len(value) > VALUE_LIMIT:
        raise ValueTooLarge(f"a value of {len(value)} bytes is over the limit of {VALUE_LIMIT}")


def check_range(begin: bytes, end: bytes) -> None:
    """Raises KeyTooLarge, or ValueError for a range into the store's own space."""
    # The end of a range may be the longest key and the zero byte that makes the next one.
    if len(begin) > KEY_LIMIT + 1 or len(end) > KEY_LIMIT + 1:
        raise KeyTooLarge(f"a key of a range is over the limit of {KEY_LIMIT} bytes")
    if begin > END or end > END:
        raise ValueError(f"keys from 0xff on belong to the store: {begin[:20]!r} to {end[:20]!r}")


def check_stamped(prefix: bytes, suffix: bytes) -> None:
    """`check_key` for prefix + versionstamp + suffix."""
    length = len(prefix) + VERSIONSTAMP_LENGTH + len(suffix)
    if length > KEY_LIMIT:
        raise KeyTooLarge(f"a key of {length} bytes is over the limit of {KEY_LIMIT}")
    if prefix >= END:
        raise ValueError(f"keys from 0xff on belong to the store: {prefix[:20]!r}")


def check_readable(stamped: list[tuple[bytes, bytes]], begin: bytes, end: bytes) -> None:
    """Raises StoreError if begin <= key < end may hold a key whose versionstamp is not known yet.

    FoundationDB refuses that too, though not for versions it knows to be past.

    Args:
        stamped: prefix and suffix of the transaction's versionstamped keys.
    """
    for prefix, suffix in stamped:
        first = prefix + bytes(VERSIONSTAMP_LENGTH) + suffix
        last = prefix + b"\xff" * VERSIONSTAMP_LENGTH + suffix
        if begin <= last and first < end:
            raise StoreError("a transaction cannot read where it sets a versionstamped key")
