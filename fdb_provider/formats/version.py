"""The version a store has."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader
from fdb_provider.errors import StoreUnusable

FORMAT = 2
"""The version this program works with."""
UNMARKED = 1
"""The version of a store that has records and says none."""


class Progress(msgspec.Struct, array_like=True, frozen=True):
    """How far a migration is.

    Args:
        to: the version it leads to.
        tenant: the tenant that was dealt with last; None before the first.
    """

    to: int
    tenant: str | None = None


class State(NamedTuple):
    """What a store says of its format.

    Args:
        version: None for an empty store.
        progress: of the migration that is under way.
    """

    version: int | None
    progress: Progress | None


encode_progress = msgspec.msgpack.Encoder().encode
_progress = msgspec.msgpack.Decoder(Progress).decode


def encode(version: int) -> bytes:
    """How a version is kept."""
    return b"%d" % version


async def read(tr: Reader) -> State:
    """What the store says.

    Raises:
        StoreUnusable: its format is newer than `FORMAT`, or soon will be.
    """
    reads = tr.get(keyspace.format_version()), tr.get(keyspace.migration())
    value, under_way = [await read for read in reads]
    version = _parse(value) if value is not None else await _unmarked(tr)
    progress = None if under_way is None else _progress(under_way)
    newest = max(version or 0, progress.to if progress else 0)
    if newest > FORMAT:
        raise StoreUnusable(
            f"the store has format {newest}, and this program knows formats up to {FORMAT}: run the newer "
            "version of Theia Bridge that has brought the store to its format"
        )
    return State(version, progress)


def _parse(value: bytes) -> int:
    try:
        return int(value)
    except ValueError:
        raise StoreUnusable(
            f"the store's format version {value[:20]!r} is no number: it is not a store of Theia Bridge"
        ) from None


async def _unmarked(tr: Reader) -> int | None:
    """The version of a store that says none. The marks that an engine keeps of commits are no content.

    Raises:
        StoreUnusable: what it has was not written by this program, whatever its version.
    """
    marks = keyspace.commits()
    reads = (
        tr.get_range(b"", marks, limit=1),
        tr.get_range(marks + b"\xff", b"\xff", limit=1),
        tr.get_range(b"", b"\xff", limit=1, reverse=True),
    )
    found = [key for read in reads async for key, _ in read if not key.startswith(marks)]
    if not found:
        return None
    # Accounts are found by what is in the tenant SYSTEM, and tenants are strings.
    first, last = min(found), max(found)
    if not first.startswith(keyspace.pack(keyspace.SYSTEM)) or not last.startswith(b"\x02"):
        theirs = last if first.startswith(b"\x02") else first
        raise StoreUnusable(
            f"the store holds keys of another program, such as {theirs[:40]!r}: "
            "Theia Bridge needs a cluster, or a folder, of its own"
        )
    return UNMARKED
