"""Which store a URL means."""

from __future__ import annotations

import re

from fdb_provider.engine import Database
from fdb_provider.errors import StoreUnusable

_EMBEDDED = re.compile(r"embedded:(?P<folder>.+?)(?:\?map_size=(?P<map_size>[1-9][0-9]*))?", re.DOTALL)


async def open_database(url: str, *, make: bool = True) -> Database:
    """Opens the store `url` names.

    Args:
        url: `embedded:DIR`, optionally `embedded:DIR?map_size=BYTES` (the most the store may hold; 64 GiB
            if not given), or `fdb:CLUSTER_FILE`.
        make: an embedded store that is missing is made.

    Raises:
        StoreUnusable: the URL is neither, or the store it names cannot be used; the message says why.
        StoreInUse: another process has the embedded store open.
    """
    if match := _EMBEDDED.fullmatch(url):
        from fdb_provider.engine.embedded import (  # noqa: PLC0415 - only the engine in use
            MAP_SIZE,
            EmbeddedDatabase,
        )

        map_size = int(match["map_size"]) if match["map_size"] else MAP_SIZE
        return await EmbeddedDatabase.open(match["folder"], map_size=map_size, make=make)
    if url.startswith("fdb:") and len(url) > len("fdb:"):
        from fdb_provider.engine.foundationdb import (  # noqa: PLC0415 - needs the C library
            FoundationDatabase,
        )

        return await FoundationDatabase.open(url.removeprefix("fdb:"))
    raise StoreUnusable(f"{url!r} is not a store: use embedded:DIR or fdb:CLUSTER_FILE")
