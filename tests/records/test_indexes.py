"""Indexes that are declared when there are records already, and those that are dropped, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.errors import RecordExists, StoreUnavailable
from fdb_provider.indexes import catalogue, filling
from fdb_provider.indexes.builder import Builder
from fdb_provider.records import Collection, Index
from fdb_provider.store import Store
from tests import fdbserver
from tests.records.support import entries

T = TypeVar("T")
TENANTS = ("ada", "bob", "cyd")


class Person(msgspec.Struct, frozen=True):
    id: str
    town: str
    age: int
    mail: str | None = None
    deleted_at: int | None = None


def people(*indexes: Index) -> Collection[Person]:
    return Collection("person", Person, key=("id",), indexes=indexes, soft_delete=True)


BY_TOWN = Index("by_town", ("town",))
BY_AGE = Index("by_age", ("age", "town"))
BY_MAIL = Index("by_mail", ("mail",), unique=True)
OLD = people(BY_TOWN)
NEW = people(BY_TOWN, BY_AGE, BY_MAIL)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that building a few records takes several steps."""
    monkeypatch.setattr(filling, "ROWS", 4)
    monkeypatch.setattr(filling, "TENANTS", 2)


@pytest.fixture
async def raw(store_url: str) -> AsyncIterator[Database]:
    database = await open_database(store_url)
    yield database
    await database.close()


async def program(raw: Database, collection: Collection[Any]) -> Store:
    """A program that has just been started with that collection, among others on the same store."""
    store = Store(raw, shared=True, collections=(collection,), look=0)
    await store.open()
    return store


def builder(store: Store, collection: Collection[Any], **options: int) -> Builder:
    return Builder(store, (collection,), settle=0, pause=0, **options)


async def work_off(builder: Builder) -> int:
    """Has it make all its steps; returns how many there were."""
    steps = 0
    while await builder.step():
        steps += 1
    return steps


async def build(store: Store, collection: Collection[Any]) -> int:
    return await work_off(builder(store, collection))


async def fill(store: Store, collection: Collection[Person], tenant: str, *people: Person) -> None:
    async def body(tr: Transaction) -> None:
        for person in people:
            await collection.put(tr, tenant, person)

    await store.run(body)


async def ask(store: Store, tenant: str, index: str, *values: str | int, **options: Any) -> list[str]:
    """Ids of the people an index answers with."""
    found = await store.read(lambda tr: NEW.by_index(tr, tenant, index, *values, **options))
    return [person.id for person in found]


async def complete(store: Store, index: str) -> bool:
    return await store.read(lambda tr: tr.get(keyspace.index_complete("person", index))) is not None


def crowd(count: int) -> list[Person]:
    return [Person(f"{i:03}", f"town {i % 3}", i % 7, f"{i}@x" if i % 2 else None) for i in range(count)]


async def check_answers(store: Store, tenant: str, people: list[Person]) -> None:
    """Every kind of query answers as these people say."""
    by_age = sorted(people, key=lambda one: (one.age, one.town, one.id))
    assert await ask(store, tenant, "by_age") == [one.id for one in by_age]
    assert await ask(store, tenant, "by_age", limit=3, reverse=True) == [one.id for one in by_age[:-4:-1]]
    for age in range(7):
        assert await ask(store, tenant, "by_age", age) == [one.id for one in by_age if one.age == age]
    by_mail = sorted((one.mail, one.id) for one in people if one.mail)
    assert await ask(store, tenant, "by_mail") == [id for _, id in by_mail]
    for mail, id in by_mail[:5]:
        assert await ask(store, tenant, "by_mail", mail) == [id]
    assert await ask(store, tenant, "by_mail", "nobody@x") == []
    found: list[str] = []
    after: str | None = None
    while True:
        page = await store.read(
            lambda tr, after=after: NEW.page(  # type: ignore[misc]
                tr, tenant, "by_age", limit=4, after=after, least=2, below=5
            )
        )
        found += [one.id for one in page.items]
        after = page.next
        if after is None:
            break
    assert found == [one.id for one in by_age if 2 <= one.age < 5]


async def test_queries_are_answered_alike_before_during_and_after_the_building(raw: Database) -> None:
    people = crowd(20)
    old = await program(raw, OLD)
    for tenant in TENANTS:
        await fill(old, OLD, tenant, *people)
    new = await program(raw, NEW)
    assert not await complete(new, "by_age")
    await check_answers(new, "bob", people)
    one = builder(new, NEW)
    steps = 0
    while await one.step():
        steps += 1
        await check_answers(new, "bob", people)
    assert steps > 2 * len(TENANTS) * len(people) / filling.ROWS
    assert await complete(new, "by_age")
    assert await complete(new, "by_mail")
    await check_answers(new, "bob", people)
    assert await new.read(catalogue.jobs) == []
    for tenant in TENANTS:
        await entries(new, tenant, NEW)


async def test_an_index_without_the_mark_is_not_relied_on(raw: Database) -> None:
    """What an index has before it is complete is no answer, and neither is what somebody has left in it."""
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", *crowd(5))
    new = await program(raw, NEW)
    await fill(new, NEW, "ada", Person("new", "town 0", 3))
    assert await ask(new, "ada", "by_age", 3) == ["003", "new"]


async def test_a_new_store_has_all_its_indexes_at_once(raw: Database) -> None:
    new = await program(raw, NEW)
    for index in ("by_town", "by_age", "by_mail", "by_deleted"):
        assert await complete(new, index)
    assert await build(new, NEW) == 0


async def test_changes_meanwhile_are_in_the_index(raw: Database) -> None:
    old = await program(raw, OLD)
    for tenant in TENANTS:
        await fill(old, OLD, tenant, *crowd(30))
    new = await program(raw, NEW)

    async def change(tenant: str, number: int) -> None:
        """Whatever the builder is at: behind it, in front of it, under its hands."""
        id = f"{number % 40:03}"

        async def body(tr: Transaction) -> None:
            match number % 4:
                case 0:
                    await NEW.delete(tr, tenant, id)
                case 1:
                    await NEW.put(tr, tenant, Person(id, "moved", number % 5, f"new {number}@x"))
                case 2:
                    await NEW.discard(tr, tenant, id, at=number)
                case _:
                    await NEW.restore(tr, tenant, id)

        await new.run(body)

    async def write() -> None:
        for number in range(0, 240, 8):
            await asyncio.gather(*(change(TENANTS[n % 3], n) for n in range(number, number + 8)))

    async def keep_building() -> None:
        one = builder(new, NEW)
        while not (await complete(new, "by_mail") and await complete(new, "by_age")):
            await one.step()

    await asyncio.gather(write(), keep_building(), keep_building())
    for tenant in TENANTS:
        people = await entries(new, tenant, NEW)
        await check_answers(new, tenant, [one for one in people if one.deleted_at is None])


class Meddled:
    """A database in which something else is committed before the first transaction can be."""

    def __init__(self, db: Database, meddle: Callable[[], Awaitable[None]]) -> None:
        self._db = db
        self._meddle: Callable[[], Awaitable[None]] | None = meddle
        self.counts = db.counts
        self.read, self.watch, self.ready, self.close = db.read, db.watch, db.ready, db.close
        self.describe = db.describe

    async def run(self, body: Callable[[Transaction], Awaitable[T]], *, repeatable: bool = False) -> T:
        async def meddled(tr: Transaction) -> T:
            result = await body(tr)
            meddle, self._meddle = self._meddle, None
            if meddle is not None:
                await meddle()
            return result

        return await self._db.run(meddled, repeatable=repeatable)


@pytest.mark.fdb
@pytest.mark.parametrize("how", ["put", "delete", "discard", "insert"])
async def test_a_record_that_changes_under_the_hands_of_the_builder(fdb_cluster: Path, how: str) -> None:
    """On a cluster, where transactions run side by side."""
    fdbserver.empty(fdb_cluster)
    raw = await open_database(f"fdb:{fdb_cluster}")
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", Person("a", "x", 1, "a@x"), Person("b", "x", 1, "b@x"))
    new = await program(raw, NEW)

    async def body(tr: Transaction) -> None:
        match how:
            case "put":
                await NEW.put(tr, "ada", Person("a", "y", 2, "new@x"))
            case "delete":
                await NEW.delete(tr, "ada", "a")
            case "discard":
                await NEW.discard(tr, "ada", "a", at=1)
            case _:
                await NEW.insert(tr, "ada", Person("aa", "y", 2, "aa@x"))

    while (await work(new))["by_age"].tenant != "ada":
        await builder(new, NEW, lease=0).step()
    await Builder(Meddled(raw, lambda: new.run(body)), (NEW,), settle=0, lease=0).step()
    await work_off(builder(new, NEW))
    assert await complete(new, "by_age")
    await entries(new, "ada", NEW)
    await raw.close()


async def work(store: Store) -> dict[str, catalogue.Work]:
    return {job.name: job.work for job in await store.read(catalogue.jobs)}


async def test_one_gateway_at_a_time_builds_an_index(raw: Database) -> None:
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", *crowd(20))
    new = await program(raw, NEW)
    first, second = builder(new, NEW), builder(new, NEW)
    for _ in range(3):
        assert await first.step()
    before = await work(new)
    assert before["by_age"].records > 0
    assert before["by_mail"].records == 0
    for _ in range(3):
        assert await second.step()
    assert (await work(new))["by_age"] == before["by_age"]
    assert (await work(new))["by_mail"].records > 0


async def test_another_gateway_goes_on_where_one_has_ended(raw: Database) -> None:
    old = await program(raw, OLD)
    for tenant in TENANTS:
        await fill(old, OLD, tenant, *crowd(20))
    new = await program(raw, NEW)
    ended, other = builder(new, NEW, lease=0), builder(new, NEW)
    for _ in range(8):
        assert await ended.step()
    before = (await work(new))["by_age"]
    assert before.records > 20
    assert await other.step()
    assert (await work(new))["by_age"].records > before.records
    await work_off(other)
    for tenant in TENANTS:
        await entries(new, tenant, NEW)


async def test_two_builders_at_once_do_no_harm(raw: Database) -> None:
    old = await program(raw, OLD)
    for tenant in TENANTS:
        await fill(old, OLD, tenant, *crowd(20))
    new = await program(raw, NEW)
    many = [builder(new, NEW, lease=0) for _ in range(4)]
    while any(await asyncio.gather(*(one.step() for one in many))):
        pass
    for tenant in TENANTS:
        assert len(await entries(new, tenant, NEW)) == 20


async def test_nothing_is_built_before_all_writers_know(raw: Database) -> None:
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", *crowd(3))
    new = await program(raw, NEW)
    assert not await Builder(new, (NEW,), settle=60).step()
    assert Store(raw, shared=True).settle > 65
    assert Store(raw, shared=False).settle == 0


async def test_a_unique_value_is_refused_before_its_index_is_complete(raw: Database) -> None:
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", Person("a", "x", 1, "a@x"), Person("b", "x", 1, "b@x"))
    new = await program(raw, NEW)
    for clash in (Person("c", "x", 1, "a@x"), Person("b", "x", 1, "a@x")):
        with pytest.raises(RecordExists):
            await fill(new, NEW, "ada", clash)
    await fill(new, NEW, "ada", Person("a", "x", 2, "a@x"))
    await fill(new, NEW, "bob", Person("c", "x", 1, "a@x"))
    claims = [fill(new, NEW, "ada", Person(f"n{n}", "x", 1, "new@x")) for n in range(6)]
    results = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    await build(new, NEW)
    assert len(await entries(new, "ada", NEW)) == 3


async def test_two_records_with_one_value_are_named_and_the_index_is_never_complete(
    raw: Database, caplog: pytest.LogCaptureFixture
) -> None:
    old = await program(raw, OLD)
    twins = [Person("a", "x", 1, "same@x"), Person("b", "x", 1, "same@x")]
    await fill(old, OLD, "ada", *twins, *crowd(6))
    new = await program(raw, NEW)
    await build(new, NEW)
    assert not await complete(new, "by_mail")
    assert "by_mail of person cannot be unique" in caplog.text
    assert "('a',) and ('b',)" in caplog.text
    assert await ask(new, "ada", "by_mail", "same@x") == ["a", "b"]
    await fill(new, NEW, "ada", Person("a", "x", 1, "other@x"))  # takes nothing from its twin
    assert await ask(new, "ada", "by_mail", "same@x") == ["b"]
    with pytest.raises(RecordExists):
        await fill(new, NEW, "ada", Person("c", "x", 1, "same@x"))
    assert not await builder(new, NEW).step()  # it is not tried again and again
    again = builder(new, NEW, again=0)
    await new.run(_forget_the_pause)
    await work_off(again)
    assert await complete(new, "by_mail")
    await entries(new, "ada", NEW)


async def _forget_the_pause(tr: Transaction) -> None:
    for job in await catalogue.jobs(tr):
        catalogue.put(tr, job._replace(work=msgspec.structs.replace(job.work, until=0)))


async def test_a_twin_that_is_deleted_meanwhile_does_not_take_the_other_one_with_it(raw: Database) -> None:
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", Person("0", "x", 1, "same@x"), *crowd(20), Person("z", "x", 1, "same@x"))
    new = await program(raw, NEW)
    one = builder(new, NEW)
    while (await work(new))["by_mail"].records == 0:
        await one.step()
    assert (await work(new))["by_mail"].clash == ""
    await new.run(lambda tr: NEW.delete(tr, "ada", "z"))
    await work_off(one)
    assert await complete(new, "by_mail")
    assert await ask(new, "ada", "by_mail", "same@x") == ["0"]


async def test_a_dropped_index_is_cleared_and_built_anew_when_it_comes_back(raw: Database) -> None:
    new = await program(raw, NEW)
    for tenant in TENANTS:
        await fill(new, NEW, tenant, *crowd(12))
    old = await program(raw, OLD)
    assert not await complete(old, "by_age")
    await build(old, OLD)
    for tenant in TENANTS:
        await entries(old, tenant, OLD)  # no entry of the others is left
    await fill(old, OLD, "ada", Person("000", "moved", 6, "moved@x"), Person("new", "moved", 6))
    back = await program(raw, NEW)
    assert not await complete(back, "by_age")
    await build(back, NEW)
    people = await entries(back, "ada", NEW)
    await check_answers(back, "ada", people)


async def test_an_index_of_another_definition_is_another_index(raw: Database) -> None:
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", *crowd(12))
    other = people(Index("by_town", ("age", "town")))
    new = await program(raw, other)
    found = await new.read(lambda tr: other.by_index(tr, "ada", "by_town", 3))
    assert [one.id for one in found] == ["003", "010"]
    await build(new, other)
    assert len(await entries(new, "ada", other)) == 12
    assert await new.read(lambda tr: other.by_index(tr, "ada", "by_town", 3)) == found


async def test_programs_of_two_versions_at_once_never_see_a_wrong_answer(raw: Database) -> None:
    """As while gateways are replaced: the older one writes records without the entries of the new index."""
    old, new = await program(raw, OLD), await program(raw, NEW)
    await fill(new, NEW, "ada", *crowd(8))
    for number in range(5):
        await build(new, NEW)
        assert await complete(new, "by_age") == await complete(new, "by_mail")
        await fill(old, OLD, "ada", Person(f"{number:03}", "moved", 6, f"moved {number}@x"))
        assert not await raw.read(lambda tr: _is_complete(tr, "by_age"))
        people = await new.read(lambda tr: OLD.list(tr, "ada"))
        await check_answers(new, "ada", people)
    await new.read(catalogue.jobs)  # the older one is gone; this one looks at the store now and then
    await build(new, NEW)
    assert await complete(new, "by_age")
    await entries(new, "ada", NEW)


async def _is_complete(tr: Reader, index: str) -> bool:
    return await tr.get(keyspace.index_complete("person", index)) is not None


async def test_a_collection_that_only_the_other_program_knows_is_left_alone(raw: Database) -> None:
    new = await program(raw, NEW)
    await fill(new, NEW, "ada", *crowd(5))
    stranger = Collection("stranger", Person, key=("id",), indexes=[BY_TOWN])
    other = await program(raw, stranger)
    assert await complete(new, "by_age")
    await build(other, stranger)
    assert await complete(new, "by_age")
    assert await new.read(catalogue.jobs) == []


async def test_too_many_records_to_look_through_are_an_answer_for_later(
    raw: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fdb_provider.records.queries.UNBUILT", 10)
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", *crowd(11))
    await fill(old, OLD, "bob", *crowd(10))
    new = await program(raw, NEW)
    assert len(await ask(new, "bob", "by_age")) == 10
    with pytest.raises(StoreUnavailable, match="being built"):
        await ask(new, "ada", "by_age")
    await build(new, NEW)
    assert len(await ask(new, "ada", "by_age")) == 11


async def test_a_record_that_cannot_be_read_does_not_stop_the_building(raw: Database) -> None:
    old = await program(raw, OLD)
    await fill(old, OLD, "ada", *crowd(6))

    async def damage(tr: Transaction) -> None:
        tr.set(keyspace.records("ada", "person") + keyspace.pack("002"), b"\xc1")

    await old.run(damage)
    new = await program(raw, NEW)
    await build(new, NEW)
    assert await complete(new, "by_age")
    assert await ask(new, "ada", "by_age") == ["000", "001", "003", "004", "005"]
