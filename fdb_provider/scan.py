"""Reading much in small transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader

Rows = list[tuple[bytes, bytes]]
Tell = Callable[[int], None]
"""Called with the number of things looked at since the last call."""

PAGE = 1000
"""Small records read in one transaction."""
LARGE_PAGE = 64
"""Records of up to a chunk read in one transaction: 4 MiB."""


async def pages(db: Database, begin: bytes, end: bytes, rows: int = PAGE) -> AsyncIterator[Rows]:
    """A range, some rows at a time, each page as at a moment of its own."""
    while True:

        async def body(tr: Reader, begin: bytes = begin) -> Rows:
            return [row async for row in tr.get_range(begin, end, limit=rows)]

        page = await db.read(body)
        if page:
            yield page
        if len(page) < rows:
            return
        begin = page[-1][0] + b"\x00"


async def parts(db: Database, prefix: bytes, after: bytes = b"") -> AsyncIterator[bytes]:
    """The packed parts that follow a packed prefix in the keys of the store, each once.

    Passes over what is below each of them, however much it is.

    Args:
        after: the part to go on behind.
    """
    begin, end = keyspace.range_of(prefix) if prefix else (b"", b"\xff")
    if after:
        begin = prefix + after + b"\xff"
    while True:

        async def body(tr: Reader, begin: bytes = begin) -> bytes | None:
            async for key, _ in tr.get_range(begin, end, limit=1):
                return key
            return None

        key = await db.read(body)
        if key is None:
            return
        part = keyspace.first_part(key, len(prefix))
        yield part
        begin = prefix + part + b"\xff"
