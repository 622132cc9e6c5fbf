"""Asking the audit."""

from __future__ import annotations

from functools import partial
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import InvalidCursor
from fdb_provider.models import Audit, new_id
from fdb_provider.repositories import audit
from fdb_provider.repositories.audit import AUDIT, Query

USERS = st.sampled_from(["ada", "bob"])
ACTIONS = st.sampled_from(["session.create", "file.add", "file.update"])
RESOURCES = st.sampled_from(["session/1", "session/1/workspace/a", ""])
TIMES = st.integers(0, 30)
ENTRIES = st.lists(
    st.builds(
        Audit,
        id=st.uuids().map(str),
        at=TIMES,
        user=USERS,
        session=st.just(""),
        action=ACTIONS,
        resource=RESOURCES,
    ),
    max_size=40,
)
QUERIES = st.builds(
    Query,
    user=st.none() | USERS,
    action=st.none() | ACTIONS,
    resource=st.none() | RESOURCES,
    since=st.none() | TIMES,
    until=st.none() | TIMES,
)


async def store(database: Database, tenant: str, entries: list[Audit]) -> None:
    async def body(tr: Transaction) -> None:
        for entry in entries:
            AUDIT.add(tr, tenant, entry)

    await database.run(body)


async def asked(database: Database, tenant: str, query: Query, limit: int) -> list[Audit]:
    """All that a query finds, page by page."""
    found: list[Audit] = []
    after: str | None = None
    while True:
        page = await database.read(partial(audit.find, tenant=tenant, query=query, limit=limit, after=after))
        assert len(page.items) <= limit
        found += page.items
        if page.next is None:
            return found
        after = page.next


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, query=QUERIES, limit=st.integers(1, 7))
async def test_a_query_finds_all_it_asks_for_the_newest_first(
    database: Database, entries: list[Audit], query: Query, limit: int
) -> None:
    tenant = new_id()
    await store(database, tenant, entries)
    await store(database, new_id(), entries)
    found = await asked(database, tenant, query, limit)
    expected = [
        entry
        for entry in entries
        if query.meets(entry)
        and (query.since is None or entry.at >= query.since)
        and (query.until is None or entry.at < query.until)
    ]
    assert sorted(found, key=attrgetter("id")) == sorted(expected, key=attrgetter("id"))
    assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)


async def test_a_page_ends_early_where_little_of_much_is_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fdb_provider.records.queries.SCAN", 20)
    monkeypatch.setattr("fdb_provider.records.queries._CHUNK", 10)
    entries = [Audit(f"{n:03}", n, "ada", "", "file.add", f"{n % 50}") for n in range(100)]
    entries += [Audit("x", 7, "ada", "", "file.update", "rare")]
    await store(database, "t", entries)
    query = Query(user="ada", action="file.update")
    first = await database.read(lambda tr: audit.find(tr, "t", query, limit=5))
    assert first.items == []
    assert first.next is not None
    assert [entry.id for entry in await asked(database, "t", query, 5)] == ["x"]
    with pytest.raises(InvalidCursor):
        await database.read(lambda tr: audit.find(tr, "t", Query(user="bob"), limit=5, after=first.next))


async def test_what_is_old_is_forgotten_step_by_step(database: Database) -> None:
    await store(database, "t", [Audit(f"{n}", n, "ada", "", "file.add", "x") for n in range(10)])
    forgotten: list[int] = []
    while not forgotten or forgotten[-1]:
        forgotten.append(await database.run(lambda tr: audit.forget(tr, "t", 7, limit=3)))
    assert forgotten == [3, 3, 1, 0]
    for query in (Query(), Query(user="ada"), Query(action="file.add"), Query(resource="x")):
        assert [entry.at for entry in await asked(database, "t", query, 2)] == [9, 8, 7]
