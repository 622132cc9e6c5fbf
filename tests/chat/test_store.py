"""Chats are saved bit by bit, by several windows, and nothing that was acknowledged is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from rpc import RpcError
from rpc.client import Client
from tests.chat.conftest import conflict, delete, index, message, read, store
from tests.tenants.conftest import Gateway, Person
from theia_bridge.methods.chat_protocol import (
    AgentList,
    AgentListParams,
    Chat,
    ChatContent,
    ChatParams,
    ChatReadParams,
    Cleared,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIB = 1024 * 1024


@pytest_asyncio.fixture(loop_scope="module")
async def person(gateway: Gateway) -> Person:
    return await gateway.register()


@pytest_asyncio.fixture(loop_scope="module")
async def client(person: Person) -> AsyncIterator[Client]:
    async with person.connect() as connected:
        yield connected


async def test_a_chat_comes_back_as_it_was_stored_and_rest_shows_the_same(
    client: Client, person: Person
) -> None:
    data = '{"b": 1.50, "a":"\\u00e9"}'
    question = message("Which tree?", data=data)
    answer = message("A fir.", role="assistant", parent=question.id, model="echo")
    stored = await store(client, "c1", question, answer, title="Trees", agent="Coder", metadata='{"x": 1}')
    assert (stored.chat.title, stored.chat.agent, stored.chat.metadata) == ("Trees", "Coder", '{"x": 1}')
    found = await read(client, "c1")
    assert [(one.id, one.role, one.content, one.parent, one.model) for one in found] == [
        (question.id, "user", "Which tree?", None, None),
        (answer.id, "assistant", "A fir.", question.id, "echo"),
    ]
    assert found[0].data == data
    assert {one.id: one.etag for one in found} == stored.etags
    assert await index(client) == [stored.chat]
    shown = (await person.ask("GET", "/conversations/c1/messages"))["items"]
    assert [one["content"] for one in shown] == ["Which tree?", "A fir."]
    audit = (await person.ask("GET", "/audit?resource=conversation/c1"))["items"]
    told = {(one["action"], one["count"]) for one in audit}
    assert told == {("message.create", 2), ("conversation.create", 1)}


async def test_a_save_can_be_sent_again_and_changes_nothing(client: Client) -> None:
    question = message("Which tree?")
    first = await store(client, "again", question, title="Trees")
    assert await store(client, "again", question, title="Trees") == first
    longer = msgspec.structs.replace(question, content="Which two?", if_match=first.etags[question.id])
    second = await store(client, "again", longer, title="Two", if_match=first.chat.etag)
    assert await store(client, "again", longer, title="Two", if_match=first.chat.etag) == second
    assert [one.content for one in await read(client, "again")] == ["Which two?"]


async def test_two_windows_keep_both_their_messages(client: Client, person: Person) -> None:
    await store(client, "both", title="Both")
    async with person.connect() as other:
        await store(client, "both", message("one"))
        await store(other, "both", message("two"))
    assert [one.content for one in await read(client, "both")] == ["one", "two"]


async def test_what_another_window_changed_is_named_and_nothing_is_saved(client: Client) -> None:
    said = message("first")
    before = await store(client, "named", said, title="One")
    theirs = msgspec.structs.replace(said, content="theirs", if_match=before.etags[said.id])
    now = await store(client, "named", theirs, title="Theirs", if_match=before.chat.etag)
    mine = msgspec.structs.replace(said, content="mine", if_match=before.etags[said.id])
    error = await conflict(client, "named", message("new"), mine, title="Mine", if_match=before.chat.etag)
    assert error.data["messages"] == {said.id: now.etags[said.id]}
    assert error.data["chat"] == now.chat.etag
    assert [one.content for one in await read(client, "named")] == ["theirs"]
    error = await conflict(client, "named", message("gone", if_match="an-etag"))
    assert list(error.data["messages"].values()) == [None]  # type: ignore[attr-defined]
    error = await conflict(client, "named", title="Mine")
    assert "title" in error.message


async def test_fields_that_are_left_out_stay(client: Client) -> None:
    stored = await store(client, "fields", title="One", agent="Coder", metadata='{"a":1}')
    renamed = await store(client, "fields", title="Two", if_match=stored.chat.etag)
    assert (renamed.chat.agent, renamed.chat.metadata) == ("Coder", '{"a":1}')
    bare = await store(client, "fields", agent=None, if_match=renamed.chat.etag)
    assert (bare.chat.title, bare.chat.agent) == ("Two", None)


async def test_only_what_has_changed_is_read_again(client: Client) -> None:
    said = [message(str(n) * 10_000) for n in range(5)]
    stored = await store(client, "known", *said)
    known = dict(stored.etags)
    assert await read(client, "known", known) == []
    changed = msgspec.structs.replace(said[3], content="3" * 20_000, if_match=known[said[3].id])
    await store(client, "known", changed)
    del known[said[0].id]
    found = await read(client, "known", known)
    assert [(one.position, len(one.content)) for one in found] == [(0, 10_000), (3, 20_000)]


async def test_a_long_chat_is_stored_and_read_in_parts(client: Client) -> None:
    said = [message(f"{n:04}" * (50 * 1024)) for n in range(25)]
    for n in range(0, 25, 5):
        await store(client, "long", *said[n : n + 5])
    page = await client.call("chat.read", ChatReadParams(id="long"), ChatContent)
    assert 0 < sum(len(one.content) for one in page.messages) <= MIB
    assert page.next is not None
    found = await read(client, "long")
    assert [one.content for one in found] == [one.content for one in said]
    before = {one.id: one.etag for one in found}
    stored = await store(client, "long", message("one more"))
    assert stored.chat.messages == 26
    assert {one.id: one.etag for one in (await read(client, "long"))[:25]} == before


@pytest.mark.parametrize(
    ("content", "data", "names"),
    [
        ("x" * (8 * MIB), "null", "too long"),
        ("é" * (4 * MIB), "null", "too long"),
        ("x", "{", "no JSON"),
        ("x", "[" * 2000, "no JSON"),
        ("x", "", "no JSON"),
    ],
)
async def test_what_cannot_be_stored_is_named(client: Client, content: str, data: str, names: str) -> None:
    with pytest.raises(RpcError, match=names) as caught:
        await store(client, "wrong", message(content, "m-wrong", data=data))
    assert caught.value.kind == "InvalidFields"
    assert "m-wrong" in caught.value.message
    assert "wrong" not in [one.id for one in await index(client)]


async def test_many_that_are_too_long_together_are_sent_in_several_calls(client: Client) -> None:
    said = [message("x" * (3 * MIB)) for _ in range(3)]
    with pytest.raises(RpcError, match="several calls"):
        await store(client, "several", *said)
    for one in said:
        await store(client, "several", one)
    assert len(await read(client, "several")) == 3


async def test_halves_of_characters_that_browsers_write_are_replaced(client: Client) -> None:
    data = r'["\ud83d\ude00", "\ud83d", "\ude00x", "\\ud83d", "\\\ud83d", "\\ud83d\ude00"]'
    said = message("x", data=data)
    await store(client, "halves", said, metadata=r'{"a":"\uD83D"}')
    (found,) = await read(client, "halves")
    assert found.data == r'["\ud83d\ude00", "\ufffd", "\ufffdx", "\\ud83d", "\\\ufffd", "\\ud83d\ufffd"]'
    assert (await index(client))[0].metadata == r'{"a":"\ufffd"}'
    await store(client, "halves", said)


async def test_metadata_are_a_small_object(client: Client) -> None:
    for metadata in ("[]", "{", '"x"', f'{{"x":"{"x" * 17_000}"}}', "[" * 5000):
        with pytest.raises(RpcError) as caught:
            await store(client, "metadata", metadata=metadata)
        assert caught.value.kind == "InvalidFields"


async def test_a_message_follows_one_that_is_there(client: Client) -> None:
    with pytest.raises(RpcError, match="to follow") as caught:
        await store(client, "parent", message("x", parent="nobody"))
    assert caught.value.kind == "NotFound"
    twice = message("x")
    with pytest.raises(RpcError, match="once"):
        await store(client, "parent", twice, twice)


async def test_a_deleted_chat_is_not_brought_back_by_a_save(client: Client) -> None:
    stored = await store(client, "deleted", message("kept"), title="One")
    await delete(client, "deleted")
    for fields in ({}, {"if_match": stored.chat.etag}):
        with pytest.raises(RpcError) as caught:
            await store(client, "deleted", message("late"), **fields)
        assert caught.value.kind == "NotFound"
    with pytest.raises(RpcError) as caught:
        await store(client, "never-there", message("late"), if_match=stored.chat.etag)
    assert caught.value.kind == "NotFound"
    restored = await client.call("chat.restore", ChatParams(id="deleted"), Chat)
    assert restored == stored.chat
    assert [one.content for one in await read(client, "deleted")] == ["kept"]


async def test_clear_deletes_the_chats_of_this_session_alone(client: Client, person: Person) -> None:
    session = (await person.ask("POST", "/sessions", {"name": "Other"}, status=201))["id"]
    await person.ask("POST", "/conversations", {"id": "elsewhere", "session": session}, status=201)
    for n in range(3):
        await store(client, f"clear-{n}", message("x"))
    cleared = await client.call("chat.clear", None, Cleared)
    assert cleared.deleted >= 3
    assert await index(client) == []
    assert [one.id for one in await index(client, all_sessions=True)] == ["elsewhere"]
    assert [one.id for one in await index(client, session=session)] == ["elsewhere"]


async def test_search_finds_titles_and_messages_in_all_sessions(client: Client) -> None:
    await store(client, "found-1", title="The Linden tree")
    await store(client, "found-2", message("a linden here"))
    await store(client, "found-3", message("an oak"))
    found = await index(client, all_sessions=True, q="linden")
    assert {one.id for one in found} == {"found-1", "found-2"}


async def test_a_viewer_reads_and_stores_nothing(person: Person) -> None:
    viewer = await person.add("viewer")
    async with viewer.connect() as connected:
        assert await index(connected) == []
        with pytest.raises(RpcError) as caught:
            await store(connected, "mine", message("x"))
        assert caught.value.kind == "NoPermissions"


async def test_others_do_not_see_a_chat_and_may_have_one_with_its_id(client: Client, person: Person) -> None:
    await store(client, "shared-id", message("mine"))
    other = await person.add()
    async with other.connect() as connected:
        with pytest.raises(RpcError) as caught:
            await read(connected, "shared-id")
        assert caught.value.kind == "NotFound"
        await store(connected, "shared-id", message("theirs"))
    assert [one.content for one in await read(client, "shared-id")] == ["mine"]


async def test_agents_are_those_of_the_tenant(client: Client, person: Person) -> None:
    made = await person.ask(
        "POST", "/agents", {"name": "Reviewer", "prompt": "You review.", "tools": ["t"]}, status=201
    )
    found = await client.call("agents.list", AgentListParams(), AgentList)
    assert [(one.id, one.name, one.prompt, one.tools) for one in found.agents] == [
        (made["id"], "Reviewer", "You review.", ["t"])
    ]
