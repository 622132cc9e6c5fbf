"""What a terminal has said last."""

from __future__ import annotations

from collections import deque

_LINE = 8192
"""Bytes within which a line is looked for to begin with."""


class Scrollback:
    """The last output of a terminal.

    Args:
        limit: bytes that are kept, and at most one piece more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._cut = False

    def add(self, data: bytes) -> None:
        """Adds a piece, and forgets what is too old by then."""
        self._pieces.append(data)
        self._size += len(data)
        while self._size - len(self._pieces[0]) >= self._limit:
            self._size -= len(self._pieces.popleft())
            self._cut = True

    def content(self) -> bytes:
        """What is kept. Where older output was forgotten it begins with a line, not within a character or an
        escape sequence."""
        kept = b"".join(self._pieces)
        return kept[kept.find(b"\n", 0, _LINE) + 1 :] if self._cut else kept
