"""Changes of one root, in commit order.

Every transaction that changes names or contents appends one record under its versionstamp and counts up
the feed's head. A watch is a cursor into the feed: the versionstamp of the last record it has seen. So a
watcher that comes back, to any gateway, hands its cursor in and misses nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from enum import IntEnum

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import VERSIONSTAMP_LENGTH, Database, Reader, Transaction
from fdb_provider.errors import CursorExpired

KEEP = 24 * 3_600_000
"""Milliseconds a record is kept for watchers that come back."""
PAGE = 500
"""Records read at a time."""


class ChangeType(IntEnum):
    """The numbers of Theia's FileChangeType."""

    UPDATED = 0
    ADDED = 1
    DELETED = 2


class Change(msgspec.Struct, array_like=True, frozen=True):
    """One change; `path` is relative to the root. What happens to a folder happens to all in it."""

    type: ChangeType
    path: str


class Record(msgspec.Struct, array_like=True, frozen=True):
    """The changes of one transaction, and when they were made (milliseconds since 1970)."""

    time: int
    changes: list[Change]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def append(tr: Transaction, root: bytes, time: int, changes: Iterable[Change]) -> None:
    """Adds the transaction's changes to the feed of `root`; at most once in a transaction and root."""
    tr.set_versionstamped_key(keyspace.feed(root), b"", _encode(Record(time, list(changes))))
    tr.add(keyspace.feed_head(root), 1)


async def position(db: Database, root: bytes) -> str:
    """The cursor behind everything committed so far."""

    async def body(tr: Reader) -> str:
        trimmed = tr.get(keyspace.feed_trimmed(root))
        begin, end = _after(root, None)
        async for key, _ in tr.get_range(begin, end, limit=1, reverse=True):
            return key[-VERSIONSTAMP_LENGTH:].hex()
        return (await trimmed or bytes(VERSIONSTAMP_LENGTH)).hex()

    return await db.read(body)


async def follow(db: Database, root: bytes, cursor: str) -> AsyncIterator[tuple[str, list[Change]]]:
    """All changes behind `cursor` as they are committed, each with the cursor behind it; does not end.

    Raises:
        CursorExpired: records behind the cursor were trimmed, or it is no cursor of this feed.
    """
    stamp = _parse(cursor)
    while True:
        head, page = await db.read(lambda tr, stamp=stamp: _page(tr, root, stamp))  # type: ignore[misc]
        for stamp, record in page:
            yield stamp.hex(), record.changes
        if len(page) < PAGE:
            await db.watch(keyspace.feed_head(root), head)


async def check(db: Database, root: bytes, cursor: str) -> None:
    """Raises `CursorExpired` where `follow` would at once."""
    stamp = _parse(cursor)
    await db.read(lambda tr: _page(tr, root, stamp, limit=1))


async def since(db: Database, root: bytes, cursor: str) -> AsyncIterator[Change]:
    """The changes committed behind `cursor` by now. Raises as `follow`."""
    stamp = _parse(cursor)
    while True:
        _, page = await db.read(lambda tr, stamp=stamp: _page(tr, root, stamp))  # type: ignore[misc]
        for _, record in page:
            for change in record.changes:
                yield change
        if len(page) < PAGE:
            return
        stamp = page[-1][0]


async def trim(db: Database, root: bytes, now: int) -> int:
    """Forgets up to `PAGE` records older than `KEEP`; returns how many."""

    async def body(tr: Transaction) -> int:
        last: bytes | None = None
        count = 0
        async for key, value in tr.get_range(*_after(root, None), limit=PAGE):
            if _decode(value).time > now - KEEP:
                break
            last = key
            count += 1
        if last is not None:
            tr.clear_range(_after(root, None)[0], last + b"\x00")
            tr.set(keyspace.feed_trimmed(root), last[-VERSIONSTAMP_LENGTH:])
        return count

    return await db.run(body)


def _parse(cursor: str) -> bytes:
    try:
        stamp = bytes.fromhex(cursor)
    except ValueError:
        stamp = b""
    if len(stamp) != VERSIONSTAMP_LENGTH:
        raise CursorExpired(f"{cursor[:40]!r} is not a cursor of this feed")
    return stamp


async def _page(
    tr: Reader, root: bytes, stamp: bytes, limit: int = PAGE
) -> tuple[bytes | None, list[tuple[bytes, Record]]]:
    head = tr.get(keyspace.feed_head(root))
    trimmed = tr.get(keyspace.feed_trimmed(root))
    pairs = tr.get_range(*_after(root, stamp), limit=limit)
    if stamp < (await trimmed or b""):
        raise CursorExpired("the changes since that cursor are no longer kept")
    page = [(key[-VERSIONSTAMP_LENGTH:], _decode(value)) async for key, value in pairs]
    return await head, page


def _after(root: bytes, stamp: bytes | None) -> tuple[bytes, bytes]:
    # Versionstamps are raw bytes behind the packed prefix and of one length, so their order is theirs.
    prefix = keyspace.feed(root)
    return (prefix if stamp is None else prefix + stamp + b"\x00"), prefix + b"\xff" * VERSIONSTAMP_LENGTH
