"""Changes of files in the audit."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdb_provider import keyspace
from fdb_provider.engine import Database
from fdb_provider.files import audited, content, feed
from fdb_provider.files.retention import DAY, Retention
from fdb_provider.files.service import FileService
from fdb_provider.models import Audit, new_id
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.scope import Scope

FORGETFUL = Retention(feed=0, feed_records=3)
"""Keeps no change for watchers that it need not keep."""


@pytest.fixture
def scope() -> Scope:
    return Scope(new_id(), new_id(), new_id())


async def told(database: Database, tenant: str) -> list[Audit]:
    return await database.read(lambda tr: AUDIT.by_index(tr, tenant, "by_time"))


async def counted(database: Database, scope: Scope) -> Counter[tuple[str, str]]:
    """How often each action was done to each path."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry in await told(database, scope.tenant):
        owner = f"session/{scope.session}" if "/workspace/" in entry.resource else f"user/{scope.user}"
        counts[entry.action, entry.resource.removeprefix(owner)] += entry.count
    return counts


async def test_changes_are_told_with_who_where_and_how_often(database: Database, scope: Scope) -> None:
    files = FileService(database)
    await files.create_directory(scope, "/workspace/src")
    for text in (b"1", b"2", b"3"):
        await files.write(scope, "/workspace/src/a.py", text)
    await files.write(scope, "/home/keys.json", b"{}")
    await files.rename(scope, "/workspace/src/a.py", "/workspace/src/b.py")
    await files.delete(scope, "/workspace/src", recursive=True, to_trash=True)
    (trash_id, _), *_ = await files.trash.list(scope)
    await files.trash.restore(scope, trash_id)
    await files.delete(scope, "/workspace/src/b.py", to_trash=True)
    (trash_id, _), *_ = await files.trash.list(scope)
    await files.trash.delete(scope, trash_id)
    await files.tell_audit(scope)
    found = await told(database, scope.tenant)
    assert {entry.user for entry in found} == {scope.user}
    assert all(entry.session == ("" if "/home/" in entry.resource else scope.session) for entry in found)
    assert await counted(database, scope) == {
        ("file.add", "/workspace/src"): 2,
        ("file.add", "/workspace/src/a.py"): 1,
        ("file.update", "/workspace/src/a.py"): 2,
        ("file.delete", "/workspace/src/a.py"): 1,
        ("file.add", "/workspace/src/b.py"): 1,
        ("file.delete", "/workspace/src"): 1,
        ("file.delete", "/workspace/src/b.py"): 1,
        ("trash.delete", "/workspace/src/b.py"): 1,
        ("file.add", "/home/keys.json"): 1,
    }
    assert len([entry for entry in found if entry.action == "file.update"]) == 1, "two saves, one entry"


async def test_emptying_the_trash_is_told_once_with_how_much(database: Database, scope: Scope) -> None:
    files = FileService(database)
    for name in ("/workspace/a", "/home/b"):
        await files.write(scope, name, b"")
        await files.delete(scope, name, to_trash=True)
    assert await files.trash.empty(scope) == 2
    assert await files.trash.empty(scope) == 0
    (entry,) = await told(database, scope.tenant)
    assert (entry.action, entry.count) == ("trash.empty", 2)


async def test_saves_far_apart_are_told_apart(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FileService(database)
    times = [1000, 2000, 3000 + audited.CLOSE, 4000 + audited.CLOSE]
    for now in times:
        monkeypatch.setattr(content, "now", lambda now=now: now)
        await files.write(scope, "/workspace/a", b"%d" % now)
    await files.tell_audit(scope)
    found = await told(database, scope.tenant)
    assert [(entry.action, entry.at, entry.count) for entry in found] == [
        ("file.add", times[0], 1),
        ("file.update", times[1], 1),
        ("file.update", times[3], 2),
    ]


async def test_many_who_drain_at_once_tell_each_change_once(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited, "BATCH", 7)
    gateways = [FileService(database) for _ in range(4)]

    async def save(gateway: FileService, name: str) -> None:
        for n in range(25):
            await gateway.write(scope, f"/workspace/{name}", b"%d" % n)

    async def drain(gateway: FileService) -> None:
        for _ in range(15):
            await gateway.tell_audit(scope)

    await asyncio.gather(
        *(save(gateway, f"{i}") for i, gateway in enumerate(gateways)), *(map(drain, gateways))
    )
    await gateways[0].tell_audit(scope)
    expected = {("file.add", f"/workspace/{i}"): 1 for i in range(4)}
    expected |= {("file.update", f"/workspace/{i}"): 24 for i in range(4)}
    assert await counted(database, scope) == expected


async def test_the_feed_is_not_trimmed_beyond_what_was_told(database: Database, scope: Scope) -> None:
    files = FileService(database)
    root = keyspace.root(scope, "workspace")
    later = content.now() + DAY
    await files.write(scope, "/workspace/a", b"")
    assert await feed.trim(database, root, later, FORGETFUL) == 0
    await audited.drain(database, scope, "workspace")
    await files.write(scope, "/workspace/b", b"")
    assert await feed.trim(database, root, later, FORGETFUL) == 1
    await files.tell_audit(scope)
    assert await counted(database, scope) == {
        ("file.add", "/workspace/a"): 1,
        ("file.add", "/workspace/b"): 1,
    }


STEPS = st.lists(st.sampled_from(["save", "other", "drain", "trim", "sweep"]), max_size=40)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_is_done_in_between_no_change_is_lost_or_told_twice(
    database: Database, steps: list[str]
) -> None:
    scope = Scope(new_id(), new_id(), new_id())
    files = FileService(database, retention=FORGETFUL)
    made: Counter[tuple[str, str]] = Counter()
    for n, step in enumerate(steps):
        if step in ("save", "other"):
            entry = await files.write(scope, f"/workspace/{step}", b"%d" % n)
            made["file.add" if entry.ctime == entry.mtime else "file.update", f"/workspace/{step}"] += 1
        elif step == "drain":
            await audited.drain(database, scope, "workspace")
        elif step == "trim":
            await feed.trim(database, keyspace.root(scope, "workspace"), content.now() + DAY, FORGETFUL)
        else:
            await files.sweep(scope)
    await files.tell_audit(scope)
    assert await counted(database, scope) == made


async def test_who_is_behind(database: Database) -> None:
    tenant, user = new_id(), new_id()
    scopes = [Scope(tenant, user, new_id()) for _ in range(5)]
    files = FileService(database)
    for scope in scopes[1:4]:
        await files.write(scope, "/workspace/a", b"")
    await files.tell_audit(scopes[2])
    assert await database.read(lambda tr: audited.behind(tr, scopes, "workspace")) == [scopes[1], scopes[3]]
    assert await database.read(lambda tr: audited.behind(tr, scopes, "home")) == []
