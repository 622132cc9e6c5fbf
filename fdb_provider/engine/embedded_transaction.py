"""What a body of the embedded engine works with. Every read is done when it is called."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from types import CoroutineType
from typing import Final, Generic, NoReturn, TypeVar, cast

import lmdb

from fdb_provider.engine import KEY_LIMIT, TRANSACTION_LIMIT, VALUE_LIMIT, trie
from fdb_provider.engine.limits import (
    END,
    check_key,
    check_range,
    check_readable,
    check_stamped,
    check_value,
)
from fdb_provider.errors import BodySuspended, TransactionTooLarge, TransactionTooOld

R = TypeVar("R")
T = TypeVar("T")

SUSPENDED: Final = (
    "a transaction body awaited something other than its transaction: "
    "await nothing else in it, and call tr.get several times before awaiting instead of gathering"
)

_FIRST_ROWS: Final = 64
_MOST_ROWS: Final = 4096
_BATCH_BYTES: Final = 1 << 20
"""Rows of the first batch, of a later one at most, and what a later one should weigh."""

# What FoundationDB's client adds to the bytes of a mutation and of a conflict range when it checks a
# transaction's size, rounded up: sizeof(MutationRef) and sizeof(KeyRangeRef) in its CommitTransaction.h.
_MUTATION_OVERHEAD: Final = 64
_CONFLICT_OVERHEAD: Final = 32


class Done(Generic[T]):
    """An awaitable whose result is there. Unlike a coroutine it may be left unawaited."""

    __slots__ = ("_result",)

    def __init__(self, result: T) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        return self._result


def drive(body: Callable[[R], Awaitable[T]], tr: R) -> T:
    """Runs a body to its end, which it reaches without suspending. Raises BodySuspended if it does not."""
    awaitable = body(tr)
    coroutine = awaitable if isinstance(awaitable, CoroutineType) else _awaiting(awaitable)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast(T, stop.value)
    coroutine.close()
    raise BodySuspended(SUSPENDED)


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable


class EmbeddedReader:
    """Reads of one snapshot, until its body ends or its time is up."""

    __slots__ = ("_deadline", "_ended", "_seconds", "_txn")

    def __init__(self, txn: trie.Txn, seconds: float) -> None:
        self._txn = txn
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._ended = False

    def end(self) -> None:
        """Refuses every later call."""
        self._ended = True
        self._deadline = 0.0

    def _late(self) -> NoReturn:
        if self._ended:
            raise TransactionTooOld("a transaction was used after its body had ended")
        raise TransactionTooOld(f"a transaction was open for more than {self._seconds:g} s")

    def get(self, key: bytes, *, snapshot: bool = False) -> Done[bytes | None]:
        if len(key) > KEY_LIMIT or key >= END:
            check_key(key)
        if time.monotonic() > self._deadline:
            self._late()
        return Done(trie.get(self._txn, key))

    def get_range(
        self, begin: bytes, end: bytes, *, limit: int = 0, reverse: bool = False, snapshot: bool = False
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """As the protocol says. Rows come in batches; each shows what was written before it was fetched,
        the first one when this is called. So collect rows before changing what they were read from."""
        check_range(begin, end)
        return _Range(self, begin, end, limit, reverse)

    def fetch(
        self, begin: bytes, end: bytes, rows: int, reverse: bool
    ) -> tuple[list[tuple[bytes, bytes]], bool]:
        """The next rows of a range, and whether they are the last."""
        if time.monotonic() > self._deadline:
            self._late()
        scan = trie.scan(self._txn, begin, end, reverse)
        batch = list(itertools.islice(scan, rows))
        scan.close()
        return batch, len(batch) < rows


class _Range:
    """An iterator over a range, fetched in growing batches."""

    __slots__ = ("_begin", "_end", "_last", "_left", "_reader", "_reverse", "_rows", "_size")

    def __init__(self, reader: EmbeddedReader, begin: bytes, end: bytes, limit: int, reverse: bool) -> None:
        self._reader = reader
        self._begin = begin
        self._end = end
        self._left = limit
        self._reverse = reverse
        self._size = _FIRST_ROWS
        self._fetch()

    def _fetch(self) -> None:
        rows = min(self._size, self._left) if self._left else self._size
        batch, self._last = self._reader.fetch(self._begin, self._end, rows, self._reverse)
        self._rows = iter(batch)
        if self._left:
            self._left -= len(batch)
            self._last = self._last or self._left == 0
        if not self._last:
            if self._reverse:
                self._end = batch[-1][0]
            else:
                self._begin = batch[-1][0] + b"\x00"
            fit = _BATCH_BYTES * len(batch) // (1 + sum(len(value) for _, value in batch))
            self._size = max(1, min(self._size * 4, _MOST_ROWS, fit))

    def __aiter__(self) -> _Range:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        while True:
            for row in self._rows:
                return row
            if self._last:
                raise StopAsyncIteration
            self._fetch()


class EmbeddedTransaction(EmbeddedReader):
    """A body's reads and writes, on the LMDB transaction of its group.

    Writes are staged and put into that transaction together, once the body has succeeded. A body that clears
    a range, or reads one after it has written, gets a transaction of its own nested in the group's: that
    costs as much as all else that a small body does, so it is not made for all.
    """

    __slots__ = (
        "_child",
        "_env",
        "_size",
        "_staged",
        "_stamp",
        "_stamped",
        "_unreadable",
        "grew",
        "ranges",
        "touched",
    )

    touched: list[bytes]
    """Keys that were written; complete once it is applied."""
    ranges: list[tuple[bytes, bytes]]
    """Ranges that were cleared."""
    grew: bool
    """Whether anything was set, so that the store may have become larger."""

    def __init__(self, env: lmdb.Environment, txn: trie.Txn, seconds: float, stamp: bytes) -> None:
        """
        Args:
            txn: of the group.
            stamp: the versionstamp this transaction gets if it commits.
        """
        super().__init__(txn, seconds)
        self._env = env
        self._child: trie.Txn | None = None
        self._staged: dict[bytes, bytes | None] = {}
        self._stamp = stamp
        self._stamped: list[tuple[bytes, bytes]] = []
        self._unreadable: list[tuple[bytes, bytes]] = []
        self._size = 0
        self.touched = []
        self.ranges = []
        self.grew = False

    def finish(self) -> bool:
        """Takes in what waits for the end of the body. Returns whether the versionstamp was used."""
        if not (self._staged or self.touched or self.ranges or self._stamped):
            return False
        if time.monotonic() > self._deadline:
            self._late()
        self._charge(0)
        self._staged.update(self._stamped)
        return bool(self._stamped)

    def measure(self, look: Callable[[trie.Txn], int]) -> int:
        """What `look` finds in the LMDB transaction when all is in it."""
        self._nest()
        return look(self._txn)

    def apply(self) -> None:
        """Puts all changes into the group's transaction. Whatever it raises, that one can be used no more."""
        self.end()
        self._flush()
        if self._child is not None:
            self._child.commit()

    def abandon(self) -> None:
        """Drops all changes."""
        self.end()
        if self._child is not None:
            self._child.abort()

    def _nest(self) -> None:
        """From now on, or from before, what is flushed is seen by this body alone."""
        if self._child is None:
            self._child = self._txn = self._env.begin(write=True, parent=self._txn)
        self._flush()

    def _flush(self) -> None:
        if self._staged:
            trie.put_all(self._txn, self._staged)
            self.touched += self._staged
            self._staged = {}

    def get(self, key: bytes, *, snapshot: bool = False) -> Done[bytes | None]:
        if len(key) > KEY_LIMIT or key >= END:
            check_key(key)
        if time.monotonic() > self._deadline:
            self._late()
        if self._unreadable:
            check_readable(self._unreadable, key, key + b"\x00")
        if not snapshot:
            self._size += 2 * len(key) + _CONFLICT_OVERHEAD
        if key in self._staged:
            return Done(self._staged[key])
        return Done(trie.get(self._txn, key))

    def get_range(
        self, begin: bytes, end: bytes, *, limit: int = 0, reverse: bool = False, snapshot: bool = False
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        if self._unreadable:
            check_readable(self._unreadable, begin, end)
        if not snapshot:
            self._size += len(begin) + len(end) + _CONFLICT_OVERHEAD
        return EmbeddedReader.get_range(self, begin, end, limit=limit, reverse=reverse)

    def fetch(
        self, begin: bytes, end: bytes, rows: int, reverse: bool
    ) -> tuple[list[tuple[bytes, bytes]], bool]:
        if self._staged:
            self._nest()
        return EmbeddedReader.fetch(self, begin, end, rows, reverse)

    def set(self, key: bytes, value: bytes) -> None:
        self._write(key, len(key) + len(value))
        if len(value) > VALUE_LIMIT:
            check_value(value)
        self._staged[key] = value
        self.grew = True

    def clear(self, key: bytes) -> None:
        self._write(key, 2 * len(key))
        self._staged[key] = None

    def clear_range(self, begin: bytes, end: bytes) -> None:
        check_range(begin, end)
        if time.monotonic() > self._deadline:
            self._late()
        if begin >= end:
            return
        self._charge(2 * (len(begin) + len(end)) + _MUTATION_OVERHEAD + _CONFLICT_OVERHEAD)
        # One small mutation for FoundationDB, so the time it takes here does not count.
        started = time.monotonic()
        self._nest()
        trie.delete_range(self._txn, begin, end)
        self._deadline += time.monotonic() - started
        self._stamped = [(key, value) for key, value in self._stamped if not begin <= key < end]
        self.ranges.append((begin, end))

    def add(self, key: bytes, delta: int, *, width: int = 8) -> None:
        self._write(key, len(key) + width)
        # As FoundationDB's ADD: the old value is cut or zero-extended to the operand's length.
        found = self._staged[key] if key in self._staged else trie.get(self._txn, key)
        if delta >> (8 * width - 1) not in (0, -1):
            raise OverflowError(f"{delta} does not fit into a counter of {width} bytes")
        value = delta if found is None else int.from_bytes(found[:width], "little") + delta
        self._staged[key] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        self.grew = True

    def set_versionstamped_key(self, prefix: bytes, suffix: bytes, value: bytes) -> None:
        check_stamped(prefix, suffix)
        check_value(value)
        if time.monotonic() > self._deadline:
            self._late()
        key = prefix + self._stamp + suffix
        self._charge(3 * len(key) + len(value) + _MUTATION_OVERHEAD + _CONFLICT_OVERHEAD)
        self._stamped.append((key, value))
        self._unreadable.append((prefix, suffix))
        self.grew = True

    def add_read_conflict_key(self, key: bytes) -> None:
        """Checks the key only: bodies run one after another, so nothing can conflict."""
        check_key(key)
        self._size += 2 * len(key) + _CONFLICT_OVERHEAD

    def _write(self, key: bytes, size: int) -> None:
        """What every change of one key begins with; `size` is what its mutation weighs."""
        if len(key) > KEY_LIMIT or key >= END:
            check_key(key)
        if time.monotonic() > self._deadline:
            self._late()
        self._size += size + 2 * len(key) + _MUTATION_OVERHEAD + _CONFLICT_OVERHEAD
        if self._size > TRANSACTION_LIMIT:
            self._charge(0)

    def _charge(self, size: int) -> None:
        self._size += size
        if self._size > TRANSACTION_LIMIT:
            raise TransactionTooLarge(
                f"a transaction's keys and values are over the limit of {TRANSACTION_LIMIT} bytes"
            )
