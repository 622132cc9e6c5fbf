"""Messages of conversations, on both engines: their order, their ids, their bodies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.errors import InvalidFields
from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import Conflict, ContentDamaged, RecordExists, RecordNotFound
from fdb_provider.models import Audit, WorkspaceSession, new_id
from fdb_provider.repositories import conversations as records
from fdb_provider.repositories import messages, workspace_sessions
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.repositories.messages import BODY_LIMIT, INLINE, MESSAGES, PAGE, PART, Body
from fdb_provider.scope import Actor, Scope
from tests.conversations.conftest import new_user
from theia_bridge.services import conversations
from theia_bridge.services.conversations import Said


async def every(database: Database, actor: Actor, conversation: str, *, limit: int = 200) -> list[Said]:
    """All messages, page by page."""
    found: list[Said] = []
    after: str | None = None
    while True:
        page = await conversations.history(database, actor, conversation, limit=limit, after=after)
        found += page.items
        after = page.next
        if after is None:
            return found


async def begin(database: Database) -> tuple[Actor, str]:
    actor = await new_user(database)
    return actor, (await conversations.create(database, actor)).id


_SEVEN_BITS = bytes(byte & 0x7F for byte in range(256))


def noise(size: int, seed: int = 1) -> str:
    """A text of so many bytes that cannot be compressed by an eighth."""
    return random.Random(seed).randbytes(size).translate(_SEVEN_BITS).decode()


writers = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "hi", "x" * 2 * INLINE, noise(2 * PART)])),
        min_size=1,
        max_size=5,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writers)
async def test_of_messages_that_many_append_at_once_none_is_lost_or_overwritten(
    database: Database, plans: list[list[tuple[str, str]]]
) -> None:
    actor, conversation = await begin(database)

    async def write(plan: Sequence[tuple[str, str]]) -> list[tuple[str, str, int | None]]:
        """Sends each message twice at the same time, as one does that had no answer."""
        results: list[tuple[str, str, int | None]] = []
        for id, content in plan:
            twice = await asyncio.gather(
                *(
                    conversations.append(database, actor, conversation, "user", Body(content), id=id)
                    for _ in range(2)
                ),
                return_exceptions=True,
            )
            positions = {said.message.position for said in twice if isinstance(said, Said)}
            assert all(isinstance(said, Said | RecordExists) for said in twice)
            assert len(positions) <= 1
            refused = [said for said in twice if isinstance(said, RecordExists)]
            assert len(refused) == (0 if positions else 2)
            results.append((id, content, positions.pop() if positions else None))
        return results

    written = await asyncio.gather(*map(write, plans))
    found = await every(database, actor, conversation)
    assert [said.message.position for said in found] == list(range(len(found)))
    stored = {said.message.id: said for said in found}
    assert set(stored) == {id for plan in plans for id, _ in plan}
    for results in written:
        for id, content, position in results:
            if position is None:
                assert stored[id].body.content != content
            else:
                assert (stored[id].body.content, stored[id].message.position) == (content, position)
        first_sent = {id: position for id, _, position in reversed(results) if position is not None}
        others = {id for other in written if other is not results for id, _, _ in other}
        own = [first_sent[id] for id in dict.fromkeys(id for id, _, _ in results) if id not in others]
        assert own == sorted(own)
    described = await conversations.get(database, actor, conversation)
    assert described.messages == len(found)
    assert described.size == sum(said.message.size for said in found)


@pytest.mark.parametrize("content", ["", "Grüße 👋 \x00", "a" * (INLINE + 1), noise(PART), noise(1_000_000)])
@pytest.mark.parametrize("data", [b"null", b'{"a": [1.0, "\\u00e9"]}'])
async def test_a_message_comes_back_as_it_was_given(database: Database, content: str, data: bytes) -> None:
    actor, conversation = await begin(database)
    said = await conversations.append(
        database, actor, conversation, "assistant", Body(content, data), model="echo"
    )
    found = await conversations.read(database, actor, conversation, said.message.id)
    assert found == said
    assert found.body == Body(content, data)
    assert await every(database, actor, conversation) == [said]


async def test_the_longest_message_is_stored_and_one_byte_more_is_refused(database: Database) -> None:
    actor, conversation = await begin(database)
    text = noise(BODY_LIMIT)
    longest = text[: 2 * BODY_LIMIT - messages.prepare(Body(text)).size]
    said = await conversations.append(database, actor, conversation, "user", Body(longest))
    assert (said.message.size, said.message.packed) == (BODY_LIMIT, False)
    assert (await conversations.read(database, actor, conversation, said.message.id)).body.content == longest
    with pytest.raises(InvalidFields, match="8 MiB"):
        await conversations.append(database, actor, conversation, "user", Body(longest + "x"))


async def test_a_page_ends_where_its_messages_are_long(database: Database) -> None:
    actor, conversation = await begin(database)
    sizes = [PAGE // 2, PAGE // 2 - 100, PAGE // 4, PAGE - 100, 10, 10]
    for size in sizes:
        await conversations.append(database, actor, conversation, "user", Body("x" * size))
    pages, after = [], None
    while True:
        page = await conversations.history(database, actor, conversation, limit=3, after=after)
        pages.append([len(said.body.content) for said in page.items])
        after = page.next
        if after is None:
            break
    assert pages == [sizes[:2], sizes[2:3], sizes[3:]]


async def test_messages_are_read_from_both_ends(database: Database) -> None:
    actor, conversation = await begin(database)
    for number in range(5):
        await conversations.append(database, actor, conversation, "user", Body(str(number)))
    last = await conversations.history(database, actor, conversation, limit=2, reverse=True)
    assert [said.body.content for said in last.items] == ["4", "3"]
    before = await conversations.history(
        database, actor, conversation, limit=9, after=last.next, reverse=True
    )
    assert [said.body.content for said in before.items] == ["2", "1", "0"]
    assert before.next is None


async def test_of_two_that_change_a_message_the_second_is_told(database: Database) -> None:
    actor, conversation = await begin(database)
    said = await conversations.append(
        database, actor, conversation, "assistant", Body(noise(3 * PART)), id="answer"
    )
    etag = MESSAGES.etag(said.message)
    results = await asyncio.gather(
        *(
            conversations.replace(database, actor, conversation, "answer", Body(text), if_match=etag)
            for text in ("short", noise(2 * PART, seed=2))
        ),
        return_exceptions=True,
    )
    (won,) = [result for result in results if isinstance(result, Said)]
    assert any(isinstance(result, Conflict) for result in results)
    found = await conversations.read(database, actor, conversation, "answer")
    assert found == won
    assert found.message.position == 0
    assert (await conversations.get(database, actor, conversation)).size == found.message.size
    with pytest.raises(RecordNotFound):
        await conversations.replace(database, actor, conversation, "other", Body(""))


async def test_a_message_follows_one_that_is_there(database: Database) -> None:
    actor, conversation = await begin(database)
    with pytest.raises(RecordNotFound, match="nobody"):
        await conversations.append(database, actor, conversation, "user", Body("a"), parent="nobody")
    await conversations.append(database, actor, conversation, "user", Body("a"), id="first")
    said = await conversations.append(database, actor, conversation, "user", Body("b"), parent="first")
    assert said.message.parent == "first"


async def parts(database: Database, actor: Actor) -> int:
    """How many keys the messages of a user have in the store, in all."""
    scope = actor.scope
    user = keyspace.pack(scope.user)

    async def body(tr: Reader) -> int:
        found = 0
        for prefix in (
            keyspace.records(scope.tenant, "message") + user,
            keyspace.index(scope.tenant, "message", "by_id") + user,
            keyspace.pack(scope.tenant, "message", scope.user),
        ):
            found += len([key async for key, _ in tr.get_range(*keyspace.range_of(prefix))])
        return found

    return await database.read(body)


async def test_a_purged_conversation_leaves_nothing_and_takes_nothing_else(database: Database) -> None:
    actor, kept = await begin(database)
    await conversations.append(database, actor, kept, "user", Body(noise(PART)), id="kept")
    keys = await parts(database, actor)
    # Ids that are not a prefix of each other only by where they end.
    gone = await conversations.create(database, actor, id=f"{kept}0")
    for _ in range(3):
        await conversations.append(database, actor, gone.id, "user", Body(noise(PART)))
    assert await parts(database, actor) > keys
    await conversations.delete(database, actor, gone.id)

    async def purge(tr: Transaction) -> bool:
        return await records.CONVERSATIONS.purge(tr, actor.scope.tenant, actor.scope.user, gone.id)

    assert await database.run(purge)
    assert await parts(database, actor) == keys
    assert [said.message.id for said in await every(database, actor, kept)] == ["kept"]
    with pytest.raises(RecordNotFound):
        await conversations.restore(database, actor, gone.id)


async def test_conversations_go_with_their_session(database: Database) -> None:
    actor, kept = await begin(database)
    other = WorkspaceSession(new_id(), actor.scope.user, "Other", 1, 1)
    scope = Scope(actor.scope.tenant, actor.scope.user, other.id)
    await database.run(lambda tr: workspace_sessions.create(tr, scope.tenant, other))
    for id in ("a", "b", "c", "deleted"):
        await conversations.create(database, Actor(scope), id=id)
        await conversations.append(database, actor, id, "user", Body(noise(PART)))
    await conversations.delete(database, actor, "deleted")
    counts = [await database.run(lambda tr: records.purge_session(tr, scope, limit=2)) for _ in range(3)]
    assert counts == [2, 1, 0]
    assert [one.id for one in (await conversations.page(database, actor, limit=9)).items] == [kept]
    # What was deleted before has its own time, but the session it would come back to is no more.
    assert (await conversations.restore(database, actor, "deleted")).session == other.id
    await conversations.delete(database, actor, "deleted")
    await database.run(lambda tr: workspace_sessions.SESSIONS.delete(tr, scope.tenant, other.id))
    with pytest.raises(RecordNotFound, match="session"):
        await conversations.restore(database, actor, "deleted")


async def test_a_message_whose_parts_are_gone_is_told_as_damaged(database: Database) -> None:
    actor, conversation = await begin(database)
    await conversations.append(database, actor, conversation, "user", Body(noise(2 * PART)), id="torn")
    await conversations.append(database, actor, conversation, "user", Body("whole"), id="whole")
    lost = keyspace.message_parts(actor.scope.tenant, actor.scope.user, conversation) + keyspace.pack(0, 1)

    async def tear(tr: Transaction) -> None:
        assert await tr.get(lost) is not None
        tr.clear(lost)

    await database.run(tear)
    with pytest.raises(ContentDamaged, match="torn"):
        await conversations.read(database, actor, conversation, "torn")
    assert (await conversations.read(database, actor, conversation, "whole")).body.content == "whole"


async def test_every_change_is_in_the_audit_once_and_without_contents(database: Database) -> None:
    actor, conversation = await begin(database)
    for _ in range(2):
        await conversations.create(database, actor, id=conversation)
        await conversations.append(database, actor, conversation, "user", Body("a secret"), id="m")
    await conversations.replace(database, actor, conversation, "m", Body("another secret"))
    with pytest.raises(Conflict):
        await conversations.delete(database, actor, conversation, if_match="x")
    await conversations.delete(database, actor, conversation)
    for _ in range(2):
        await conversations.restore(database, actor, conversation)

    async def body(tr: Reader) -> list[Audit]:
        return await AUDIT.by_index(tr, actor.scope.tenant, "by_user_time", actor.scope.user)

    entries = await database.read(body)
    assert sorted(entry.action for entry in entries) == [
        "conversation.create",
        "conversation.delete",
        "conversation.restore",
        "message.create",
        "message.update",
    ]
    assert {entry.resource for entry in entries} == {f"conversation/{conversation}"}
    assert "secret" not in str(entries)


async def test_another_user_has_other_conversations_and_messages(database: Database) -> None:
    actor, conversation = await begin(database)
    await conversations.append(database, actor, conversation, "user", Body("mine"), id="m")
    for other in (await new_user(database, tenant=actor.scope.tenant), await new_user(database)):
        for attempt in (
            conversations.get(database, other, conversation),
            conversations.history(database, other, conversation, limit=9),
            conversations.read(database, other, conversation, "m"),
            conversations.append(database, other, conversation, "user", Body("theirs")),
            conversations.replace(database, other, conversation, "m", Body("theirs")),
            conversations.delete(database, other, conversation),
            conversations.restore(database, other, conversation),
        ):
            with pytest.raises(RecordNotFound):
                await attempt
        # The same id is free for them.
        await conversations.create(database, other, id=conversation)
        assert await every(database, other, conversation) == []
    assert [said.body.content for said in await every(database, actor, conversation)] == ["mine"]
    assert (await conversations.create(database, actor, id=new_id())).messages == 0
