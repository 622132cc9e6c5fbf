"""Random changes, several at once, by programs of two versions, while indexes are built; on both engines.

Whatever happens, the records and their indexes agree, unique values are unique, and every query answers what
the records say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from fdb_provider.engine import Database, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.errors import RecordExists
from fdb_provider.indexes import catalogue, filling
from fdb_provider.indexes.builder import Builder
from fdb_provider.models import new_id
from fdb_provider.records import Collection, Index
from fdb_provider.store import Store
from tests.records.support import entries

T = TypeVar("T")
TENANTS = st.sampled_from(["", "a", "b"])


class Item(msgspec.Struct, frozen=True):
    id: str
    rank: int
    group: str | None = None
    label: str | None = None
    tags: tuple[str, ...] = ()
    deleted_at: int | None = None


BY_GROUP = Index("by_group", ("group",))
BY_RANK = Index("by_rank_group", ("rank", "group"))
BY_TAG = Index("by_tag", ("group", "tags"), each="tags")
BY_LABEL = Index("by_label", ("label",), unique=True)

ITEMS = st.builds(
    Item,
    id=st.sampled_from(["0", "0\x00", "1", "2", "3", "4", "5"]),
    rank=st.integers(-1, 1),
    group=st.sampled_from([None, "", "x", "x\x00"]),
    label=st.sampled_from([None, None, "l", "m", "n"]),
    tags=st.sampled_from([(), ("t",), ("t", "u"), ("u", "t", "u")]),
)
CHANGES = st.tuples(
    st.sampled_from(["insert", "put", "put", "discard", "restore", "delete", "purge"]), TENANTS, ITEMS
)


class World:
    """An engine, and the loop that it is driven on."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self.db: Database = self.run(open_database(url))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self.db.close())
        self._runner.close()


class Machine(RuleBasedStateMachine):
    """One collection, which two programs have declared differently."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        name = new_id()  # every example has records of its own
        self.old = self._declared(name, BY_GROUP)
        self.new = self._declared(name, BY_GROUP, BY_RANK, BY_TAG, BY_LABEL)
        self.tick = 0

    @staticmethod
    def _declared(name: str, *indexes: Index) -> Collection[Item]:
        return Collection(name, Item, key=("id",), indexes=indexes, soft_delete=True)

    @initialize(newer=st.booleans())
    def start(self, newer: bool) -> None:
        self._be(self.new if newer else self.old)

    @rule()
    def upgrade(self) -> None:
        self._be(self.new)

    @rule()
    def downgrade(self) -> None:
        """Records get no entries in the newer program's indexes, and two may have one label."""
        self._be(self.old)

    def _be(self, collection: Collection[Item]) -> None:
        self.collection = collection
        self.store = Store(self.world.db, shared=False, collections=(collection,))
        self.world.run(self.store.open())
        self.builder = self._another_builder()

    def _another_builder(self) -> Builder:
        return Builder(self.store, (self.collection,), settle=0, lease=0, again=3_600_000)

    @rule(change=CHANGES)
    def change_one(self, change: tuple[str, str, Item]) -> None:
        self.world.run(self._change(*change))

    @rule(changes=st.lists(CHANGES, min_size=2, max_size=8), builders=st.integers(0, 2))
    def change_several_at_once(self, changes: list[tuple[str, str, Item]], builders: int) -> None:
        async def together() -> None:
            steps = [self._another_builder().step() for _ in range(builders)]
            await asyncio.gather(*(self._change(*change) for change in changes), *steps)

        self.world.run(together())

    @rule(steps=st.integers(1, 6))
    def build(self, steps: int) -> None:
        async def body() -> None:
            for _ in range(steps):
                await self.builder.step()

        self.world.run(body())

    @rule()
    def build_all(self) -> None:
        async def body() -> None:
            while await self.builder.step():
                pass

        self.world.run(body())

    async def _change(self, how: str, tenant: str, item: Item) -> None:
        collection = self.collection
        self.tick += 1
        at = self.tick

        async def body(tr: Transaction) -> None:
            match how:
                case "insert":
                    await collection.insert(tr, tenant, item)
                case "put":
                    await collection.put(tr, tenant, item)
                case "discard":
                    await collection.discard(tr, tenant, item.id, at=at)
                case "restore":
                    await collection.restore(tr, tenant, item.id)
                case "delete":
                    await collection.delete(tr, tenant, item.id)
                case _:
                    await collection.purge(tr, tenant, item.id)

        with suppress(RecordExists):
            await self.store.run(body)

    @invariant()
    def agree(self) -> None:
        self.world.run(self._agree())

    async def _agree(self) -> None:
        jobs = await self.store.read(catalogue.jobs)
        building = [job.name for job in jobs if job.collection == self.collection.name]
        for tenant in ("", "a", "b"):
            records = await self.store.read(partial(self.collection.scan, tenant=tenant, limit=0))
            if not building:
                await entries(self.store, tenant, self.collection)
            live = [one for one in records if one.deleted_at is None]
            labels = [one.label for one in live if one.label is not None]
            if self.collection is self.new and "by_label" not in building:
                assert len(set(labels)) == len(labels)
            for index in self.collection.indexes.values():
                await self._check_query(tenant, index, records)

    async def _check_query(self, tenant: str, index: Index, records: list[Item]) -> None:
        collection = self.collection
        expected = [(key, one) for one in records for key, _ in collection.entries(tenant, index, one)]
        expected.sort(key=lambda pair: (pair[0], pair[1].id.encode()))
        found = await self.store.read(lambda tr: collection.by_index(tr, tenant, index.name))
        assert found == [one for _, one in expected]


@contextmanager
def small_steps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "ROWS", 3)
        patch.setattr(filling, "TENANTS", 2)
        yield


def test_records_and_indexes_never_disagree(store_url: str) -> None:
    world = World(store_url)
    machine = type("Machine", (Machine,), {"world": world})
    try:
        with small_steps():
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=25 if store_url.startswith("embedded") else 12,
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    finally:
        world.close()
