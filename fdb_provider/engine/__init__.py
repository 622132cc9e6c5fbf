"""The storage engine: ordered keys, serialisable transactions, watches.

Two engines fulfil one protocol, and one conformance suite runs against both: `embedded` (LMDB, one
machine) and `foundationdb` (a cluster). `fdb_provider.engine.url.open_database` picks one by its URL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from fdb_provider.engine.counts import Counts
from fdb_provider.engine.description import Description

T = TypeVar("T")

KEY_LIMIT = 10_000
"""Bytes a key may have (FoundationDB's limit, enforced by both engines)."""
VALUE_LIMIT = 100_000
"""Bytes a value may have (FoundationDB's limit)."""
TRANSACTION_LIMIT = 10_000_000
"""Bytes of keys and values one transaction may write (FoundationDB's limit)."""
TRANSACTION_SECONDS = 5.0
"""Seconds one transaction may stay open (FoundationDB's limit)."""
VERSIONSTAMP_LENGTH = 10
"""Bytes of a versionstamp: 8 of the commit's version and 2 of its order in that version, big-endian."""


class Reader(Protocol):
    """The reads of a transaction.

    A read is issued when the method is called and awaited later, so independent reads cost one round
    trip together: `a, b = tr.get(x), tr.get(y)`, then `await a` and `await b`. Every returned object may
    be left unawaited.
    """

    def get(self, key: bytes, *, snapshot: bool = False) -> Awaitable[bytes | None]:
        """The value of `key`, or None. A snapshot read does not conflict with others' writes."""
        ...

    def get_range(
        self, begin: bytes, end: bytes, *, limit: int = 0, reverse: bool = False, snapshot: bool = False
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """Keys and values with begin <= key < end, in order (or from the end backwards).

        Args:
            limit: at most this many; 0 means all.
        """
        ...


class Transaction(Reader, Protocol):
    """A transaction that may write. Its own earlier writes are seen by its reads."""

    def set(self, key: bytes, value: bytes) -> None: ...

    def clear(self, key: bytes) -> None: ...

    def clear_range(self, begin: bytes, end: bytes) -> None: ...

    def add(self, key: bytes, delta: int, *, width: int = 8) -> None:
        """Adds to a little-endian signed counter of `width` bytes (absent: 0) without a read conflict."""
        ...

    def set_versionstamped_key(self, prefix: bytes, suffix: bytes, value: bytes) -> None:
        """Sets prefix + versionstamp + suffix when the transaction commits; unreadable before that."""
        ...

    def add_read_conflict_key(self, key: bytes) -> None:
        """Makes the commit conflict with others' writes of `key` as if this transaction had read it."""
        ...


class Database(Protocol):
    """An open store. Close it with `await close()`; every call after that raises `DatabaseClosed`."""

    @property
    def counts(self) -> Counts:
        """What it has done so far."""
        ...

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        """Runs `body` in a transaction and commits it durably; conflicts are retried.

        The body may run more than once, awaits nothing but its transaction, and has no other side
        effect. An exception it raises abandons the transaction and is passed on. Its changes are
        applied exactly once, also when a commit's result was unknown at first.

        Args:
            repeatable: the body finds out for itself whether it was committed before, so the engine need
                not leave a mark of the commit for that.

        Raises:
            TransactionTooLarge, TransactionTooOld, KeyTooLarge, ValueTooLarge: a limit was passed.
            StoreFull: the disk or the map has no room; nothing of the transaction was saved.
            StoreUnavailable: the cluster did not answer in time.
        """
        ...

    async def read(self, body: Callable[[Reader], Awaitable[T]]) -> T:
        """Runs `body` on one snapshot. Raises as `run`."""
        ...

    async def watch(self, key: bytes, seen: bytes | None) -> bytes | None:
        """Waits until the value of `key` differs from `seen` and returns it.

        Level-triggered: a change made between reading `seen` and this call is not missed. A value that
        changes and changes back may go unseen. Cancel to stop waiting.
        """
        ...

    async def ready(self) -> None:
        """Returns when the store answers. Raises `StoreUnavailable` when it does not, within 5 s."""
        ...

    async def describe(self) -> Description:
        """What the store is and how it fares. Raises `StoreUnavailable` when it does not answer."""
        ...

    async def close(self) -> None: ...
