"""The storage engines by themselves, with nothing in them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fdb_provider.engine import Database
from fdb_provider.engine.url import open_database


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """An empty, open database on `store_url`; closed after the test."""
    database = await open_database(store_url)
    yield database
    await database.close()
