"""What a change of a root is, what it answers, and what runs one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from fdb_provider.engine import Transaction
from fdb_provider.files.entry import Entry
from fdb_provider.files.feed import Change
from fdb_provider.files.paths import Location
from fdb_provider.scope import Scope


class Restored(msgspec.Struct, frozen=True, tag="restored"):
    """Something was moved out of the trash: where it is now, and its entry."""

    path: str
    entry: Entry


class Emptied(msgspec.Struct, frozen=True, tag="emptied"):
    """Some of the trash went for good.

    Args:
        until: what was deleted before that time goes, in milliseconds since 1970.
        items: how many things went.
        ended: there are no more of them.
    """

    until: int
    items: int
    ended: bool


Answer = Entry | Restored | Emptied | None
"""Of a change: the entry that is there now, as a rule."""
Done = tuple[Answer, list[Change]]
"""What to answer, and what to tell watchers."""
Body = Callable[[Transaction, int], Awaitable[Done]]
"""A change at a time (milliseconds since 1970)."""
Apply = Callable[[Scope, Location, str | None, Body], Awaitable[Answer]]
"""Runs a change of a location's root, once for an idempotency key."""
