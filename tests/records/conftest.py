"""Stores with the collections of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fdb_provider.engine import Database
from fdb_provider.engine.url import open_database
from fdb_provider.records import Collection
from fdb_provider.store import Store


@pytest.fixture
def collections() -> tuple[Collection[Any], ...]:
    """What the store has records in; modules give their own."""
    return ()


@pytest.fixture
async def database(store_url: str, collections: tuple[Collection[Any], ...]) -> AsyncIterator[Database]:
    """An empty store, in which all indexes of those collections are complete."""
    store = Store(await open_database(store_url), shared=False, collections=collections)
    await store.open()
    yield store
    await store.close()
