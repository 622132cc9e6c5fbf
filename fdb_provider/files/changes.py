"""What a change of a root is, and what runs one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fdb_provider.engine import Transaction
from fdb_provider.files.entry import Entry
from fdb_provider.files.feed import Change
from fdb_provider.files.paths import Location
from fdb_provider.scope import Scope

Done = tuple[Entry | None, list[Change]]
"""The entry to answer, and what to tell watchers."""
Body = Callable[[Transaction, int], Awaitable[Done]]
"""A change at a time (milliseconds since 1970)."""
Apply = Callable[[Scope, Location, str | None, Body], Awaitable[Entry | None]]
"""Runs a change of a location's root, once for an idempotency key."""
