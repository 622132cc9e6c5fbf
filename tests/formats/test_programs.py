"""What the command line says of the format of a store, and the server of one that it does not know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.formats import version
from fdb_provider.formats.version import FORMAT
from tests.formats import stored
from tests.process import environment, run

T = TypeVar("T")


async def once(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Something done to a store that no program has open."""
    database = await open_database(url)
    try:
        return await work(database)
    finally:
        await database.close()


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """On one engine: what is tested here is the same for both."""
    return f"embedded:{tmp_path / 'store'}"


async def found(database: Database) -> int | None:
    async def body(tr: Reader) -> int | None:
        return (await version.read(tr)).version

    return await database.read(body)


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("fsck",), ("user", "list"), ("doctor",)])
async def test_a_newer_store_is_refused_by_every_command(
    store_url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    async def newer(database: Database) -> None:
        async def body(tr: Transaction) -> None:
            tr.set(keyspace.format_version(), version.encode(FORMAT + 7))

        await database.run(body)

    await once(store_url, newer)
    code, out, err = await run(*command, env=environment(tmp_path, STORE=store_url), cwd=tmp_path)
    assert code == 1
    told = " ".join((out + err).split())
    assert f"the store has format {FORMAT + 7}, and this program knows formats up to {FORMAT}" in told
    assert "run the newer version of Theia Bridge" in told
    assert "Traceback" not in err


async def test_the_doctor_tells_the_format_and_changes_nothing(store_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path, STORE=store_url)
    assert "it is empty" in (await run("doctor", env=env, cwd=tmp_path))[1]
    assert await once(store_url, found) is None
    await once(store_url, lambda database: stored.load(database, stored.read("format-1")))
    told = (await run("doctor", env=env, cwd=tmp_path))[1]
    assert f"has format 1: the first start brings it to {FORMAT}" in " ".join(told.split())
    assert await once(store_url, found) == 1
    code, out, err = await run("user", "list", env=env, cwd=tmp_path)
    assert code == 0
    assert "ada@example.com" in out
    assert f"brought to {FORMAT}" in err
    assert f"it has format {FORMAT}" in " ".join((await run("doctor", env=env, cwd=tmp_path))[1].split())
