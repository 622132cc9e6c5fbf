"""Pages, etags and soft delete, on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import Conflict, InvalidCursor, RecordExists
from fdb_provider.models import new_id
from fdb_provider.records import BY_DELETED, Collection, Index, Page
from fdb_provider.repositories import purge


class Note(msgspec.Struct, frozen=True):
    id: str
    owner: str
    rank: int
    title: str | None = None
    deleted_at: int | None = None


class Line(msgspec.Struct, frozen=True):
    id: str
    text: str


async def _purge(tr: Transaction, tenant: str, note: Note) -> bool:
    """Takes the attachments (other notes of the owner `id`), one at a time."""
    found = await NOTES.by_index(tr, tenant, "by_owner_rank", note.id, limit=1)
    if not found:
        return True
    await NOTES.delete(tr, tenant, found[0].id)
    return False


NOTES: Collection[Note] = Collection(
    "note",
    Note,
    key=("id",),
    indexes=[Index("by_owner_rank", ("owner", "rank")), Index("by_title", ("title",), unique=True)],
    soft_delete=True,
    purge=_purge,
)

LINES: Collection[Line] = Collection("line", Line, key=("id",), indexes=[Index("by_text", ("text",))])


@pytest.fixture
def collections() -> tuple[Collection[Any], ...]:
    return NOTES, LINES


def note(id: str, owner: str = "ada", rank: int = 0, title: str | None = None) -> Note:
    return Note(id, owner, rank, title)


async def store(database: Database, tenant: str, *notes: Note) -> None:
    async def body(tr: Transaction) -> None:
        for one in notes:
            await NOTES.insert(tr, tenant, one)

    await database.run(body)


async def discard(database: Database, id: str, at: int) -> Note | None:
    return await database.run(lambda tr: NOTES.discard(tr, "t", id, at=at))


async def test_a_discarded_record_is_found_by_nothing_but_on_purpose(database: Database) -> None:
    kept, gone = note("kept"), note("gone", title="Emma")
    await store(database, "t", kept, gone)
    discarded = msgspec.structs.replace(gone, deleted_at=7)
    assert await discard(database, "gone", 7) == discarded
    assert await discard(database, "gone", 8) is None
    assert await discard(database, "never", 8) is None

    async def body(tr: Reader) -> None:
        assert await NOTES.get(tr, "t", "gone") is None
        assert await NOTES.get(tr, "t", "gone", deleted=True) == discarded
        assert await NOTES.list(tr, "t") == [kept]
        assert await NOTES.list(tr, "t", limit=1) == [kept]
        assert await NOTES.after(tr, "t", "a", limit=5) == [kept]
        assert (await NOTES.page(tr, "t", None, limit=5)).items == [kept]
        assert await NOTES.by_index(tr, "t", "by_owner_rank", "ada") == [kept]
        assert await NOTES.by_index(tr, "t", "by_title", "Emma") == []
        assert await NOTES.by_index(tr, "t", BY_DELETED.name) == [discarded]

    await database.read(body)


async def test_a_restored_record_is_as_it_was(database: Database) -> None:
    await store(database, "t", note("a", title="Emma"))
    await discard(database, "a", 7)
    for _ in range(2):
        assert await database.run(lambda tr: NOTES.restore(tr, "t", "a")) == note("a", title="Emma")
    assert await database.run(lambda tr: NOTES.restore(tr, "t", "never")) is None
    assert await database.read(lambda tr: NOTES.by_index(tr, "t", BY_DELETED.name)) == []
    assert await database.read(lambda tr: NOTES.by_index(tr, "t", "by_title", "Emma")) == [
        note("a", title="Emma")
    ]


async def test_a_unique_value_that_was_taken_meanwhile_is_not_restored(database: Database) -> None:
    await store(database, "t", note("a", title="Emma"))
    await discard(database, "a", 7)
    await store(database, "t", note("b", title="Emma"))
    with pytest.raises(RecordExists):
        await database.run(lambda tr: NOTES.restore(tr, "t", "a"))
    with pytest.raises(RecordExists):  # the key of a discarded record is not free
        await store(database, "t", note("a"))


async def test_what_was_discarded_long_enough_ago_is_purgeable(database: Database) -> None:
    await store(database, "t", *(note(id) for id in "abcd"))
    for id, at in (("c", 10), ("a", 20), ("b", 30)):
        await discard(database, id, at)

    async def ids(before: int, limit: int) -> str:
        found = await database.read(lambda tr: NOTES.purgeable(tr, "t", before, limit))
        return "".join(one.id for one in found)

    assert [await ids(10, 9), await ids(30, 9), await ids(31, 9), await ids(31, 2)] == ["", "ca", "cab", "ca"]


async def test_purging_takes_what_goes_with_the_record_part_by_part(database: Database) -> None:
    await store(database, "t", note("a"), note("b", owner="a"), note("c", owner="a"), note("d"))
    await discard(database, "a", 7)
    assert not await database.run(lambda tr: NOTES.purge(tr, "t", "a"))
    assert await database.run(lambda tr: NOTES.restore(tr, "t", "a")) is None  # a part of it is gone
    assert await database.read(lambda tr: NOTES.get(tr, "t", "a")) is None
    answers = [await database.run(lambda tr: NOTES.purge(tr, "t", "a")) for _ in range(3)]
    assert answers == [False, True, True]
    assert await database.read(lambda tr: NOTES.list(tr, "t")) == [note("d")]
    assert await database.read(lambda tr: NOTES.get(tr, "t", "a", deleted=True)) is None
    assert await database.read(lambda tr: NOTES.by_index(tr, "t", BY_DELETED.name)) == []


async def test_what_is_purged_in_part_is_hidden_and_purged_first(database: Database) -> None:
    """Also when it was in sight before, as what goes with a user who is erased."""
    await store(database, "t", note("a"), note("b", owner="a"), note("c"))
    await discard(database, "c", 5)
    assert not await database.run(lambda tr: NOTES.purge(tr, "t", "a"))
    assert await database.read(lambda tr: NOTES.by_index(tr, "t", "by_owner_rank", "ada")) == []
    due = await database.read(lambda tr: NOTES.purgeable(tr, "t", 9, 9))
    assert [one.id for one in due] == ["a", "c"]


async def test_a_step_of_purging_takes_what_is_due_and_no_more(database: Database) -> None:
    await store(database, "t", note("a"), note("b", owner="a"), note("c", owner="a"), note("d"), note("e"))
    for id, at in (("a", 1), ("d", 2), ("e", 9)):
        await discard(database, id, at)
    while await purge.step(database, NOTES, "t", 9):
        pass
    left = await database.read(lambda tr: NOTES.scan(tr, "t", limit=0))
    assert [one.id for one in left] == ["e"]


async def test_an_etag_names_a_value(database: Database) -> None:
    await store(database, "t", note("a"))
    first = await database.read(lambda tr: NOTES.get(tr, "t", "a"))
    assert first is not None
    assert NOTES.etag(first) == NOTES.etag(note("a"))
    NOTES.expect(first, None)
    NOTES.expect(first, NOTES.etag(first))
    for other in (note("a", rank=1), note("b"), note("a", title="")):
        assert NOTES.etag(other) != NOTES.etag(first)
        with pytest.raises(Conflict):
            NOTES.expect(other, NOTES.etag(first))


async def test_added_without_reads_is_found_by_every_index(database: Database) -> None:
    async def body(tr: Transaction) -> None:
        LINES.add(tr, "t", Line("1", "b"))
        LINES.add(tr, "t", Line("2", "a"))

    await database.run(body)
    assert await database.read(lambda tr: LINES.by_index(tr, "t", "by_text")) == [
        Line("2", "a"),
        Line("1", "b"),
    ]
    with pytest.raises(TypeError):
        await database.run(_add_unread)


async def _add_unread(tr: Transaction) -> None:
    NOTES.add(tr, "t", note("a"))


def test_soft_delete_needs_its_field() -> None:
    with pytest.raises(TypeError):
        Collection("line", Line, key=("id",), soft_delete=True)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    notes=st.lists(st.tuples(st.sampled_from(["a", "a\x00", "b"]), st.integers(-1, 2), st.booleans())),
    query=st.sampled_from([(None,), ("by_owner_rank",), ("by_owner_rank", "a"), ("by_owner_rank", "a", 0)]),
    limit=st.integers(1, 4),
    reverse=st.booleans(),
)
async def test_pages_together_are_the_whole_answer(
    database: Database,
    notes: list[tuple[str, int, bool]],
    query: tuple[str | None, *tuple[str | int, ...]],
    limit: int,
    reverse: bool,
) -> None:
    tenant, (index, *values) = new_id(), query
    live: list[Note] = []

    async def fill(tr: Transaction) -> None:
        live.clear()
        for i, (owner, rank, discarded) in enumerate(notes):
            one = Note(f"{i:03}", owner, rank, deleted_at=1 if discarded else None)
            await NOTES.insert(tr, tenant, one)
            if not discarded and one.owner in (values[:1] or [owner]) and one.rank in (values[1:] or [rank]):
                live.append(one)

    await database.run(fill)
    if index is not None:
        live.sort(key=lambda one: (one.owner, one.rank, one.id))

    async def next_page(tr: Reader, *, after: str | None) -> Page[Note]:
        return await NOTES.page(tr, tenant, index, *values, limit=limit, after=after, reverse=reverse)

    pages: list[Page[Note]] = []
    after: str | None = None
    while not pages or after is not None:
        page = await database.read(partial(next_page, after=after))
        pages.append(page)
        after = page.next
    assert [len(page.items) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert 0 < len(pages[-1].items) <= limit or not live
    found = [one for page in pages for one in page.items]
    assert found == (live[::-1] if reverse else live)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.text() | st.binary().map(bytes.hex))
async def test_a_cursor_of_anything_else_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await database.read(lambda tr: NOTES.page(tr, "t", None, limit=1, after=cursor))


async def test_a_cursor_of_another_query_is_refused(database: Database) -> None:
    for tenant in ("t", "u"):
        await store(database, tenant, note("a"), note("b"), note("c"))
    first = await database.read(lambda tr: NOTES.page(tr, "t", "by_owner_rank", "ada", limit=1))
    assert first.next is not None

    async def page(tenant: str, index: str | None, *values: str, reverse: bool = False) -> list[Note]:
        found = await database.read(
            lambda tr: NOTES.page(tr, tenant, index, *values, limit=1, after=first.next, reverse=reverse)
        )
        return found.items

    for tenant, index, values, reverse in (
        ("u", "by_owner_rank", ("ada",), False),
        ("t", None, ("ada",), False),
        ("t", "by_owner_rank", (), False),
        ("t", "by_owner_rank", ("ada",), True),
    ):
        with pytest.raises(InvalidCursor):
            await page(tenant, index, *values, reverse=reverse)
    assert await page("t", "by_owner_rank", "ada") == [note("b")]
