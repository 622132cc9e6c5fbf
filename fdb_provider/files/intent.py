"""What is kept of a change too large for one transaction, and what keeps others away from it meanwhile.

A root has at most one intent at a time, under one key. Every change reads that key beside its other reads, so
none that has a name in common with the intent can be committed while it is under way, on any gateway. Its
progress has a key of its own, so that its steps do not conflict with everybody's changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import StoreError
from fdb_provider.files import mark
from fdb_provider.files.operation import Operation
from fdb_provider.files.paths import Region
from fdb_provider.files.steps import Rows
from fdb_provider.files.usage import Usage


class Intent(msgspec.Struct, array_like=True, frozen=True):
    """A change that is made in several transactions.

    Args:
        id: what marks its entries.
        phase: see `mark`.
        began: when, in milliseconds since 1970.
    """

    id: bytes
    phase: int
    operation: Operation
    began: int


class Progress(msgspec.Struct, array_like=True, frozen=True):
    """How far an intent's phase is.

    Args:
        steps: how many were made, so that each step changes the record.
        after: key of the last name that was dealt with.
        size, names: of what was dealt with.
        ended: nothing is left to be dealt with.
    """

    steps: int = 0
    after: bytes | None = None
    size: int = 0
    names: int = 0
    ended: bool = False

    def next(self, rows: Rows, used: Usage, ended: bool) -> Progress:
        """What it is after one more step, in which those names were dealt with."""
        after = rows[-1][0] if rows else self.after
        return Progress(self.steps + 1, after, self.size + used.bytes, self.names + used.files, ended)

    @property
    def usage(self) -> Usage:
        return Usage(self.size, self.names)


class Busy(StoreError):
    """Abandons a transaction that has to wait for an intent."""

    def __init__(self, intent: Intent) -> None:
        super().__init__(f"{intent.operation.doing}; try again in a moment")
        self.intent = intent


encode = msgspec.msgpack.Encoder().encode
_intent = msgspec.msgpack.Decoder(Intent).decode
_progress = msgspec.msgpack.Decoder(Progress).decode


def issue(tr: Reader, roots: Iterable[bytes]) -> list[Awaitable[bytes | None]]:
    """Begins reading the intents of roots, so that other reads can be issued beside it."""
    return [tr.get(keyspace.intent(root)) for root in roots]


async def check(reads: Iterable[Awaitable[bytes | None]], regions: Iterable[Region]) -> None:
    """Raises `Busy` if one of those intents keeps changes of a region away."""
    for read in reads:
        if (value := await read) is not None:
            found = _intent(value)
            theirs = () if found.phase == mark.SHOWN else found.operation.regions
            if any(region.meets(other) for region in regions for other in theirs):
                raise Busy(found)


async def check_none(reads: Iterable[Awaitable[bytes | None]]) -> None:
    """Raises `Busy` if there is one of those intents, whatever it is about."""
    for read in reads:
        if (value := await read) is not None:
            raise Busy(_intent(value))


async def find(tr: Reader, root: bytes) -> Intent | None:
    """The intent of a root."""
    value = await tr.get(keyspace.intent(root))
    return None if value is None else _intent(value)


async def current(tr: Reader, of: Intent) -> tuple[Intent | None, Progress]:
    """The same intent as it is now, if it is there, and how far it is."""
    root = of.operation.roots[0]
    reads = tr.get(keyspace.intent(root)), tr.get(keyspace.intent_progress(root))
    value, progress = await reads[0], await reads[1]
    found = None if value is None else _intent(value)
    if found is None or found.id != of.id:
        return None, Progress()
    return found, Progress() if progress is None else _progress(progress)


def put(tr: Transaction, intent: Intent) -> None:
    """Keeps an intent that is new, or begins its next phase."""
    value = encode(intent)
    for root in intent.operation.roots:
        tr.set(keyspace.intent(root), value)
    put_progress(tr, intent, Progress())


def put_progress(tr: Transaction, intent: Intent, progress: Progress) -> None:
    tr.set(keyspace.intent_progress(intent.operation.roots[0]), encode(progress))


def clear(tr: Transaction, intent: Intent) -> None:
    """Forgets an intent that has nothing left to do."""
    for root in intent.operation.roots:
        tr.clear(keyspace.intent(root))
    tr.clear(keyspace.intent_progress(intent.operation.roots[0]))
