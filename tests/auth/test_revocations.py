"""Revocations reach every gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from auth.revocations import RevocationFollower
from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.models import AuthSession, Revocation, new_id, now_ms
from fdb_provider.repositories import auth_sessions


@asynccontextmanager
async def following(database: Database, token_seconds: float = 900) -> AsyncIterator[RevocationFollower]:
    follower = RevocationFollower(database, token_seconds=token_seconds)
    task = asyncio.create_task(follower.follow())
    try:
        async with asyncio.timeout(20):
            await follower.started()
            yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def family(database: Database, user: str = "u") -> str:
    now = now_ms()
    made = AuthSession(
        id=new_id(),
        user=user,
        session="s",
        secret_hash=b"",
        created_at=now,
        used_at=now,
        expires_at=now + 10**6,
    )

    async def body(tr: Transaction) -> None:
        await auth_sessions.create(tr, "t", made)

    await database.run(body)
    return made.id


async def revoke(database: Database, *families: str) -> None:
    async def body(tr: Transaction) -> None:
        for family in families:
            assert await auth_sessions.revoke(tr, "t", family)

    await database.run(body)


class Heard:
    def __init__(self) -> None:
        self.families: asyncio.Queue[str] = asyncio.Queue()
        self.entries: list[Revocation] = []

    def __call__(self, entry: Revocation) -> None:
        self.entries.append(entry)
        self.families.put_nowait(entry.family)


async def test_a_revocation_is_heard_by_every_gateway_of_a_store(database: Database, store_url: str) -> None:
    # An embedded store has one process and so one user; a cluster has any number.
    other = await open_database(store_url) if store_url.startswith("fdb:") else database
    one, two = await family(database), await family(database)
    async with following(database) as here, following(other) as there:
        heard_here, heard_there, deaf = Heard(), Heard(), Heard()
        here.subscribe(one, heard_here)
        here.subscribe(two, deaf)()
        there.subscribe(one, heard_there)
        there.subscribe(two, heard_there)
        await revoke(database, one, two)
        assert await heard_here.families.get() == one
        assert {await heard_there.families.get(), await heard_there.families.get()} == {one, two}
        assert deaf.families.empty()
        assert heard_here.families.empty()
    if other is not database:
        await other.close()


async def test_all_sign_ins_of_a_user_end_but_the_one_kept(database: Database) -> None:
    families = [await family(database) for _ in range(3)]
    strangers = await family(database, user="v")
    async with following(database) as follower:
        heard, reviewed = Heard(), Heard()
        for one in (*families, strangers):
            follower.subscribe(one, heard)

        async def end(tr: Transaction) -> list[str]:
            return await auth_sessions.revoke_all(tr, "t", "u", keep=families[0])

        assert set(await database.run(end)) == set(families[1:])
        assert {(await heard.families.get()), (await heard.families.get())} == set(families[1:])
        follower.subscribe(families[0], reviewed)
        await database.run(lambda tr: auth_sessions.review(tr, "t", "u"))
        assert await reviewed.families.get() == families[0]
        assert [entry.ended for entry in heard.entries] == [True, True, False]
        assert await database.run(lambda tr: auth_sessions.revoke_all(tr, "t", "u", keep=None)) == [
            families[0]
        ]
    assert await database.read(lambda tr: auth_sessions.get(tr, "t", strangers)) is not None


async def test_one_who_subscribes_after_the_revocation_is_told_at_once(database: Database) -> None:
    early = await family(database)
    await revoke(database, early)
    async with following(database) as follower:
        heard = Heard()
        follower.subscribe(early, heard)
        assert heard.families.get_nowait() == early
        follower.subscribe(await family(database), heard)
        assert heard.families.empty()


async def test_a_failing_callback_keeps_nobody_else_from_hearing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    one = await family(database)
    async with following(database) as follower:

        def fails(_: Revocation) -> None:
            raise RuntimeError("cannot close")

        heard = Heard()
        follower.subscribe(one, fails)
        follower.subscribe(one, heard)
        await revoke(database, one)
        assert await heard.families.get() == one
    assert "cannot close" in caplog.text


async def test_more_revocations_than_one_read_takes_are_all_heard(database: Database) -> None:
    families = [await family(database) for _ in range(3)]

    async def body(tr: Transaction) -> None:
        for _ in range(300):
            await auth_sessions.create(tr, "t", many := AuthSession(new_id(), "u", "s", b"", 0, 0, 10**15))
            await auth_sessions.revoke(tr, "t", many.id)

    for _ in range(4):
        await database.run(body)
    await revoke(database, *families)
    async with following(database) as follower:
        heard = Heard()
        for one in families:
            follower.subscribe(one, heard)
        assert heard.families.qsize() == 3


async def test_the_feed_forgets_what_no_token_can_need(database: Database) -> None:
    old, recent = "0" * 20, await family(database)
    long_ago = msgspec.msgpack.encode(Revocation(tenant="t", family=old, at=now_ms() - 3_600_000))

    async def append(tr: Transaction) -> None:
        tr.set_versionstamped_key(keyspace.revocations(), keyspace.pack(old), long_ago)

    async def feed(tr: Reader) -> list[bytes]:
        return [key async for key, _ in tr.get_range(*keyspace.range_of(keyspace.revocations()))]

    await database.run(append)
    await revoke(database, recent)
    first, second = await database.read(feed)
    async with following(database):
        assert await database.watch(first, long_ago) is None
    assert await database.read(feed) == [second]


async def test_following_ends_with_the_database(store_url: str) -> None:
    database = await open_database(store_url)
    follower = RevocationFollower(database)
    task = asyncio.create_task(follower.follow())
    await follower.started()
    await database.close()
    async with asyncio.timeout(10):
        await task
