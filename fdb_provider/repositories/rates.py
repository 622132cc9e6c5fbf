"""How much was done lately, counted by all gateways of a store together.

The window slides: what was done counts until a minute later. It is counted by the second, and a second that
lies in the window only in part counts whole. So in no minute whatever is more done than the limit, and room
may be given up to a second late. As far as the clocks of gateways differ, one may overlook what another has
just done.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Transaction

WINDOW = 60
"""Seconds. A key holds one minute by the clock, so the window lies in two of them."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode
"""What was done in which second of the minute."""


class Taken(NamedTuple):
    """What came of `take`.

    Args:
        granted: how many may be done.
        left: how many more could be granted now.
        again: seconds until more than that can be; 0 when nothing was done lately.
    """

    granted: int
    left: int
    again: float


async def take(tr: Transaction, budget: str, subject: bytes, *, wanted: int, limit: int, now: float) -> Taken:
    """Counts what is about to be done, as far as the limit has room for it.

    Args:
        budget: what is counted, such as "rest".
        subject: of whom, in 32 bytes at most.
        wanted: how many are to be granted, if there is room.
        limit: how many may be done in a minute.
        now: seconds since 1970.
    """
    minute, second = divmod(int(now), WINDOW)
    reads = [tr.get(keyspace.rates(minute - back, budget, subject)) for back in (0, 1)]
    current, last = [{} if value is None else _decode(value) for value in [await read for read in reads]]
    counting = current | {slot - WINDOW: count for slot, count in last.items() if slot >= second}
    room = max(0, limit - sum(counting.values()))
    granted = min(wanted, room)
    if granted:
        current[second] = current.get(second, 0) + granted
        counting[second] = current[second]
        tr.set(keyspace.rates(minute, budget, subject), _encode(current))
    again = min(counting) + WINDOW + 1 - now % WINDOW if counting else 0.0
    return Taken(granted, room - granted, max(0.0, again))


def forget(tr: Transaction, now: float) -> None:
    """Clears what no window reaches back to; blind, so that it costs next to nothing."""
    tr.clear_range(keyspace.rates(), keyspace.rates(int(now) // WINDOW - 2))
