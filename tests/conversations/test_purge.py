"""What was deleted goes for good after its time, and not before; on both engines."""

from __future__ import annotations

import pytest

from fdb_provider.engine import Database
from fdb_provider.files import content
from fdb_provider.files.collector import Collector
from fdb_provider.files.retention import DAY, Retention
from fdb_provider.files.service import FileService
from fdb_provider.fsck import check
from fdb_provider.repositories import accounts
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.messages import MESSAGES, Body
from fdb_provider.scope import Actor
from theia_bridge.services import conversations

RETENTION = Retention(trash=30 * DAY)


@pytest.fixture
async def actor(database: Database) -> Actor:
    new = accounts.registration("ada@example.com", "Ada", "hash")
    await database.run(lambda tr: accounts.register(tr, new))
    return Actor(new.scope)


async def collect(database: Database) -> None:
    """A whole pass."""
    files = FileService(database, retention=RETENTION)
    collector = Collector(database, files, RETENTION, every=0, pause=0)
    while await collector.step():
        pass
    await files.close()


async def test_what_was_deleted_is_purged_after_its_time_with_all_that_goes_with_it(
    database: Database, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, now = actor.scope.tenant, content.now()
    kept, restored, gone = [(await conversations.create(database, actor)).id for _ in range(3)]
    for one in (kept, restored, gone):
        for text in ("hi", "x" * 100_000):
            await conversations.append(database, actor, one, "user", Body(text))
    for one in (restored, gone):
        await conversations.delete(database, actor, one)

    async def left() -> tuple[set[str], set[str]]:
        found = await database.read(lambda tr: CONVERSATIONS.scan(tr, tenant, limit=0))
        said = await database.read(lambda tr: MESSAGES.scan(tr, tenant, limit=0))
        return {one.id for one in found}, {one.conversation for one in said}

    monkeypatch.setattr(content, "now", lambda: now + 29 * DAY)
    await collect(database)
    assert await left() == ({kept, restored, gone}, {kept, restored, gone})
    await conversations.restore(database, actor, restored)
    monkeypatch.setattr(content, "now", lambda: now + 31 * DAY)
    await collect(database)
    assert await left() == ({kept, restored}, {kept, restored})
    assert (await check(database)).found == []
