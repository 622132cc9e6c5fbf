"""Allocations of pods, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import PodAllocation, new_id
from fdb_provider.repositories import pod_allocations as pods
from fdb_provider.scope import Scope

T = TypeVar("T")


def wanted(scope: Scope, at: int = 1) -> PodAllocation:
    id = new_id()
    return PodAllocation(
        id=id,
        tenant=scope.tenant,
        user=scope.user,
        session=scope.session,
        pod=f"workspace-{id}",
        namespace="ide",
        phase="pending",
        created_at=at,
        heartbeat_at=at,
    )


async def run(database: Database, call: Callable[[Transaction], Awaitable[T]]) -> T:
    async def body(tr: Transaction) -> T:
        return await call(tr)

    return await database.run(body)


async def claim(database: Database, pod: PodAllocation) -> tuple[PodAllocation, bool]:
    return await run(database, lambda tr: pods.claim(tr, pod))


async def test_of_many_that_want_a_pod_for_one_session_one_starts_it(database: Database) -> None:
    scope = Scope("t", "u", "s")
    claims = await asyncio.gather(*(claim(database, wanted(scope)) for _ in range(5)))
    (starts,) = [pod for pod, own in claims if own]
    assert [pod for pod, _ in claims] == [starts] * 5
    assert await claim(database, starts) == (starts, True)
    assert await run(database, lambda tr: pods.of_session(tr, scope)) == starts
    assert await run(database, lambda tr: pods.of_session(tr, Scope("t", "other", "s"))) is None
    assert await run(database, lambda tr: pods.of_session(tr, Scope("other", "u", "s"))) is None
    assert await run(database, lambda tr: pods.release(tr, starts.id)) == starts
    assert await run(database, lambda tr: pods.release(tr, starts.id)) is None
    again = wanted(scope)
    assert await claim(database, again) == (again, True)


async def test_pods_are_found_by_user_node_and_silence(database: Database) -> None:
    scopes = [Scope("t", "u", "1"), Scope("t", "u", "2"), Scope("t", "v", "3"), Scope("w", "u", "1")]
    first, second, third, fourth = [wanted(scope, at) for at, scope in enumerate(scopes)]
    for pod in (first, second, third, fourth):
        await claim(database, pod)
    up = await run(
        database,
        lambda tr: pods.update(tr, second.id, now=9, phase="running", node="n1", address="10.0.0.2:8400"),
    )
    assert (up.phase, up.node, up.address, up.heartbeat_at) == ("running", "n1", "10.0.0.2:8400", 9)
    assert (await run(database, lambda tr: pods.update(tr, second.id, now=8))).heartbeat_at == 9
    other = await run(database, lambda tr: pods.update(tr, fourth.id, now=3, node="n1"))

    assert await run(database, lambda tr: pods.of_user(tr, scopes[0])) == [first, up]
    assert await run(database, lambda tr: pods.of_user(tr, scopes[3])) == [other]
    assert await run(database, lambda tr: pods.silent(tr, "pending", 3, limit=9)) == [first, third]
    assert await run(database, lambda tr: pods.silent(tr, "pending", 9, limit=2)) == [first, third]
    assert await run(database, lambda tr: pods.silent(tr, "running", 9, limit=9)) == []
    assert await run(database, lambda tr: pods.silent(tr, "running", 10, limit=9)) == [up]
    page = await run(database, lambda tr: pods.on_node(tr, "n1", limit=1))
    rest = await run(database, lambda tr: pods.on_node(tr, "n1", limit=9, after=page.next))
    assert {pod.id for pod in page.items + rest.items} == {up.id, other.id}
    assert (await run(database, lambda tr: pods.on_node(tr, "n2", limit=9))).items == []
    with pytest.raises(RecordNotFound):
        await run(database, lambda tr: pods.update(tr, "gone", now=1))
