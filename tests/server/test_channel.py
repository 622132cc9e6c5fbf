"""The RPC channel of the whole server: what it refuses, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from fdb_provider.models import new_id
from rpc import RpcError
from rpc.client import Client, Unauthorized
from tests.process import Server
from theia_bridge.methods.protocol import (
    Change,
    CreateDirectoryParams,
    DeleteParams,
    DidChange,
    Directory,
    FileContent,
    MoveParams,
    PathParams,
    ReadFileParams,
    RenewParams,
    Stat,
    UnwatchParams,
    Watch,
    WatchParams,
    WorkspaceInfo,
    WriteFileParams,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest.fixture
def email() -> str:
    """Of an account of the test's own."""
    return f"{new_id()}@example.com"


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server, email: str) -> AsyncIterator[Client]:
    """A channel of a new account, on its first session."""
    token = (await server.register(email)).access_token
    async with server.connect(token) as connected:
        yield connected


async def write(client: Client, path: str, content: bytes = b"") -> Stat:
    return await client.call("fs.writeFile", WriteFileParams(path=path, content=content), Stat)


async def refused(client: Client, method: str, params: object) -> str:
    """The kind of error a call is refused with."""
    with pytest.raises(RpcError) as caught:
        await client.call(method, params)  # type: ignore[call-overload]  # wrong types are the point
    assert caught.value.message
    return caught.value.kind


async def test_who_and_where(client: Client) -> None:
    info = await client.call("workspace.info", None, WorkspaceInfo)
    assert (info.user_name, info.roots) == ("Ada", ["/workspace", "/home"])


async def test_files_through_the_channel(client: Client) -> None:
    await client.call("fs.createDirectory", CreateDirectoryParams(path="/workspace/src"), Stat)
    stat = await write(client, "/workspace/src/a.py", b"print()\n")
    assert await client.call("fs.stat", PathParams(path="/workspace/src/a.py"), Stat) == stat
    part = ReadFileParams(path="/workspace/src/a.py", offset=5, length=2)
    read = await client.call("fs.readFile", part, FileContent)
    assert read == FileContent(content=b"()", etag=stat.etag, size=8)
    moved = MoveParams(source="/workspace/src", target="/workspace/lib")
    assert (await client.call("fs.rename", moved, Stat)).type == "directory"
    copied = MoveParams(source="/workspace/lib", target="/home/lib")
    await client.call("fs.copy", copied, Stat)
    await client.call("fs.delete", DeleteParams(path="/workspace/lib", recursive=True))
    listing = await client.call("fs.readDirectory", PathParams(path="/home/lib"), Directory)
    assert [(entry.name, entry.stat.size) for entry in listing.entries] == [("a.py", 8)]


async def test_every_refusal_has_its_kind(client: Client) -> None:
    await client.call("fs.createDirectory", CreateDirectoryParams(path="/workspace/d"), Stat)
    await write(client, "/workspace/d/f")
    content = b"x"
    for method, params, kind in [
        ("fs.stat", PathParams(path="/workspace/none"), "FileNotFound"),
        ("fs.readFile", ReadFileParams(path="/workspace/d"), "FileIsADirectory"),
        ("fs.readDirectory", PathParams(path="/workspace/d/f"), "FileNotADirectory"),
        ("fs.writeFile", WriteFileParams(path="/workspace/d", content=content), "FileIsADirectory"),
        ("fs.writeFile", WriteFileParams(path="/workspace/x/y", content=content), "FileNotFound"),
        (
            "fs.writeFile",
            WriteFileParams(path="/workspace/d/f", content=content, overwrite=False),
            "FileExists",
        ),
        ("fs.writeFile", WriteFileParams(path="/workspace/n", content=content, create=False), "FileNotFound"),
        ("fs.writeFile", WriteFileParams(path="/workspace/d/f", content=content, if_match="old"), "Conflict"),
        ("fs.createDirectory", CreateDirectoryParams(path="/workspace/d"), "FileExists"),
        ("fs.delete", DeleteParams(path="/workspace/d"), "DirectoryNotEmpty"),
        ("fs.delete", DeleteParams(path="/workspace", recursive=True), "NoPermissions"),
        ("fs.rename", MoveParams(source="/workspace/d", target="/workspace/d/e"), "InvalidPath"),
        ("fs.stat", PathParams(path="/workspace/../etc"), "InvalidPath"),
        ("fs.stat", PathParams(path="/workspace/a\0b"), "InvalidPath"),
        ("fs.stat", PathParams(path="/workspace/" + "n" * 256), "InvalidPath"),
        ("fs.watch", WatchParams(path="/workspace", cursor="00" * 9), "CursorExpired"),
        ("fs.stat", None, "InvalidParams"),
        ("fs.stat", RenewParams(token="t"), "InvalidParams"),
        ("fs.nothing", None, "MethodNotFound"),
        ("auth.renew", RenewParams(token="no.such.token"), "Unauthorized"),
    ]:
        assert await refused(client, method, params) == kind, (method, params)
    listing = await client.call("fs.readDirectory", PathParams(path="/workspace"), Directory)
    assert [entry.name for entry in listing.entries] == ["README.md", "d"]


async def test_a_watch_follows_other_channels(client: Client, server: Server, email: str) -> None:
    stream = client.notifications({"fs.didChange": DidChange})
    watch = await client.call("fs.watch", WatchParams(path="/workspace"), Watch)
    other_token = (await server.login(email)).access_token
    async with server.connect(other_token) as other:
        await write(other, "/workspace/theirs")
    name, told = await anext(stream)
    assert name == "fs.didChange"
    assert isinstance(told, DidChange)
    assert told.watch_id == watch.watch_id
    assert told.changes == [Change(type=told.changes[0].type, path="/workspace/theirs")]
    await client.call("fs.unwatch", UnwatchParams(watch_id=watch.watch_id))
    await client.call("fs.unwatch", UnwatchParams(watch_id="none"))


async def test_a_large_file_goes_through_in_one_frame(client: Client) -> None:
    content = bytes(range(256)) * (50 * 4096)
    await write(client, "/workspace/big", content)
    assert (
        await client.call("fs.readFile", ReadFileParams(path="/workspace/big"), FileContent)
    ).content == content


async def test_no_channel_without_a_token(server: Server) -> None:
    with pytest.raises(Unauthorized):
        async with server.connect("no.such.token"):
            pass
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"{server.url.replace('http', 'ws')}/ws/rpc"):
            pass
    assert caught.value.response.status_code == 401


async def test_another_accounts_token_does_not_renew(client: Client, server: Server) -> None:
    other = await server.register(f"{new_id()}@example.com")
    assert await refused(client, "auth.renew", RenewParams(token=other.access_token)) == "Unauthorized"


async def test_signing_out_ends_the_sign_ins_channels(server: Server, email: str) -> None:
    await server.register(email)
    first, second = await server.login(email), await server.login(email)
    url = f"{server.url.replace('http', 'ws')}/ws/rpc?token={first.access_token}"
    async with connect(url) as ended, server.connect(second.access_token) as kept:
        await server.logout(first.refresh_token)
        with pytest.raises(ConnectionClosedError) as caught:
            async with asyncio.timeout(5):
                await ended.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4401
        await kept.call("fs.stat", PathParams(path="/workspace/README.md"), Stat)
    with pytest.raises(Unauthorized):
        async with server.connect(first.access_token):
            pass
