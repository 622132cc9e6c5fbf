"""fsck finds what is wrong with conversations, on both engines."""

from __future__ import annotations

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.fsck import Report, check
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.messages import MESSAGES, Body
from fdb_provider.scope import Actor
from tests.conversations.conftest import new_user
from tests.conversations.test_messages import noise
from theia_bridge.services import conversations


@pytest.fixture
async def actor(database: Database) -> Actor:
    """A user with a conversation `c` of three messages, and a deleted one."""
    actor = await new_user(database)
    for id in ("c", "deleted"):
        await conversations.create(database, actor, id=id)
        for message, content in [("a", "short"), ("b", noise(200_000)), ("c", noise(10_000))]:
            await conversations.append(database, actor, id, "user", Body(content), id=message)
    await conversations.delete(database, actor, "deleted")
    return actor


def found(report: Report) -> list[tuple[str, str]]:
    return sorted((finding.kind, finding.subject.partition(" of ")[0]) for finding in report.found)


async def test_healthy_conversations_are_clean(database: Database, actor: Actor) -> None:
    assert found(await check(database, deep=True)) == []


async def test_what_messages_say_is_compared_with_what_was_saved(database: Database, actor: Actor) -> None:
    scope = actor.scope
    parts = keyspace.message_parts(scope.tenant, scope.user, "c")

    async def damage(tr: Transaction) -> None:
        part = parts + keyspace.pack(1, 1)
        value = await tr.get(part)
        assert value is not None
        tr.set(part, bytes(reversed(value)))
        tr.clear(parts + keyspace.pack(2, 0))
        await MESSAGES.delete(tr, scope.tenant, scope.user, "c", 0)

    await database.run(damage)
    assert found(await check(database)) == []
    assert found(await check(database, deep=True)) == [
        ("content damaged", "message 1"),
        ("content damaged", "message 2"),
        ("content missing", "message 1"),
    ]


async def test_a_wrong_count_is_repaired_so_that_messages_can_be_added(
    database: Database, actor: Actor
) -> None:
    scope = actor.scope
    await conversations.append(database, actor, "c", "user", Body("last"), id="d")

    async def damage(tr: Transaction) -> None:
        await MESSAGES.delete(tr, scope.tenant, scope.user, "c", 3)

    await database.run(damage)
    report = await check(database, repair=True)
    assert found(report) == [("wrong count of messages", "conversation c")]
    assert report.clean
    added = await conversations.append(database, actor, "c", "user", Body("again"), id="d")
    assert added.message.position == 3
    assert found(await check(database, deep=True)) == []


async def test_messages_without_their_conversation_are_told_and_kept(
    database: Database, actor: Actor
) -> None:
    scope = actor.scope

    async def damage(tr: Transaction) -> None:
        for id in ("c", "deleted"):
            await CONVERSATIONS.delete(tr, scope.tenant, scope.user, id)

    await database.run(damage)
    report = await check(database, repair=True)
    assert found(report) == [
        ("messages without conversation", "conversation c"),
        ("messages without conversation", "conversation deleted"),
    ]
    assert not report.clean
    assert len(await database.read(lambda tr: MESSAGES.list(tr, scope.tenant, scope.user, "c"))) == 3
