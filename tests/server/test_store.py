"""What the server does with its store by itself: it is brought to this format, and its indexes are built."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.formats import version
from fdb_provider.formats.version import FORMAT
from fdb_provider.indexes import catalogue
from fdb_provider.repositories import accounts
from fdb_provider.repositories.accounts import USERS
from fdb_provider.store import open_store
from tests.formats import stored
from theia_bridge.app import create_app
from theia_bridge.config import load
from theia_bridge.state import DATABASE

BY_EMAIL = USERS.indexes["by_email"]


@asynccontextmanager
async def served(store_url: str, folder: Path) -> AsyncIterator[Database]:
    """The store of a server that runs in this process."""
    app = await create_app(load(store=store_url, keys=folder / "keys", cache=folder / "cache"))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        yield app[DATABASE]
    finally:
        await runner.cleanup()


async def test_a_store_of_the_first_format_is_brought_up_before_it_is_served(
    store_url: str, tmp_path: Path
) -> None:
    raw = await open_database(store_url)
    await stored.load(raw, stored.read("format-1"))
    await raw.close()
    async with served(store_url, tmp_path) as database:
        assert (await database.read(version.read)).version == FORMAT


async def test_the_server_builds_what_is_to_be_built(tmp_path: Path) -> None:
    """On the embedded engine, where nobody else can be writing who has to be waited for."""
    url = f"embedded:{tmp_path / 'store'}"
    store = await open_store(url)
    new = accounts.registration("ada@example.com", "Ada", "hash")

    async def fill(tr: Transaction) -> None:
        await accounts.register(tr, new)
        await catalogue.begin(tr, "user", BY_EMAIL.name, BY_EMAIL.definition)
        for key, _ in USERS.entries(new.tenant.id, BY_EMAIL, new.user):
            tr.clear(key)

    await store.run(fill)
    await store.close()
    async with served(url, tmp_path) as database, asyncio.timeout(60):
        mark = keyspace.index_complete("user", BY_EMAIL.name)
        assert await database.watch(mark, None) == BY_EMAIL.definition
        found = await database.read(lambda tr: USERS.by_index(tr, new.tenant.id, "by_email"))
        assert [one.id for one in found] == [new.user.id]
