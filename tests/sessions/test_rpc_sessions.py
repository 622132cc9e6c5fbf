"""`sessions.*`, and requests that name the session they are for."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from websockets.exceptions import InvalidStatus

from auth.runtimes import AUDIENCE, RuntimeSignIns
from auth.tokens import Tokens
from fdb_provider.fsck.check import check
from rpc import ChannelClosed, RpcError
from rpc.client import Client, Notifications
from tests.sessions.test_rest_sessions import make
from tests.tenants.conftest import Gateway, Person
from theia_bridge.methods.protocol import Renewed, RenewParams, Stat, WorkspaceInfo, WriteFileParams
from theia_bridge.methods.registry import build_registry
from theia_bridge.methods.session_changes import DID_CHANGE
from theia_bridge.methods.sessions_protocol import (
    CreateSessionParams,
    ForkSessionParams,
    ListSessionsParams,
    RelatedSessions,
    RelatedSessionsParams,
    Session,
    SessionList,
    SessionParams,
    UpdateSessionParams,
)
from theia_bridge.state import DOORS, KEYS, SETTINGS

pytestmark = pytest.mark.asyncio(loop_scope="module")


def within(person: Person, session: str) -> AbstractAsyncContextManager[Client]:
    """An RPC channel with a token for one session that is to be for another."""
    url = str(person.gateway.client.make_url("/ws/rpc")).replace("http", "ws", 1)
    return Client.connect(f"{url}?session={session}", token=person.token)


async def listed(client: Client, **params: Any) -> list[str]:
    found = await client.call("sessions.list", ListSessionsParams(**params), SessionList)
    return [one.name for one in found.items]


async def write(client: Client, path: str) -> None:
    await client.call("fs.writeFile", WriteFileParams(path=path, content=b"12345", create=True), Stat)


async def refused(client: Client, kind: str, method: str, params: msgspec.Struct | None = None) -> str:
    with pytest.raises(RpcError) as caught:
        await client.call(method, params)
    assert caught.value.kind == kind, caught.value
    return caught.value.message


async def test_a_session_from_its_beginning_to_its_end(gateway: Gateway) -> None:
    ada = await gateway.register()
    async with ada.connect() as client:
        create = CreateSessionParams(name="Trees", tags=["oak"], description="All about them.")
        made = await client.call("sessions.create", create, Session)
        assert (made.name, made.tags, made.description) == ("Trees", ["oak"], "All about them.")
        assert (made.bytes, made.files, made.deleted_at) == (0, 0, None)
        this = SessionParams(session=made.id)
        assert await client.call("sessions.get", this, Session) == made

        # What is left out stays.
        renamed = await client.call(
            "sessions.update", UpdateSessionParams(session=made.id, name="Oaks"), Session
        )
        assert (renamed.name, renamed.tags, renamed.description) == ("Oaks", ["oak"], "All about them.")
        tagged = await client.call(
            "sessions.update", UpdateSessionParams(session=made.id, tags=["elm"]), Session
        )
        assert (tagged.name, tagged.tags) == ("Oaks", ["elm"])
        wrong = UpdateSessionParams(session=made.id, name=" ")
        assert "name" in await refused(client, "InvalidFields", "sessions.update", wrong)

        async with within(ada, made.id) as inside:
            await write(inside, "/workspace/a.txt")
        found = (await client.call("sessions.list", None, SessionList)).items
        assert [(one.bytes, one.files) for one in found if one.id == made.id] == [(5, 1)]
        fork = await client.call("sessions.fork", ForkSessionParams(session=made.id), Session)
        assert (fork.name, fork.parent, fork.bytes, fork.files) == ("Oaks (fork)", made.id, 5, 1)
        related = await client.call(
            "sessions.related", RelatedSessionsParams(session=made.id), RelatedSessions
        )
        assert (related.items[0].session.id, related.items[0].reasons[0].kind) == (fork.id, "fork")
        assert related.items[0].session.bytes == 5

        await client.call("sessions.delete", this)
        assert await listed(client) == ["Oaks (fork)", "My workspace"]
        assert await listed(client, deleted=True) == ["Oaks"]
        for method in ("get", "update", "delete", "fork", "related"):
            await refused(client, "NotFound", f"sessions.{method}", this)
        restored = await client.call("sessions.restore", this, Session)
        assert (restored.name, restored.bytes, restored.deleted_at) == ("Oaks", 5, None)
    assert (await check(gateway.database)).found == []


async def test_lists_search_and_sort(gateway: Gateway) -> None:
    ada = await gateway.register()
    await make(ada, "Zebra compiler", tags=["lang"])
    await make(ada, "Notes", description="On the COMPILER and its parser")
    await make(ada, "Parser", tags=["lang", "Rust"])
    async with ada.connect() as client:
        assert await listed(client, sort="name") == ["My workspace", "Notes", "Parser", "Zebra compiler"]
        assert await listed(client, search="compiler") == ["Notes", "Zebra compiler"]
        assert await listed(client, search=" parser  COMPILER ") == ["Notes"]
        assert await listed(client, search="rust") == ["Parser"]
        assert await listed(client, search="nothing like it") == []
        assert await listed(client, tag="lang") == ["Parser", "Zebra compiler"]
        assert await listed(client, tag="lang", search="zebra") == ["Zebra compiler"]
        first = await client.call("sessions.list", ListSessionsParams(sort="name", limit=3), SessionList)
        assert first.next is not None
        assert await listed(client, sort="name", limit=3, after=first.next) == ["Zebra compiler"]
    found = await ada.ask("GET", "/sessions?search=Compiler")
    assert [one["name"] for one in found["items"]] == ["Notes", "Zebra compiler"]


async def test_others_sessions_are_not_there(gateway: Gateway) -> None:
    ada, eve = await gateway.register(), await gateway.register()
    viewer = await ada.add("viewer")
    session = ada.signed_in["session"]["id"]
    for stranger in (eve, viewer):
        async with stranger.connect() as client:
            assert session not in [
                one.id for one in (await client.call("sessions.list", None, SessionList)).items
            ]
            for method in ("get", "related"):
                await refused(client, "NotFound", f"sessions.{method}", SessionParams(session=session))
        with pytest.raises(InvalidStatus) as caught:
            async with within(stranger, session):
                pass
        assert caught.value.response.status_code == 404
        response = await stranger.send("GET", f"/files/workspace/README.md?session={session}")
        assert response.status == 404
    async with viewer.connect() as client:
        for method, params in (
            ("create", CreateSessionParams(name="x")),
            ("fork", ForkSessionParams(session=viewer.signed_in["session"]["id"])),
            ("delete", SessionParams(session=viewer.signed_in["session"]["id"])),
        ):
            await refused(client, "NoPermissions", f"sessions.{method}", params)


async def test_a_channel_stays_in_the_session_it_names(gateway: Gateway) -> None:
    ada = await gateway.register()
    other = (await make(ada, "Other"))["id"]
    own = ada.signed_in["session"]["id"]
    async with within(ada, other) as client:
        assert (await client.call("workspace.info", None, WorkspaceInfo)).session == other
        # The token that comes by refreshing is for the session that was signed in to.
        fresh = await gateway.client.post(
            "/api/v5/auth/refresh", json={"refresh_token": ada.signed_in["refresh_token"]}
        )
        told = await fresh.json()
        assert told["session"]["id"] == own
        await client.call("auth.renew", RenewParams(token=told["access_token"]), Renewed)
        assert (await client.call("workspace.info", None, WorkspaceInfo)).session == other
        await write(client, "/workspace/here.txt")
        # Not with one of another sign-in, though it is the same person's.
        again = await ada.again()
        await refused(client, "Unauthorized", "auth.renew", RenewParams(token=again.token))
    assert (await ada.send("GET", "/files/workspace/here.txt")).status == 404
    path = f"/files/workspace/here.txt?session={other}"
    assert (await ada.send("GET", path)).status == 200
    caller = {"Theia-Bridge-Caller": f"{ada.id}/{other}"}
    put = await gateway.client.put(
        f"/api/v5/files/workspace/there.txt?session={other}",
        data=b"y",
        headers={"Authorization": f"Bearer {ada.token}", **caller},
    )
    assert put.status == 201
    assert (await ada.send("GET", "/files/workspace/there.txt")).status == 404
    assert (await ada.send("GET", f"{path}&session={other}")).status == 422
    for nobody in ("", "x" * 65, "x" * 20_000, "nobody"):
        assert (await ada.send("GET", f"/files/workspace/here.txt?session={nobody}")).status in (400, 404)


async def test_a_named_session_outlives_that_of_the_token(gateway: Gateway) -> None:
    ada = await gateway.register()
    other = (await make(ada, "Other"))["id"]
    async with within(ada, other) as client, ada.connect() as own:
        heard = own.notifications()
        await client.call("sessions.delete", SessionParams(session=ada.signed_in["session"]["id"]))
        with pytest.raises(ChannelClosed, match="deleted"):
            await until_closed(heard)
        assert (await client.call("workspace.info", None, WorkspaceInfo)).session == other
    async with within(ada, other) as client:
        assert await listed(client) == ["Other"]


async def until_closed(heard: Notifications) -> None:
    async with asyncio.timeout(10):
        async for _ in heard:
            pass


async def told(heard: Notifications) -> None:
    """Waits until a channel is told that its user's sessions have changed."""
    async with asyncio.timeout(10):
        assert (await anext(heard))[0] == DID_CHANGE


async def test_windows_are_told_when_the_list_has_changed(gateway: Gateway) -> None:
    ada, eve = await gateway.register(), await gateway.register()
    other = (await make(ada, "Other"))["id"]
    this = SessionParams(session=other)
    async with ada.connect() as client, eve.connect() as stranger:
        heard, overheard = client.notifications(), stranger.notifications()
        for one, stream in ((client, heard), (stranger, overheard)):
            await one.call("sessions.list", None, SessionList)
            await told(stream)  # as it may have changed since it was asked for
        for change in (
            lambda: ada.ask("PUT", f"/sessions/{other}", {"name": "Renamed"}),
            lambda: ada.ask("POST", f"/sessions/{other}/open"),
            lambda: client.call("sessions.fork", ForkSessionParams(session=other), Session),
            lambda: client.call("sessions.delete", this),
            lambda: client.call("sessions.restore", this, Session),
            lambda: client.call("sessions.create", CreateSessionParams(name="New"), Session),
        ):
            await change()
            await told(heard)
        # Nobody else is: the next thing they hear is what they have asked for behind it.
        await make(eve, "Eve's")
        await told(overheard)
        waiting = asyncio.ensure_future(anext(overheard))
        await stranger.call("sessions.list", None, SessionList)
        assert not waiting.done()
        waiting.cancel()


async def test_a_runtime_works_on_the_files_of_its_own_session_only(gateway: Gateway) -> None:
    ada = await gateway.register()
    other = (await make(ada, "Other"))["id"]
    assert gateway.client.app is not None
    app, settings = gateway.client.app, gateway.client.app[SETTINGS]
    tokens = Tokens(app[KEYS], issuer=settings.issuer, audience=settings.audience + AUDIENCE)
    signed_in = await RuntimeSignIns(gateway.database, tokens).open(ada.actor)
    with tempfile.TemporaryDirectory() as folder:
        door = f"{folder}/gateway.sock"
        server = gateway.client.server
        assert isinstance(server, TestServer)
        assert server.runner is not None
        assert server.runner.server is not None
        app[DOORS].serve_with(server.runner.server)
        await app[DOORS].open(door, ada.actor.scope)
        asked = f"ws://gateway/ws/rpc?session={other}"
        async with Client.connect(asked, token=signed_in.token, unix=door) as client:
            await client.call("fs.createDirectory", {"path": "/workspace/made"}, Stat)
            for method in build_registry().methods:
                if method == "rpc.trace" or method.partition(".")[0] not in ("auth", "fs", "rpc"):
                    await refused(client, "NoPermissions", method)
        app[DOORS].close(door)

    async with ada.connect() as client:
        await client.call("fs.stat", {"path": "/workspace/made"}, Stat)


async def test_the_page_of_a_session_uses_it(gateway: Gateway) -> None:
    ada, eve = await gateway.register(), await gateway.register()
    other = (await make(ada, "Other"))["id"]
    assert gateway.client.app is not None
    (gateway.client.app[SETTINGS].ide / "index.html").write_text("IDE")

    async def load(person: Person, session: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {person.token}"}
        address = f"/theia/?session={session}&x=1"
        response = await gateway.client.get(address, headers=headers, allow_redirects=False)
        return response.status, response.headers.get("Location", "")

    before = (await ada.ask("GET", f"/sessions/{other}"))["used_at"]
    assert await load(ada, other) == (200, "")
    assert (await ada.ask("GET", f"/sessions/{other}"))["used_at"] > before
    # To whom it is not there, the page is of another session, and is told of it.
    assert await load(eve, other) == (302, f"/theia/?x=1&gone={other}")
    await ada.ask("DELETE", f"/sessions/{other}", status=204)
    assert await load(ada, other) == (302, f"/theia/?x=1&gone={other}")
    assert await load(ada, "x" * 70) == (302, f"/theia/?x=1&gone={'x' * 70}")
