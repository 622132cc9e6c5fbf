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
from fdb_provider.files.retention import Retention

PAGE = 500
"""Records read at a time."""
TRIM = 2000
"""Records trimmed at a time."""


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


Page = list[tuple[bytes, Record]]
"""Records in commit order, each with its stamp."""

_encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Record).decode


def append(tr: Transaction, root: bytes, time: int, changes: Iterable[Change]) -> None:
    """Adds the transaction's changes to the feed of `root`; at most once in a transaction and root."""
    tr.set_versionstamped_key(keyspace.feed(root), b"", _encode(Record(time, list(changes))))
    tr.add(keyspace.feed_head(root), 1)


async def position(db: Database, root: bytes) -> str:
    """The cursor behind everything committed so far."""

    async def body(tr: Reader) -> str:
        trimmed = tr.get(keyspace.feed_trimmed(root))
        begin, end = after(root, None)
        async for key, _ in tr.get_range(begin, end, limit=1, reverse=True):
            return key[-VERSIONSTAMP_LENGTH:].hex()
        return (await trimmed or bytes(VERSIONSTAMP_LENGTH)).hex()

    return await db.read(body)


def parse(cursor: str) -> bytes:
    """The stamp a cursor stands for. Raises `CursorExpired` for what is no cursor."""
    try:
        stamp = bytes.fromhex(cursor)
    except ValueError:
        stamp = b""
    if len(stamp) != VERSIONSTAMP_LENGTH:
        raise CursorExpired(f"{cursor[:40]!r} is not a cursor of this feed")
    return stamp


async def read(db: Database, root: bytes, stamp: bytes, limit: int = PAGE) -> tuple[bytes | None, Page]:
    """The feed's head, and at most `limit` records behind a stamp.

    Raises:
        CursorExpired: records behind it were trimmed.
    """

    async def body(tr: Reader) -> tuple[bytes | None, Page]:
        head = tr.get(keyspace.feed_head(root))
        found = await records(tr, root, stamp, limit)
        return await head, found

    return await db.read(body)


async def records(tr: Reader, root: bytes, stamp: bytes, limit: int) -> Page:
    """The next records behind a stamp in a caller's transaction. Raises as `read`."""
    trimmed = tr.get(keyspace.feed_trimmed(root))
    pairs = tr.get_range(*after(root, stamp), limit=limit)
    if stamp < (await trimmed or b""):
        raise CursorExpired("the changes since that cursor are no longer kept")
    return [(key[-VERSIONSTAMP_LENGTH:], decode(value)) async for key, value in pairs]


async def check(db: Database, root: bytes, cursor: str) -> None:
    """Raises `CursorExpired`: records behind the cursor were trimmed, or it is no cursor of this feed."""
    await read(db, root, parse(cursor), limit=1)


async def since(db: Database, root: bytes, cursor: str) -> AsyncIterator[Change]:
    """The changes committed behind `cursor` by now. Raises as `check`."""
    stamp = parse(cursor)
    while True:
        _, page = await read(db, root, stamp)
        for _, record in page:
            for change in record.changes:
                yield change
        if len(page) < PAGE:
            return
        stamp = page[-1][0]


async def trim(db: Database, root: bytes, now: int, retention: Retention) -> int:
    """Forgets up to `TRIM` records: those older than is kept, and the oldest of more than are kept, as far as
    the audit tells of them (`audited`).

    Returns how many; call it again while that is not 0.
    """

    async def body(tr: Transaction) -> int:
        # Two that trim conflict with each other by this one. The rest is read without conflicts, else
        # every change of the root meanwhile would be one.
        noted = tr.get(keyspace.feed_cut(root))
        audited = tr.get(keyspace.feed_audited(root), snapshot=True)
        head = tr.get(keyspace.feed_head(root), snapshot=True)
        rows = [row async for row in tr.get_range(*after(root, None), limit=TRIM, snapshot=True)]
        appended, cut = _number(await head), _number(await noted)
        # Fewer are all there are: that is known better than by a store that once trimmed without counting.
        gone = appended - len(rows) if len(rows) < TRIM else cut
        excess = appended - gone - retention.feed_records
        told = await audited or b""
        count = 0
        for key, value in rows:
            if key[-VERSIONSTAMP_LENGTH:] > told:
                break
            if count >= excess and decode(value).time > now - retention.feed:
                break
            count += 1
        if count:
            last = rows[count - 1][0]
            tr.clear_range(after(root, None)[0], last + b"\x00")
            tr.set(keyspace.feed_trimmed(root), last[-VERSIONSTAMP_LENGTH:])
        if gone + count != cut:
            tr.set(keyspace.feed_cut(root), (gone + count).to_bytes(8, "little"))
        return count

    return await db.run(body)


def _number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", "little")


def after(root: bytes, stamp: bytes | None) -> tuple[bytes, bytes]:
    """Range of the records behind a stamp; None for all."""
    # Versionstamps are raw bytes behind the packed prefix and of one length, so their order is theirs.
    prefix = keyspace.feed(root)
    return (prefix if stamp is None else prefix + stamp + b"\x00"), prefix + b"\xff" * VERSIONSTAMP_LENGTH
