"""Records and their indexes, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.models import new_id
from fdb_provider.records import Collection, Index

T = TypeVar("T")


class Book(msgspec.Struct, frozen=True):
    shelf: str
    number: int
    title: str
    isbn: str | None = None
    year: int | None = None
    topics: tuple[str, ...] = ()


BOOKS = Collection(
    "book",
    Book,
    key=("shelf", "number"),
    indexes=[
        Index("by_isbn", ("isbn",), unique=True),
        Index("by_title_year", ("title", "year")),
        Index("by_shelf_topic_year", ("shelf", "topics", "year"), each="topics"),
    ],
)


@pytest.fixture
def collections() -> tuple[Collection[Any], ...]:
    return (BOOKS,)


A1 = Book("a", 1, "Emma", isbn="111", year=1815)
A1B = Book("a", 3, "No topic", year=1815)
A2 = Book("a", 2, "Persuasion", isbn="222", year=1817)
B1 = Book("b", 1, "Emma", year=2003)


async def store(database: Database, tenant: str, *books: Book) -> None:
    async def body(tr: Transaction) -> None:
        for book in books:
            await BOOKS.insert(tr, tenant, book)

    await database.run(body)


async def run(database: Database, call: Callable[[Transaction], Awaitable[T]]) -> T:
    async def body(tr: Transaction) -> T:
        return await call(tr)

    return await database.run(body)


async def titles(database: Database, tenant: str, *values: str | int) -> list[Book]:
    return await run(database, lambda tr: BOOKS.by_index(tr, tenant, "by_title_year", *values))


async def test_a_record_is_found_by_key_and_by_every_index(database: Database) -> None:
    await store(database, "t", A1, A2, B1)

    async def body(tr: Reader) -> None:
        assert await BOOKS.get(tr, "t", "a", 2) == A2
        assert await BOOKS.get(tr, "t", "a", 3) is None
        assert await BOOKS.list(tr, "t") == [A1, A2, B1]
        assert await BOOKS.list(tr, "t", reverse=True, limit=2) == [B1, A2]
        assert await BOOKS.list(tr, "t", "a") == [A1, A2]
        assert await BOOKS.by_index(tr, "t", "by_isbn", "222") == [A2]
        assert await BOOKS.by_index(tr, "t", "by_isbn", "999") == []
        assert await BOOKS.by_index(tr, "t", "by_isbn", limit=1, reverse=True) == [A2]
        assert await BOOKS.by_index(tr, "t", "by_title_year", "Emma") == [A1, B1]
        assert await BOOKS.by_index(tr, "t", "by_title_year", "Emma", 2003) == [B1]
        assert await BOOKS.by_index(tr, "t", "by_title_year", "Emma", reverse=True, limit=1) == [B1]

    await database.read(body)


async def test_tenants_do_not_see_each_other(database: Database) -> None:
    await store(database, "t", A1)
    await store(database, "u", A1)  # unique within its tenant only
    await run(database, lambda tr: BOOKS.delete(tr, "t", "a", 1))
    assert await titles(database, "u", "Emma") == [A1]
    assert await titles(database, "t", "Emma") == []


async def test_insert_refuses_a_taken_key_and_a_taken_unique_value(database: Database) -> None:
    await store(database, "t", A1)
    for clash in (Book("a", 1, "Other"), Book("c", 9, "Other", isbn="111")):
        with pytest.raises(RecordExists):
            await store(database, "t", Book("z", 1, "Before"), clash)
    assert await run(database, lambda tr: BOOKS.list(tr, "t")) == [A1]


async def test_put_moves_index_entries_and_frees_unique_values(database: Database) -> None:
    await store(database, "t", A1)
    changed = Book("a", 1, "Emma", isbn="333", year=1816)
    await run(database, lambda tr: BOOKS.put(tr, "t", changed))
    await run(database, lambda tr: BOOKS.put(tr, "t", changed))
    assert await titles(database, "t") == [changed]
    await store(database, "t", Book("c", 1, "New", isbn="111"))
    with pytest.raises(RecordExists):
        await run(database, lambda tr: BOOKS.put(tr, "t", Book("c", 1, "New", isbn="333")))


async def test_records_of_an_older_and_a_newer_program_are_read(database: Database) -> None:
    key = keyspace.records("t", "book") + keyspace.pack("a", 1)
    stored = {"shelf": "a", "number": 1, "title": "Emma", "invented_later": [1, 2]}

    async def body(tr: Transaction) -> None:
        tr.set(key, msgspec.msgpack.encode(stored))

    await database.run(body)
    assert await run(database, lambda tr: BOOKS.get(tr, "t", "a", 1)) == Book("a", 1, "Emma")


async def test_two_who_insert_one_unique_value_at_once_get_one_record(database: Database) -> None:
    claims = [store(database, "t", Book("s", n, "Same", isbn="1")) for n in range(8)]
    results = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, RecordExists) for result in results) == 7
    assert len(await run(database, lambda tr: BOOKS.list(tr, "t"))) == 1


async def test_a_record_is_found_by_each_of_several_values(database: Database) -> None:
    emma = Book("a", 1, "Emma", year=1815, topics=("love", "pride", "love"))
    other = Book("a", 2, "Other", year=1813, topics=("pride",))
    await store(database, "t", emma, other, Book("b", 1, "Elsewhere", year=1813, topics=("pride",)), A1B)

    async def found(topic: str) -> list[str]:
        page = await run(
            database, lambda tr: BOOKS.page(tr, "t", "by_shelf_topic_year", "a", topic, limit=10)
        )
        return [book.title for book in page.items]

    assert [await found(topic) for topic in ("love", "pride", "none")] == [["Emma"], ["Other", "Emma"], []]
    await run(database, lambda tr: BOOKS.put(tr, "t", msgspec.structs.replace(emma, topics=("love", "new"))))
    assert [await found(topic) for topic in ("love", "new", "pride")] == [["Emma"], ["Emma"], ["Other"]]
    await run(database, lambda tr: BOOKS.delete(tr, "t", "a", 1))
    assert await found("love") == []


def test_a_declaration_that_cannot_work_is_refused() -> None:
    with pytest.raises(TypeError):
        Collection("x", Book, key=("id",))
    with pytest.raises(TypeError):
        Collection("x", Book, key=("shelf",), indexes=[Index("i", ("nothing",))])
    with pytest.raises(TypeError):
        Collection("x", Book, key=("shelf",), indexes=[Index("i", ("year",)), Index("i", ("isbn",))])
    with pytest.raises(TypeError):
        Collection("x", Book, key=("shelf",), indexes=[Index("i", ("shelf",), each="topics")])
    with pytest.raises(TypeError):
        Collection("x", Book, key=("shelf",), indexes=[Index("i", ("topics",), unique=True, each="topics")])


books = st.builds(
    Book,
    shelf=st.sampled_from(["a", "b\x00c"]),
    number=st.integers(-1, 2),
    title=st.sampled_from(["", "x", "x\x00", "é"]),
    isbn=st.none() | st.sampled_from(["1", "2", "3"]),
    year=st.none() | st.sampled_from([-5, 0, 7]),
    topics=st.lists(st.sampled_from(["", "x", "y\x00"]), max_size=3).map(tuple),
)
operations = st.lists(
    st.tuples(st.sampled_from(["insert", "put", "delete", "abandon"]), books), min_size=1, max_size=25
)


class Abandoned(Exception):
    pass


async def change(database: Database, tenant: str, operation: str, book: Book) -> None:
    async def body(tr: Transaction) -> None:
        if operation == "delete":
            await BOOKS.delete(tr, tenant, book.shelf, book.number)
        elif operation == "insert":
            await BOOKS.insert(tr, tenant, book)
        else:
            await BOOKS.put(tr, tenant, book)
            if operation == "abandon":
                raise Abandoned

    await database.run(body)


async def rows(database: Database, prefix: bytes) -> list[tuple[bytes, bytes]]:
    async def body(tr: Reader) -> list[tuple[bytes, bytes]]:
        return [row async for row in tr.get_range(*keyspace.range_of(prefix))]

    return await database.read(body)


async def agree(database: Database, tenant: str) -> dict[tuple[str, int], Book]:
    """Checks every index entry against the records, both ways, and returns the records."""
    records = {
        (book.shelf, book.number): book for book in await run(database, lambda tr: BOOKS.list(tr, tenant))
    }
    unique = {
        keyspace.unpack(key, keyspace.index(tenant, "book", "by_isbn")): keyspace.unpack(value)
        for key, value in await rows(database, keyspace.index(tenant, "book", "by_isbn"))
    }
    assert unique == {(book.isbn,): key for key, book in records.items() if book.isbn is not None}
    prefix = keyspace.index(tenant, "book", "by_title_year")
    entries = [keyspace.unpack(key, prefix) for key, _ in await rows(database, prefix)]
    expected = [(b.title, b.year, *key) for key, b in records.items() if b.year is not None]
    assert sorted(entries) == sorted(expected)
    prefix = keyspace.index(tenant, "book", "by_shelf_topic_year")
    entries = [keyspace.unpack(key, prefix) for key, _ in await rows(database, prefix)]
    assert sorted(entries) == sorted(
        (b.shelf, topic, b.year, *key)
        for key, b in records.items()
        if b.year is not None
        for topic in set(b.topics)
    )
    return records


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # each example has a tenant of its own
@given(operations)
async def test_indexes_agree_with_records_after_any_operations(
    database: Database, changes: list[tuple[str, Book]]
) -> None:
    tenant = new_id()
    model: dict[tuple[str, int], Book] = {}
    for operation, book in changes:
        key = (book.shelf, book.number)
        holder = next((k for k, b in model.items() if book.isbn is not None and b.isbn == book.isbn), key)
        clash = operation != "delete" and (holder != key or (operation == "insert" and key in model))
        try:
            await change(database, tenant, operation, book)
        except RecordExists:
            assert clash
        except Abandoned:
            assert not clash
        else:
            assert not clash
            if operation == "delete":
                model.pop(key, None)
            else:
                model[key] = book
    assert await agree(database, tenant) == model


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations)
async def test_indexes_agree_with_records_after_concurrent_operations(
    database: Database, changes: list[tuple[str, Book]]
) -> None:
    tenant = new_id()
    running = [change(database, tenant, operation, book) for operation, book in changes]
    results = await asyncio.gather(*running, return_exceptions=True)
    assert all(result is None or isinstance(result, RecordExists | Abandoned) for result in results)
    await agree(database, tenant)
