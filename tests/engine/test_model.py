"""Random transactions side by side, checked against a plain dictionary.

Every transaction also sets a versionstamped key, so the store itself says in which order they were
committed. Run again in that order, one after another, on a dictionary, each must have read the same: that
is what serialisable means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider.engine import Database, Reader, Transaction

Row = tuple[bytes, bytes]
Found = bytes | None | list[Row]

KEYS = st.builds(
    lambda fill, length, tail: b"k" + fill * length + tail,
    st.sampled_from([b"a", b"\x00"]),
    st.sampled_from([0, 1, 499, 500, 501, 502, 1001, 1002, 1003]),
    st.sampled_from([b"", b"\x00", b"b", b"\xfe\xff"]),
)


@dataclass(frozen=True)
class Get:
    key: bytes


@dataclass(frozen=True)
class Range:
    begin: bytes
    end: bytes
    limit: int
    reverse: bool


@dataclass(frozen=True)
class Set:
    key: bytes
    value: bytes


@dataclass(frozen=True)
class Copy:
    """A write that depends on a read."""

    source: bytes
    target: bytes


@dataclass(frozen=True)
class Add:
    key: bytes
    delta: int


@dataclass(frozen=True)
class Clear:
    key: bytes


@dataclass(frozen=True)
class ClearRange:
    begin: bytes
    end: bytes


Step = Get | Range | Set | Copy | Add | Clear | ClearRange

STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Get, KEYS),
    st.builds(Range, KEYS, KEYS, st.integers(0, 3), st.booleans()),
    st.builds(Set, KEYS, st.binary(max_size=12)),
    st.builds(Copy, KEYS, KEYS),
    st.builds(Add, KEYS, st.integers(-(1 << 63), (1 << 63) - 1)),
    st.builds(Clear, KEYS),
    st.builds(ClearRange, KEYS, KEYS),
)


class Model:
    """The dictionary, and what a step does to it."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def take(self, step: Step) -> Found:
        match step:
            case Get(key):
                return self.rows.get(key)
            case Range(begin, end, limit, reverse):
                found = sorted((row for row in self.rows.items() if begin <= row[0] < end), reverse=reverse)
                return found[: limit or None]
            case Set(key, value):
                self.rows[key] = value
            case Copy(source, target):
                self.rows[target] = self.rows.get(source, b"nothing")
            case Add(key, delta):
                old = int.from_bytes(self.rows.get(key, b"")[:8], "little")
                self.rows[key] = ((old + delta) % (1 << 64)).to_bytes(8, "little")
            case Clear(key):
                self.rows.pop(key, None)
            case ClearRange(begin, end):
                self.rows = {key: value for key, value in self.rows.items() if not begin <= key < end}
        return None


async def take(tr: Transaction, step: Step) -> Found:
    match step:
        case Get(key):
            return await tr.get(key)
        case Range(begin, end, limit, reverse):
            return [row async for row in tr.get_range(begin, end, limit=limit, reverse=reverse)]
        case Set(key, value):
            tr.set(key, value)
        case Copy(source, target):
            read = await tr.get(source)
            tr.set(target, b"nothing" if read is None else read)
        case Add(key, delta):
            tr.add(key, delta)
        case Clear(key):
            tr.clear(key)
        case ClearRange(begin, end):
            tr.clear_range(begin, end)
    return None


def program(steps: list[Step], name: bytes) -> Callable[[Transaction], Awaitable[list[Found]]]:
    async def body(tr: Transaction) -> list[Found]:
        found = [await take(tr, step) for step in steps]
        tr.set_versionstamped_key(b"log", b"", name)
        return found

    return body


async def everything(tr: Reader) -> list[Row]:
    return [row async for row in tr.get_range(b"", b"\xff")]


# The fixture is shared by the examples of a test on purpose: each begins by clearing the store.
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs=st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=12))
async def test_transactions_side_by_side_are_as_if_one_after_another(
    database: Database, programs: list[list[Step]]
) -> None:
    async def clear(tr: Transaction) -> None:
        tr.clear_range(b"", b"\xff")

    await database.run(clear)
    found = await asyncio.gather(
        *(database.run(program(steps, b"%d" % i)) for i, steps in enumerate(programs))
    )
    rows = await database.read(everything)
    order = [int(value) for key, value in rows if key.startswith(b"log")]
    assert sorted(order) == list(range(len(programs)))
    model = Model()
    for i in order:
        assert found[i] == [model.take(step) for step in programs[i]]
    data = [row for row in rows if row[0].startswith(b"k")]
    assert data == sorted(model.rows.items())
