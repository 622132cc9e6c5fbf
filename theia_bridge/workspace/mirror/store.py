"""The stored files, as the mirror calls for them: over the RPC channel, and large contents over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import msgspec

from rpc import RpcError
from rpc.client import Client
from theia_bridge import rest_client
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    CreateSymlinkParams,
    DeleteParams,
    Directory,
    FileContent,
    MoveParams,
    PathParams,
    ReadDirectoryParams,
    ReadFileParams,
    SetAttributesParams,
    Stat,
    UnwatchParams,
    Watch,
    WatchParams,
    WriteFileParams,
)
from theia_bridge.workspace.gateway import Gateway
from theia_bridge.workspace.mirror.states import Stored

PART = 256 * 1024
"""Bytes of a large file that are in memory at a time."""
AT_ONCE = 60
"""Calls under way at a time; a channel takes 64."""
ABSENT = {"FileNotFound", "FileNotADirectory"}
"""Kinds of errors: nothing is there."""
_GATEWAY = "http://gateway"
_SILENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)


class Store:
    """The files of the session and of its user's home.

    Every method raises `RpcError`, `ChannelClosed`, and those on contents also `aiohttp.ClientError`.
    """

    def __init__(self, client: Client, http: aiohttp.ClientSession, gateway: Gateway) -> None:
        self._client = client
        self._http = http
        self._gateway = gateway
        self._turns = asyncio.Semaphore(AT_ONCE)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, client: Client, gateway: Gateway) -> AsyncIterator[Store]:
        connector = aiohttp.UnixConnector(gateway.socket)
        async with aiohttp.ClientSession(connector=connector, timeout=_SILENCE) as http:
            yield cls(client, http, gateway)

    async def watch(self, path: str, cursor: str | None) -> Watch:
        return await self._client.call("fs.watch", WatchParams(path=path, cursor=cursor), Watch)

    async def position(self, path: str) -> str:
        """A cursor behind all that was changed until now."""
        watch = await self._client.call("fs.watch", WatchParams(path=path, recursive=False), Watch)
        await self._client.call("fs.unwatch", UnwatchParams(watch_id=watch.watch_id))
        return watch.cursor

    async def look(self, path: str) -> Stored | None:
        """What is there."""
        try:
            async with self._turns:
                return Stored.of(await self._client.call("fs.stat", PathParams(path=path), Stat))
        except RpcError as error:
            if error.kind in ABSENT:
                return None
            raise

    async def entries(self, path: str) -> list[tuple[str, Stored]]:
        """What is in a folder; nothing if it is none."""
        found: list[tuple[str, Stored]] = []
        after: str | None = ""
        try:
            while after is not None:
                params = ReadDirectoryParams(path=path, after=after)
                async with self._turns:
                    page = await self._client.call("fs.readDirectory", params, Directory)
                found += [(entry.name, Stored.of(entry.stat)) for entry in page.entries]
                after = page.next
        except RpcError as error:
            if error.kind not in ABSENT:
                raise
        return found

    async def read(self, path: str) -> FileContent:
        """A small file."""
        async with self._turns:
            return await self._client.call("fs.readFile", ReadFileParams(path=path), FileContent)

    async def write(self, path: str, content: bytes, mode: int, etag: str | None) -> Stored:
        """Replaces a small file that has that etag, or makes it without."""
        params = WriteFileParams(
            path=path,
            content=content,
            mode=mode,
            create=etag is None,
            overwrite=etag is not None,
            if_match=etag,
        )
        async with self._turns:
            return Stored.of(await self._client.call("fs.writeFile", params, Stat))

    async def make_folder(self, path: str, mode: int) -> Stored:
        async with self._turns:
            params = CreateDirectoryParams(path=path, mode=mode)
            return Stored.of(await self._client.call("fs.createDirectory", params, Stat))

    async def link(self, path: str, target: str) -> Stored:
        async with self._turns:
            params = CreateSymlinkParams(path=path, target=target)
            return Stored.of(await self._client.call("fs.createSymlink", params, Stat))

    async def set_mode(self, path: str, mode: int, etag: str) -> Stored:
        async with self._turns:
            params = SetAttributesParams(path=path, mode=mode, if_match=etag)
            return Stored.of(await self._client.call("fs.setAttributes", params, Stat))

    async def delete(self, path: str, etag: str, *, trash: bool, recursive: bool = False) -> None:
        async with self._turns:
            params = DeleteParams(path=path, recursive=recursive, use_trash=trash, if_match=etag)
            await self._client.call("fs.delete", params)

    async def rename(self, source: str, target: str, etag: str) -> Stored:
        async with self._turns:
            params = MoveParams(source=source, target=target, if_match=etag)
            return Stored.of(await self._client.call("fs.rename", params, Stat))

    async def copy(self, source: str, target: str, etag: str) -> Stored:
        async with self._turns:
            params = MoveParams(source=source, target=target, if_match=etag)
            return Stored.of(await self._client.call("fs.copy", params, Stat))

    async def download(self, path: str, etag: str) -> AsyncIterator[bytes]:
        """The content of a large file that has that etag, in parts."""
        async with self._http.get(
            rest_client.file_url(_GATEWAY, path), headers=self._headers({"If-Match": f'"{etag}"'})
        ) as response:
            await rest_client.check(response)
            async for part in response.content.iter_chunked(PART):
                yield part

    async def upload(self, path: str, parts: AsyncIterator[bytes], size: int, etag: str | None) -> Stored:
        """Replaces a large file that has that etag, or makes it without."""
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": f'"{etag}"'}
        headers = self._headers({"Content-Length": str(size), **condition})
        async with self._http.put(
            rest_client.file_url(_GATEWAY, path), data=parts, headers=headers
        ) as response:
            await rest_client.check(response)
            return Stored.of(msgspec.json.decode(await response.read(), type=Stat))

    def _headers(self, further: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._gateway.token}", **further}
