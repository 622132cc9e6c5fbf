"""Windows learn of what others do to the chats of their session, on whatever gateway these are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient

from fdb_provider.models import new_id
from rpc import RpcError
from rpc.client import Client, Notifications
from tests import fdbserver
from tests.chat.conftest import delete, index, message, read, store
from tests.tenants.conftest import Gateway, Person, serve
from theia_bridge.chat.news import DidChangeChat
from theia_bridge.methods.chat_protocol import Chat, ChatParams, Cleared

pytestmark = pytest.mark.asyncio(loop_scope="module")
TYPES = {"chat.didChange": DidChangeChat}


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("fdb", marks=pytest.mark.fdb)]
)
async def gateways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways of one store; the same one twice where there can be no more."""
    folder = tmp_path_factory.mktemp("gateways")
    made: list[TestClient[web.Request, web.Application]] = []
    if request.param == "embedded":
        made.append(await serve(f"embedded:{folder / 'store'}", folder))
    else:
        cluster: Path = request.getfixturevalue("fdb_cluster")
        fdbserver.empty(cluster)
        made += [await serve(f"fdb:{cluster}", folder) for _ in range(2)]
    yield Gateway(made[0]), Gateway(made[-1])
    for client in made:
        await client.close()


@pytest_asyncio.fixture(loop_scope="module")
async def person(gateways: tuple[Gateway, Gateway]) -> Person:
    return await gateways[0].register()


def elsewhere(person: Person, gateways: tuple[Gateway, Gateway]) -> Person:
    """The same person at the other gateway."""
    return Person(gateways[1], person.signed_in)


async def told(stream: Notifications) -> tuple[str | None, str]:
    async for _, params in stream:
        if isinstance(params, DidChangeChat):
            return params.id, params.change
    raise AssertionError


async def test_other_windows_are_told_and_the_own_is_not(
    person: Person, gateways: tuple[Gateway, Gateway]
) -> None:
    async with person.connect() as mine, elsewhere(person, gateways).connect() as other:
        for client in (mine, other):
            await index(client)
        own, theirs = mine.notifications(TYPES), other.notifications(TYPES)
        await store(mine, "c", message("one"), title="One")
        assert await told(theirs) == ("c", "stored")
        await delete(mine, "c")
        assert await told(theirs) == ("c", "deleted")
        await mine.call("chat.restore", ChatParams(id="c"), Chat)
        assert await told(theirs) == ("c", "restored")
        await person.ask("POST", "/conversations/c/messages", {"role": "user", "content": "x"}, status=201)
        assert await told(theirs) == ("c", "stored")
        assert await told(own) == ("c", "stored"), "of what it did itself nothing came before"
        await mine.call("chat.clear", None, Cleared)
        assert await told(theirs) == (None, "deleted")


async def test_windows_of_other_sessions_and_people_are_not_told(
    person: Person, gateways: tuple[Gateway, Gateway]
) -> None:
    stranger = await person.add()
    async with person.connect() as mine, stranger.connect() as other:
        for client in (mine, other):
            await index(client)
        stream = other.notifications(TYPES)
        await store(mine, "c", message("one"))
        await stranger.ask("POST", "/conversations", {"id": "theirs"}, status=201)
        assert await told(stream) == ("theirs", "stored")


async def test_more_than_are_kept_are_told_as_that(person: Person, gateways: tuple[Gateway, Gateway]) -> None:
    async with person.connect() as mine, elsewhere(person, gateways).connect() as other:
        await index(other)
        stream = other.notifications(TYPES)
        chats = {new_id() for _ in range(60)}
        await asyncio.gather(*(store(mine, chat) for chat in chats))
        seen: set[str | None] = set()
        while seen != chats and None not in seen:
            seen.add((await told(stream))[0])
        assert len(await index(other)) == 60


async def test_two_windows_that_save_at_once_keep_both(
    person: Person, gateways: tuple[Gateway, Gateway]
) -> None:
    """As the IDE does: a save that others were faster than is made again upon what is there."""
    async with person.connect() as mine, elsewhere(person, gateways).connect() as other:
        shared = message("0")
        await store(mine, "both", shared)

        async def write(client: Client, name: str) -> None:
            for n in range(10):
                own = message(f"{name}{n}")
                while True:
                    found = {one.id: one for one in await read(client, "both")}
                    longer = message(
                        found[shared.id].content + name, shared.id, if_match=found[shared.id].etag
                    )
                    try:
                        await store(client, "both", own, longer)
                    except RpcError as error:
                        if error.kind != "Conflict":
                            raise
                    else:
                        break

        await asyncio.gather(write(mine, "a"), write(other, "b"))
        found = await read(mine, "both")
        assert sorted(found[0].content) == sorted("0" + "ab" * 10)
        assert {one.content for one in found[1:]} == {f"{name}{n}" for name in "ab" for n in range(10)}
