"""What a body of the FoundationDB engine works with. Every read is issued when it is called."""

from __future__ import annotations

import struct
import time
from collections.abc import AsyncIterator
from typing import NoReturn

from fdb_provider.engine import KEY_LIMIT, VERSIONSTAMP_LENGTH
from fdb_provider.engine.fdb_binding import Handle, Pending
from fdb_provider.engine.limits import (
    END,
    check_key,
    check_range,
    check_readable,
    check_stamped,
    check_value,
)
from fdb_provider.errors import TransactionTooOld


class FoundationReader:
    """Reads of one transaction, until its body ends or its time is up."""

    __slots__ = ("_deadline", "_ended", "_handle", "_seconds", "_snapshot")

    def __init__(self, handle: Handle, seconds: float, *, snapshot: bool = True) -> None:
        """
        Args:
            snapshot: its reads conflict with nothing, whatever they ask for.
        """
        self._handle = handle
        self._snapshot = snapshot
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

    def get(self, key: bytes, *, snapshot: bool = False) -> Pending[bytes | None]:
        if len(key) > KEY_LIMIT or key >= END:
            check_key(key)
        if time.monotonic() > self._deadline:
            self._late()
        return self._handle.get(key, snapshot or self._snapshot)

    def get_range(
        self, begin: bytes, end: bytes, *, limit: int = 0, reverse: bool = False, snapshot: bool = False
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """As the protocol says. Rows come in batches; each shows what was written before it was issued,
        the first one when this is called. So collect rows before changing what they were read from."""
        check_range(begin, end)
        return _Range(self, begin, end, limit, reverse, snapshot or self._snapshot)

    def issue(
        self,
        begin: bytes,
        end: bytes,
        *,
        limit: int,
        iteration: int,
        reverse: bool,
        snapshot: bool,
        after: bool,
    ) -> Pending[tuple[list[tuple[bytes, bytes]], bool]]:
        """One batch of a range, as `Handle.get_range`."""
        if time.monotonic() > self._deadline:
            self._late()
        return self._handle.get_range(
            begin, end, limit=limit, iteration=iteration, reverse=reverse, snapshot=snapshot, after=after
        )


class _Range:
    """An iterator over a range. The next batch is under way while one is gone through."""

    __slots__ = (
        "_begin",
        "_end",
        "_iteration",
        "_left",
        "_next",
        "_reader",
        "_reverse",
        "_rows",
        "_snapshot",
    )

    def __init__(
        self, reader: FoundationReader, begin: bytes, end: bytes, limit: int, reverse: bool, snapshot: bool
    ) -> None:
        self._reader = reader
        self._snapshot = snapshot
        self._begin = begin
        self._end = end
        self._left = limit
        self._reverse = reverse
        self._iteration = 1
        self._rows = iter(list[tuple[bytes, bytes]]())
        self._next: Pending[tuple[list[tuple[bytes, bytes]], bool]] | None = None
        if begin < end:  # FoundationDB calls an inverted range an error
            self._issue(after=False)

    def _issue(self, *, after: bool) -> None:
        self._next = self._reader.issue(
            self._begin,
            self._end,
            limit=self._left,
            iteration=self._iteration,
            reverse=self._reverse,
            snapshot=self._snapshot,
            after=after,
        )

    def __aiter__(self) -> _Range:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        while True:
            for row in self._rows:
                return row
            if self._next is None:
                raise StopAsyncIteration
            rows, more = await self._next
            self._next = None
            if self._left:
                self._left -= len(rows)
                more = more and self._left > 0
            if more:
                self._iteration += 1
                if self._reverse:
                    self._end = rows[-1][0]
                else:
                    self._begin = rows[-1][0]
                self._issue(after=not self._reverse)
            self._rows = iter(rows)


class FoundationTransaction(FoundationReader):
    """A body's reads and writes."""

    __slots__ = ("_stamped", "wrote")

    wrote: bool
    """Whether there is anything to commit."""

    def __init__(self, handle: Handle, seconds: float) -> None:
        super().__init__(handle, seconds, snapshot=False)
        self._stamped: list[tuple[bytes, bytes]] = []
        self.wrote = False

    def finish(self) -> None:
        """Raises TransactionTooOld if the time is up."""
        if time.monotonic() > self._deadline:
            self._late()

    def get(self, key: bytes, *, snapshot: bool = False) -> Pending[bytes | None]:
        if self._stamped:
            check_readable(self._stamped, key, key + b"\x00")
        return FoundationReader.get(self, key, snapshot=snapshot)

    def get_range(
        self, begin: bytes, end: bytes, *, limit: int = 0, reverse: bool = False, snapshot: bool = False
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        if self._stamped:
            check_readable(self._stamped, begin, end)
        return FoundationReader.get_range(self, begin, end, limit=limit, reverse=reverse, snapshot=snapshot)

    def set(self, key: bytes, value: bytes) -> None:
        self._write(key)
        check_value(value)
        self._handle.set(key, value)

    def clear(self, key: bytes) -> None:
        self._write(key)
        self._handle.clear(key)

    def clear_range(self, begin: bytes, end: bytes) -> None:
        check_range(begin, end)
        self.finish()
        if begin < end:
            self.wrote = True
            self._handle.clear_range(begin, end)

    def add(self, key: bytes, delta: int, *, width: int = 8) -> None:
        self._write(key)
        self._handle.add(key, delta.to_bytes(width, "little", signed=True))

    def set_versionstamped_key(self, prefix: bytes, suffix: bytes, value: bytes) -> None:
        check_stamped(prefix, suffix)
        check_value(value)
        self.finish()
        key = prefix + bytes(VERSIONSTAMP_LENGTH) + suffix + struct.pack("<I", len(prefix))
        self._handle.set_versionstamped_key(key, value)
        self._stamped.append((prefix, suffix))
        self.wrote = True

    def add_read_conflict_key(self, key: bytes) -> None:
        check_key(key)
        self._handle.add_read_conflict_key(key)

    def _write(self, key: bytes) -> None:
        """What every change of one key begins with."""
        if len(key) > KEY_LIMIT or key >= END:
            check_key(key)
        if time.monotonic() > self._deadline:
            self._late()
        self.wrote = True
