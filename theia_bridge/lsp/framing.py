"""How language servers frame messages on pipes: a header with `Content-Length`, then that much JSON."""

from __future__ import annotations

import asyncio

MOST_HEADERS = 16
"""Lines of a header; real ones have one or two."""
READ_AHEAD = 1024**2
"""The limit of readers: bytes of a message that are read before somebody takes them."""
_LENGTH = b"content-length"


class BadFrame(Exception):
    """What came is no frame; nothing that follows can be told apart any more."""


def frame(body: bytes) -> bytes:
    """A message with its header."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def read_frame(reader: asyncio.StreamReader, limit: int) -> bytes | None:
    """The body of the next message; None at the end.

    Raises:
        BadFrame: there is no header, it announces more than `limit` bytes, or the end comes early.
    """
    length = -1
    for _ in range(MOST_HEADERS):
        try:
            line = await reader.readline()
        except ValueError:
            raise BadFrame("a line of a header is too long") from None
        if not line:
            return None
        name, colon, value = line.strip().partition(b":")
        if not name:
            break
        if not colon:
            raise BadFrame(f"this is no header: {line[:80]!r}")
        if name.lower() == _LENGTH:
            if not value.strip().isdigit():
                raise BadFrame(f"this is no length: {value[:80]!r}")
            length = int(value)
    if length < 0:
        raise BadFrame("a header tells no length")
    if length > limit:
        raise BadFrame(f"a message has {length} bytes, and may have {limit}")
    try:
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise BadFrame("a message ends early") from None
