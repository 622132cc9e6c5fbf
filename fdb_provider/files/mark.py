"""Entries that are written but not to be seen yet.

A folder too large for one transaction is moved or copied in several (`large`). What those write carries a
mark, the id of the intent they belong to, and is there for a reader only once that intent says so. So what
is not marked, nearly always everything, is read as if there were no such thing; only a reader that meets a
mark looks at the intent, in its own snapshot, and sees all of the folder or nothing.

Marks are taken off again once they are seen, and an intent stays until the last of its marks is gone.
"""

from __future__ import annotations

from typing import Final

import msgspec

MARK: Final = 0xC1
"""The one byte that no MessagePack value begins with."""
ID_LENGTH: Final = 8
_LENGTH: Final = 1 + ID_LENGTH

FILLING: Final = 0
"""What is written is not seen yet; nobody else may change the folders concerned."""
SHOWN: Final = 1
"""It is seen; what is left is tidying up."""
UNDOING: Final = 2
"""It is never to be seen, and is taken away again; nobody else may change the folders concerned."""


class _State(msgspec.Struct, array_like=True, frozen=True):
    """What every intent's record begins with."""

    id: bytes
    phase: int


_state = msgspec.msgpack.Decoder(_State).decode


def marked(intent: bytes, value: bytes) -> bytes:
    """An entry's value that is seen only once that intent says so."""
    return b"\xc1" + intent + value


def unmarked(value: bytes) -> bytes:
    """An entry's value without its mark, if it has one."""
    return value[_LENGTH:] if value[0] == MARK else value


def carries(value: bytes, intent: bytes) -> bool:
    """Whether a value has the mark of that intent."""
    return value[0] == MARK and value[1:_LENGTH] == intent


def shown(value: bytes, record: bytes | None) -> bool:
    """Whether a marked value is to be seen, by the record of its root's intent."""
    if record is None:
        return False
    state = _state(record)
    return state.phase == SHOWN and value[1:_LENGTH] == state.id
