"""Stores of every earlier format are brought to this one, and nothing in them is lost; on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import TypeVar

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.errors import StoreUnavailable, StoreUnusable
from fdb_provider.files import content
from fdb_provider.files.service import FileService
from fdb_provider.formats import version
from fdb_provider.formats.migrate import MIGRATIONS
from fdb_provider.formats.version import FORMAT
from fdb_provider.fsck import check
from fdb_provider.indexes import catalogue
from fdb_provider.repositories import COLLECTIONS, accounts, auth_sessions, workspace_sessions
from fdb_provider.store import Store
from tests.formats import stored
from tests.formats.stored import Account, Stored

T = TypeVar("T")


@pytest.fixture
async def raw(store_url: str) -> AsyncIterator[Database]:
    database = await open_database(store_url)
    yield database
    await database.close()


@pytest.fixture
async def old(request: pytest.FixtureRequest, raw: Database, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """What an earlier program has left in the store, a minute ago: by default the first of them."""
    found = stored.read(getattr(request, "param", stored.NAMES[0]))
    await stored.load(raw, found)
    made = await raw.read(lambda tr: accounts.tenant(tr, found.scopes[0].tenant))
    assert made is not None
    monkeypatch.setattr(content, "now", lambda: made.created_at + 60_000)
    return found


class Cut:
    """A database that stops answering after so many transactions."""

    def __init__(self, db: Database, runs: int) -> None:
        self._db = db
        self._runs = runs
        self.counts, self.describe = db.counts, db.describe
        self.read, self.watch, self.ready, self.close = db.read, db.watch, db.ready, db.close

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        self._runs -= 1
        if self._runs < 0:
            raise StoreUnavailable("it does not answer any more")
        return await self._db.run(body, repeatable=repeatable)


async def opened(raw: Database) -> Store:
    store = Store(raw, shared=True)
    await store.open()
    return store


async def check_all(store: Store, old: Stored) -> None:
    """All that was there is there, counted and found, and the store is sound."""
    assert (await store.read(version.read)).version == FORMAT
    assert (await store.read(version.read)).progress is None
    for name, account in zip(("ada", "bob"), old.scopes, strict=True):
        await _check_files(store, account)
        await _check_records(store, account, f"{name}@example.com")
    report = await check(store, deep=True)
    assert (report.found, report.unjudged) == ([], [])


async def _check_files(store: Store, account: Account) -> None:
    files = FileService(store)
    scope = account.scope
    for path, data in account.files.items():
        assert (await files.read(scope, _now_at(account, path)))[1] == data
    names = size = 0
    for root in ("/workspace", "/home"):
        for _, entry in await files.walk(scope, root):
            names, size = names + 1, size + entry.size
    used, _ = await files.usage(scope)
    for _, item in await files.trash.list(scope):
        names, size = names + item.entries, size + item.size
    assert (used["tenant"].files, used["tenant"].bytes) == (names, size)
    # A change that is sent again, as its answer was lost with the earlier server, is not made twice.
    await files.write(scope, "/workspace/small.txt", b"small", idempotency_key="small")
    assert "small.txt" not in [name for name, _ in await files.list_directory(scope, "/workspace")]
    await files.close()


def _now_at(account: Account, path: str) -> str:
    """Where a file is: one account's folder was being renamed when its server was killed."""
    return path.replace("/many/", "/moved/") if account.user == _renaming else path


_renaming = next(iter(stored.read("format-1-counted").scopes[1:])).user


async def _check_records(store: Store, account: Account, email: str) -> None:
    async def body(tr: Reader) -> None:
        found = await accounts.by_email(tr, email)
        assert found is not None
        assert (found[0], found[1].id) == (account.tenant, account.user)
        assert [one.id for one in await workspace_sessions.recent(tr, account.tenant, account.user)] == [
            account.session
        ]
        assert len(await auth_sessions.of_user(tr, account.tenant, account.user)) == 1
        for collection, name in (
            ("user", "by_email"),
            ("auth-session", "by_user_expiry"),
            ("workspace-session", "by_user_used"),
        ):
            assert await tr.get(keyspace.index_complete(collection, name)), (collection, name)

    await store.read(body)


@pytest.mark.parametrize("old", stored.NAMES, indirect=True)
async def test_an_earlier_store_is_brought_up_and_all_in_it_is_there(raw: Database, old: Stored) -> None:
    told: list[str] = []
    store = Store(raw, shared=True)
    await store.open(told.append)
    assert told == ["", *sorted(account.tenant for account in old.scopes)]
    await check_all(store, old)


async def test_opening_it_again_changes_nothing(raw: Database, old: Stored) -> None:
    await opened(raw)
    before = await everything(raw)
    await opened(raw)
    assert await everything(raw) == before


async def test_interrupted_anywhere_it_is_taken_up_again(raw: Database, old: Stored) -> None:
    """Each attempt is given one transaction more than the one before, and finds what those have done."""
    for runs in count():
        store = Store(Cut(raw, runs), shared=True)
        try:
            await store.open()
        except StoreUnavailable:
            with pytest.raises(StoreUnavailable):  # nobody works with half of it
                await store.read(accounts.every)
        else:
            break
    assert runs > 5
    await check_all(await opened(raw), old)


async def test_gateways_that_start_together_bring_it_up_together(raw: Database, old: Stored) -> None:
    stores = await asyncio.gather(*(opened(raw) for _ in range(4)))
    await check_all(stores[0], old)


async def test_what_is_counted_wrongly_is_counted_anew(raw: Database, old: Stored) -> None:
    """As by a program with quotas that worked on a store from before there were any."""

    async def miscount(tr: Transaction) -> None:
        for account in old.scopes:
            for owner in (keyspace.tenant(account.tenant), keyspace.root(account.scope, "workspace")):
                tr.add(keyspace.usage(owner), 12345, width=16)

    await raw.run(miscount)
    await check_all(await opened(raw), old)


async def test_a_gateway_that_is_late_changes_nothing(raw: Database, old: Stored) -> None:
    """It was still migrating when another one had ended that, and had begun to serve."""
    await opened(raw)
    before = await everything(raw)

    async def miscount(tr: Transaction) -> None:
        tr.add(keyspace.usage(keyspace.tenant(old.scopes[0].tenant)), 5, width=16)

    await raw.run(miscount)
    await MIGRATIONS[2].tenant(raw, old.scopes[0].tenant)
    counter = keyspace.usage(keyspace.tenant(old.scopes[0].tenant))
    after = await everything(raw)
    assert after.pop(counter) != before.pop(counter)
    assert after == before


async def test_every_format_has_its_migration_and_a_store_to_test_it() -> None:
    assert sorted(MIGRATIONS) == list(range(2, FORMAT + 1))
    for to in MIGRATIONS:
        assert any(name.startswith(f"format-{to - 1}") for name in stored.NAMES)


async def everything(database: Database) -> dict[bytes, bytes]:
    marks = keyspace.commits()

    async def body(tr: Reader) -> dict[bytes, bytes]:
        rows = tr.get_range(b"", b"\xff")
        return {key: value async for key, value in rows if not key.startswith(marks)}

    return await database.read(body)


# --- which formats are opened -------------------------------------------------------------------------


async def put(database: Database, key: bytes, value: bytes) -> None:
    async def body(tr: Transaction) -> None:
        tr.set(key, value)

    await database.run(body)


async def test_an_empty_store_gets_this_format_and_all_indexes(raw: Database) -> None:
    store = await opened(raw)
    assert (await store.read(version.read)).version == FORMAT
    assert await store.read(catalogue.jobs) == []
    for collection in COLLECTIONS:
        for index in collection.indexes.values():
            key = keyspace.index_complete(collection.name, index.name)
            assert await store.read(lambda tr, key=key: tr.get(key)) == index.definition  # type: ignore[misc]


@pytest.mark.parametrize("under_way", [False, True])
async def test_a_newer_store_is_refused_with_both_versions_named(raw: Database, under_way: bool) -> None:
    await opened(raw)
    if under_way:
        await put(raw, keyspace.migration(), version.encode_progress(version.Progress(FORMAT + 1, "t")))
    else:
        await put(raw, keyspace.format_version(), version.encode(FORMAT + 1))
    before = await everything(raw)
    store = Store(raw, shared=True)
    with pytest.raises(StoreUnusable, match=f"format {FORMAT + 1}.* up to {FORMAT}.*newer version"):
        await store.open()
    with pytest.raises(StoreUnusable, match="newer version"):
        await store.run(accounts.every)
    assert await everything(raw) == before


async def test_a_version_that_is_no_number_is_refused(raw: Database) -> None:
    await put(raw, keyspace.format_version(), b"\xff?")
    with pytest.raises(StoreUnusable, match="not a store of Theia Bridge"):
        await opened(raw)


@pytest.mark.parametrize("key", [b"app/user/1", b"\x00", b"\x15\x01", b"\x02app\x00", b"\xfe"])
async def test_a_store_with_keys_of_another_program_is_refused_and_left_as_it_is(
    raw: Database, key: bytes
) -> None:
    await put(raw, key, b"theirs")
    before = await everything(raw)
    with pytest.raises(StoreUnusable, match=r"keys of another program.*of its own"):
        await opened(raw)
    assert await everything(raw) == before


async def test_a_gateway_stops_working_when_a_newer_one_has_changed_the_format(raw: Database) -> None:
    store = Store(raw, shared=True, look=0)
    await store.open()
    await store.read(accounts.every)
    await put(raw, keyspace.migration(), version.encode_progress(version.Progress(FORMAT + 1)))
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="newer version"):
            await store.run(accounts.every)
        with pytest.raises(StoreUnusable, match="newer version"):
            await store.read(accounts.every)
        with pytest.raises(StoreUnusable, match="newer version"):
            await store.ready()


async def test_a_store_that_is_exchanged_for_an_older_one_is_not_worked_with(raw: Database) -> None:
    store = Store(raw, shared=True, look=0)
    await store.open()

    async def clear(tr: Transaction) -> None:
        tr.clear_range(b"", b"\xff")

    await raw.run(clear)
    with pytest.raises(StoreUnusable, match="start this program again"):
        await store.read(accounts.every)


async def test_a_store_that_does_not_answer_is_opened_later(raw: Database) -> None:
    cut = Cut(raw, 0)
    store = Store(cut, shared=True)
    with pytest.raises(StoreUnavailable):
        await store.open()
    with pytest.raises(StoreUnavailable):
        await store.ready()
    cut._runs = 1000
    await store.keep_opening()
    await store.ready()
    assert await store.read(accounts.every) == []
