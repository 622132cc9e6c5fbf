"""Ordered keys of any length on LMDB, whose own keys end at 511 bytes.

A key of at most SEGMENT bytes is stored as it is, behind the prefix of its namespace. A longer one is cut
after SEGMENT bytes: under those bytes and one zero byte stands a pointer to a child namespace, and there the
rest of the key is stored in the same way. The pointer's key is one byte longer than any stored key, which
tells the two apart, and sorts where the keys behind it belong: after the key of exactly those SEGMENT bytes
and before whatever is greater than it. So a range is one walk in key order, and keys of up to SEGMENT bytes
cost nothing extra. A child namespace that becomes empty is removed with its pointer.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Final, TypeAlias

import lmdb

Txn: TypeAlias = "lmdb.Transaction[bytes]"

ROOT: Final = b"r"
"""Namespace of whole keys. Sorts behind the children (`c` + 8-byte id) and the bookkeeping (`m`)."""
_NEXT_CHILD: Final = b"mnext-child"
_ID_LENGTH: Final = 8
SEGMENT: Final = 511 - len(b"c") - _ID_LENGTH - len(b"\x00")
"""Bytes of a key that one LMDB key holds, so that a pointer in a child still fits."""


def _child(pointer: bytes) -> bytes:
    return b"c" + pointer


def get(txn: Txn, key: bytes) -> bytes | None:
    """The value of `key`, or None."""
    if len(key) <= SEGMENT:
        return txn.get(ROOT + key)
    namespace = ROOT
    while len(key) > SEGMENT:
        pointer = txn.get(namespace + key[:SEGMENT] + b"\x00")
        if pointer is None:
            return None
        namespace, key = _child(pointer), key[SEGMENT:]
    return txn.get(namespace + key)


def put(txn: Txn, key: bytes, value: bytes) -> None:
    """Sets `key` to `value`."""
    namespace = ROOT
    while len(key) > SEGMENT:
        at = namespace + key[:SEGMENT] + b"\x00"
        pointer = txn.get(at)
        if pointer is None:
            pointer = txn.get(_NEXT_CHILD, bytes(_ID_LENGTH))
            txn.put(_NEXT_CHILD, (int.from_bytes(pointer, "big") + 1).to_bytes(_ID_LENGTH, "big"))
            txn.put(at, pointer)
        namespace, key = _child(pointer), key[SEGMENT:]
    txn.put(namespace + key, value)


def put_all(txn: Txn, changes: Mapping[bytes, bytes | None]) -> None:
    """Sets many keys at once; removes those without a value."""
    short: list[tuple[bytes, bytes]] = []
    for key, value in changes.items():
        if value is None:
            delete(txn, key)
        elif len(key) <= SEGMENT:
            short.append((ROOT + key, value))
        else:
            put(txn, key, value)
    if short:
        with txn.cursor() as cursor:
            cursor.putmulti(short)


def delete(txn: Txn, key: bytes) -> None:
    """Removes `key`, if it is there."""
    if len(key) <= SEGMENT:
        txn.delete(ROOT + key)
    else:
        delete_range(txn, key, key + b"\x00")


def delete_range(txn: Txn, begin: bytes, end: bytes) -> None:
    """Removes every key with begin <= key < end."""
    _delete_range(txn, ROOT, begin, end)


def _at(namespace: bytes, key: bytes) -> bytes:
    """Where `key`, or the pointer that leads to it, stands."""
    return namespace + (key[:SEGMENT] + b"\x00" if len(key) > SEGMENT else key)


def _stop(namespace: bytes, end: bytes | None) -> bytes:
    """What no LMDB key of the range reaches; without an end, past everything in the namespace."""
    return namespace + (b"\xff" * (SEGMENT + 1) if end is None else end)


def _delete_range(txn: Txn, namespace: bytes, begin: bytes, end: bytes | None) -> None:
    width = len(namespace)
    stop = _stop(namespace, end)
    with txn.cursor() as cursor:
        found = cursor.set_range(_at(namespace, begin))
        while found and (at := cursor.key()) < stop:
            if len(at) <= width + SEGMENT:
                cursor.delete()  # and stands on the next key, or nowhere
                found = cursor.key() != b""
                continue
            child = _child(cursor.value())
            _delete_range(txn, child, *_bounds(at[width:-1], begin, end))
            if _is_empty(txn, child):
                txn.delete(at)
                found = cursor.set_range(at)
            else:
                found = cursor.set_range(at) and cursor.next()


def _is_empty(txn: Txn, namespace: bytes) -> bool:
    with txn.cursor() as cursor:
        return not cursor.set_range(namespace) or not cursor.key().startswith(namespace)


def _bounds(segment: bytes, begin: bytes, end: bytes | None) -> tuple[bytes, bytes | None]:
    """What is left of a range's bounds in the child behind `segment`, into which the range reaches."""
    inner_begin = begin[SEGMENT:] if begin.startswith(segment) else b""
    inner_end = end[SEGMENT:] if end is not None and end.startswith(segment) else None
    return inner_begin, inner_end


def scan(txn: Txn, begin: bytes, end: bytes, reverse: bool) -> Generator[tuple[bytes, bytes], None, None]:
    """Keys and values with begin <= key < end, in order or backwards.

    Nothing may be written while the generator is in use; close it if it is left early.
    """
    walk = _backward if reverse else _forward
    return walk(txn, ROOT, b"", begin, end)


def _forward(
    txn: Txn, namespace: bytes, path: bytes, begin: bytes, end: bytes | None
) -> Generator[tuple[bytes, bytes], None, None]:
    """`path` is the part of the keys that leads to this namespace; the bounds are what follows it."""
    width = len(namespace)
    longest = width + SEGMENT
    stop = _stop(namespace, end)
    with txn.cursor() as cursor:
        if not cursor.set_range(_at(namespace, begin)):
            return
        for at, value in cursor.iternext():
            if at >= stop:
                return
            if len(at) <= longest:
                yield path + at[width:], value
            else:
                segment = at[width:-1]
                yield from _forward(txn, _child(value), path + segment, *_bounds(segment, begin, end))


def _backward(
    txn: Txn, namespace: bytes, path: bytes, begin: bytes, end: bytes | None
) -> Generator[tuple[bytes, bytes], None, None]:
    width = len(namespace)
    longest = width + SEGMENT
    start = _at(namespace, begin)
    stop = _stop(namespace, end)
    with txn.cursor() as cursor:
        if not cursor.set_range(_at(namespace, stop[width:])):
            found = cursor.last()
        else:
            found = cursor.key() < stop or cursor.prev()
        while found and (at := cursor.key()) >= start:
            if len(at) <= longest:
                yield path + at[width:], cursor.value()
            else:
                segment = at[width:-1]
                yield from _backward(
                    txn, _child(cursor.value()), path + segment, *_bounds(segment, begin, end)
                )
            found = cursor.prev()
