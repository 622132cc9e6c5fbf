"""A change that is sent again with its idempotency key is made once, and answered alike.

The answer is kept under the key in the transaction that makes the change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import StoreError
from fdb_provider.files import content
from fdb_provider.files.changes import Answer, Emptied, Restored
from fdb_provider.files.entry import Entry

REMEMBER = 24 * 3_600_000
"""Milliseconds an idempotency key is remembered at least."""
TERM = 7 * REMEMBER
"""Milliseconds of a term: keys are forgotten a term at a time, so that each is one record and no more."""
SKEW = 600_000
"""Milliseconds by which gateways' clocks may differ."""

_encode = msgspec.msgpack.Encoder().encode
_entry: msgspec.msgpack.Decoder[Entry | None] = msgspec.msgpack.Decoder(Entry | None)
_of_trash: msgspec.msgpack.Decoder[Restored | Emptied] = msgspec.msgpack.Decoder(Restored | Emptied)


class _AlreadyDone(Exception):
    """Abandons a transaction whose idempotency key has been answered before."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer


async def run(
    db: Database, root: bytes, key: str | None, change: Callable[[Transaction, int], Awaitable[Answer]]
) -> Answer:
    """Makes a change at a time (milliseconds since 1970), unless it was made with that key; the answer.

    Args:
        root: among whose records the answer is kept: the same one for the same key.
        key: the caller's; None for a change that nobody sends again.
    """

    async def body(tr: Transaction) -> Answer:
        now = content.now()
        # Issued before the change's own reads and awaited after them: they cost no round trip.
        earlier = [] if key is None else _issue(tr, root, now, key)
        try:
            answer = await change(tr, now)
        except StoreError:
            await _stop_if_done(earlier)
            raise
        if key is not None:
            await _stop_if_done(earlier)
            tr.set(keyspace.done(root, now // TERM, key), _encode(answer))
        return answer

    try:
        return await db.run(body, repeatable=key is not None)
    except _AlreadyDone as earlier_run:
        return _decode(earlier_run.answer)


async def answered(db: Database, roots: Iterable[bytes], key: str) -> Answer:
    """What the change with that key was answered; None also if it was not made in any of those roots."""

    async def body(tr: Reader) -> None:
        now = content.now()
        await _stop_if_done([read for root in roots for read in _issue(tr, root, now, key)])

    try:
        await db.read(body)
    except _AlreadyDone as earlier:
        return _decode(earlier.answer)
    return None


async def forget(tr: Transaction, root: bytes, now: int) -> int:
    """Forgets the keys of the terms that are looked at no more; returns 0 without any."""
    begin, end = keyspace.done_before(root, _terms(now).start)
    found = [key async for key, _ in tr.get_range(begin, end, limit=1)]
    if found:
        tr.clear_range(begin, end)
    return len(found)


def _terms(now: int) -> range:
    """The terms in which a key may have been used that is still to be remembered; by a clock ahead, too."""
    return range((now - REMEMBER) // TERM, (now + SKEW) // TERM + 1)


def _decode(answer: bytes) -> Answer:
    try:
        return _entry.decode(answer)
    except msgspec.ValidationError:  # an entry is an array, the others are maps
        return _of_trash.decode(answer)


def _issue(tr: Reader, root: bytes, now: int, key: str) -> list[Awaitable[bytes | None]]:
    """Begins reading the answers that may have been given to a key."""
    return [tr.get(keyspace.done(root, term, key)) for term in _terms(now)]


async def _stop_if_done(earlier: Iterable[Awaitable[bytes | None]]) -> None:
    """Raises `_AlreadyDone` when one of these answers is there."""
    for read in earlier:
        if (answer := await read) is not None:
            raise _AlreadyDone(answer)
