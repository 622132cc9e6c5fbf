"""Searches as tests make them."""

from __future__ import annotations

import contextlib

import msgspec

from rpc import RpcError
from rpc.client import Client
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DidFind,
    DidFinish,
    FileMatches,
    FoundFiles,
    Search,
    SearchFilesParams,
    SearchTextParams,
    Stat,
    WriteFileParams,
)

TYPES: dict[str, type[msgspec.Struct]] = {"search.didFind": DidFind, "search.didFinish": DidFinish}


async def put(client: Client, path: str, content: str | bytes = b"") -> None:
    """Writes a file below /workspace and makes the folders it is in."""
    folder = "/workspace"
    for name in path.split("/")[:-1]:
        folder += f"/{name}"
        with contextlib.suppress(RpcError):
            await client.call("fs.createDirectory", CreateDirectoryParams(path=folder), Stat)
    data = content.encode() if isinstance(content, str) else content
    await client.call("fs.writeFile", WriteFileParams(path=f"/workspace/{path}", content=data), Stat)


async def search(client: Client, pattern: str, **options: object) -> tuple[list[FileMatches], DidFinish]:
    """All a search tells, ordered by path."""
    stream = client.notifications(TYPES)
    params = SearchTextParams(pattern=pattern, **options)  # type: ignore[arg-type]
    search_id = (await client.call("search.text", params, Search)).search_id
    files: list[FileMatches] = []
    async for _, told in stream:
        if isinstance(told, DidFind) and told.search_id == search_id:
            files += told.files
        if isinstance(told, DidFinish) and told.search_id == search_id:
            return sorted(files, key=lambda file: file.path), told
    raise AssertionError("the channel ended")


async def paths(client: Client, pattern: str, **options: object) -> list[str]:
    """Paths below /workspace in which a text is found; the search must end well."""
    files, end = await search(client, pattern, **options)
    assert end.error is None
    return [file.path.removeprefix("/workspace/") for file in files]


async def names(client: Client, pattern: str, **options: object) -> list[str]:
    """Paths below /workspace of the files that are found by name."""
    params = SearchFilesParams(pattern=pattern, **options)  # type: ignore[arg-type]
    found = await client.call("search.files", params, FoundFiles)
    return [path.removeprefix("/workspace/") for path in found.paths]
