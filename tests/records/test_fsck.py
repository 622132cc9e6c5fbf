"""fsck knows which indexes are being built, finds what stands against one, and has a lost one built again."""

from __future__ import annotations

from typing import Any

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.fsck import Report, check
from fdb_provider.indexes import catalogue, filling
from fdb_provider.indexes.builder import Builder
from fdb_provider.models import User
from fdb_provider.records import Collection
from fdb_provider.repositories import COLLECTIONS, accounts
from fdb_provider.repositories.accounts import USERS
from fdb_provider.scope import Scope

BY_EMAIL = USERS.indexes["by_email"]


@pytest.fixture
def collections() -> tuple[Collection[Any], ...]:
    return COLLECTIONS


@pytest.fixture
async def scope(database: Database) -> Scope:
    new = accounts.registration("ada@example.com", "Ada", "hash")
    await database.run(lambda tr: accounts.register(tr, new))
    return new.scope


def kinds(report: Report) -> list[str]:
    return sorted(finding.kind for finding in report.found)


async def write(database: Database, key: bytes, value: bytes | None) -> None:
    async def body(tr: Transaction) -> None:
        if value is None:
            tr.clear(key)
        else:
            tr.set(key, value)

    await database.run(body)


async def user(database: Database, scope: Scope) -> User:
    found = await database.read(lambda tr: USERS.get(tr, scope.tenant, scope.user))
    assert found is not None
    return found


async def build(database: Database) -> None:
    builder = Builder(database, COLLECTIONS, settle=0, pause=0)
    while await builder.step():
        pass


async def test_an_index_that_nobody_builds_is_built_again(database: Database, scope: Scope) -> None:
    await write(database, keyspace.index_complete("user", "by_email"), None)
    await write(database, keyspace.index(scope.tenant, "user", "by_email") + b"\x02x\x00", b"left over")
    report = await check(database)
    assert kinds(report) == ["index not built"]
    report = await check(database, repair=True)
    assert report.left == []
    assert [job.name for job in await database.read(catalogue.jobs)] == ["by_email"]
    assert (await check(database)).found == []  # it is being built, so nothing of it is judged
    await build(database)
    assert (await check(database)).found == []
    found = await database.read(lambda tr: USERS.by_index(tr, scope.tenant, "by_email", "ada@example.com"))
    assert [one.id for one in found] == [scope.user]


async def test_halfway_through_the_building_nothing_is_wrong(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "TENANTS", 1)

    async def begin(tr: Transaction) -> None:
        for index in USERS.indexes.values():
            await catalogue.begin(tr, "user", index.name, index.definition)
        await catalogue.begin(tr, "user", "of_old", b"")

    await database.run(begin)
    await write(database, keyspace.index(scope.tenant, "user", "of_old") + b"\x02x\x00", b"")
    builder = Builder(database, COLLECTIONS, settle=0, pause=0)
    steps = 0
    while await builder.step():
        steps += 1
        assert (await check(database)).found == []
    assert steps > len(USERS.indexes)


async def test_two_records_with_one_value_are_found(database: Database, scope: Scope) -> None:
    ada = await user(database, scope)
    twin = User("twin", ada.email, ada.email_key, "Twin", "member", "hash", 0)
    await write(database, USERS.record_key(scope.tenant, ("twin",)), USERS.encode(twin))
    await database.run(lambda tr: catalogue.begin(tr, "user", "by_email", BY_EMAIL.definition))
    await build(database)
    report = await check(database, repair=True)
    assert "value not unique" in kinds(report)
    (left,) = (one for one in report.left if one.kind == "value not unique")
    assert scope.tenant in left.detail
    assert "twin" in left.detail


async def test_an_entry_that_leads_to_a_record_without_its_value_is_set_right(
    database: Database, scope: Scope
) -> None:
    ada = await user(database, scope)
    ((key, _),) = USERS.entries(scope.tenant, BY_EMAIL, ada)
    await write(database, key, keyspace.pack("nobody"))
    assert kinds(await check(database)) == ["index entry missing"]
    assert (await check(database, repair=True)).left == []

    async def body(tr: Reader) -> bytes | None:
        return await tr.get(key)

    assert await database.read(body) == keyspace.pack(scope.user)
