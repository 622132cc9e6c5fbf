"""`/api/v5/files` and `/api/v5/folders`, but for what is in files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.process import Server


class Client:
    """One user of the API."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def send(
        self, method: str, path: str, body: object = None, status: int = 200, **headers: str
    ) -> Any:
        """The JSON of an answer, which must have that status; None for no content."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._http.request(method, f"/api/v5{path}", json=body, headers=named) as response:
            assert response.status == status, await response.text()
            return await response.json(content_type=None) if status != 204 else None

    async def refused(
        self, kind: str, status: int, method: str, path: str, body: object = None, **headers: str
    ) -> None:
        assert (await self.send(method, path, body, status, **headers))["kind"] == kind

    async def put(self, path: str, content: bytes = b"") -> dict[str, Any]:
        async with self._http.put(f"/api/v5/files/{path}", data=content) as response:
            assert response.status in (200, 201)
            stat: dict[str, Any] = await response.json()
            return stat

    async def names(self, query: str) -> list[str]:
        return [item["name"] for item in (await self.send("GET", f"/files?{query}"))["items"]]


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    token = (await server.register("ada@example.com")).access_token
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as http:
        yield Client(http)


async def test_folders_are_listed_in_pages(client: Client) -> None:
    assert await client.names("") == ["home", "workspace"]
    assert await client.names("path=workspace") == ["README.md"]
    folder = await client.send("POST", "/folders", {"path": "workspace/d"}, 201)
    assert (folder["path"], folder["name"], folder["type"]) == ("workspace/d", "d", "directory")
    for name in "cab":
        await client.put(f"workspace/d/{name}", name.encode())
    page = await client.send("GET", "/files?path=workspace/d&limit=2")
    assert [item["path"] for item in page["items"]] == ["workspace/d/a", "workspace/d/b"]
    assert (page["items"][0]["size"], page["items"][0]["target"]) == (1, None)
    page = await client.send("GET", f"/files?path=workspace/d&limit=2&after={page['next']}")
    assert ([item["name"] for item in page["items"]], page["next"]) == (["c"], None)
    assert (await client.send("GET", "/files?path=workspace/d&limit=3"))["next"] is None
    await client.refused("FileNotFound", 404, "GET", "/files?path=workspace/none")
    await client.refused("FileNotADirectory", 409, "GET", "/files?path=workspace/d/a")
    await client.refused("InvalidPath", 400, "GET", "/files?path=etc")
    await client.refused("FileExists", 409, "POST", "/folders", {"path": "workspace/d"})


async def test_files_are_moved_and_copied(client: Client) -> None:
    await client.put("workspace/a", b"1")
    copied = await client.send(
        "POST", "/files", {"operation": "copy", "source": "workspace/a", "target": "home/b"}
    )
    assert (copied["path"], copied["size"]) == ("home/b", 1)
    move = {"operation": "move", "source": "workspace/a", "target": "home/b"}
    await client.refused("FileExists", 409, "POST", "/files", move)
    await client.refused("Conflict", 412, "POST", "/files", {**move, "overwrite": True}, If_Match='"another"')
    moved = await client.send("POST", "/files", {**move, "overwrite": True}, Idempotency_Key="k")
    assert await client.send("POST", "/files", {**move, "overwrite": True}, Idempotency_Key='"k"') == moved
    assert (await client.names("path=home"), await client.names("path=workspace")) == (["b"], ["README.md"])
    await client.refused("FileNotFound", 404, "POST", "/files", move)


async def test_what_is_deleted_is_in_the_trash_unless_it_is_for_good(client: Client) -> None:
    await client.send("POST", "/folders", {"path": "workspace/d"}, 201)
    stat = await client.put("workspace/d/a", b"1")
    await client.refused("DirectoryNotEmpty", 409, "DELETE", "/files/workspace/d")
    await client.refused("Conflict", 412, "DELETE", "/files/workspace/d/a", If_Match='"another"')
    before = (await client.send("GET", "/tenants/me/usage"))["session"]["files"]
    await client.send("DELETE", "/files/workspace/d/a", status=204, If_Match=f'"{stat["etag"]}"')
    assert (await client.send("GET", "/tenants/me/usage"))["session"]["files"] == before
    await client.send("DELETE", "/files/workspace/d?recursive=true&permanent=true", status=204)
    assert (await client.send("GET", "/tenants/me/usage"))["session"]["files"] == before - 1
    await client.refused("FileNotFound", 404, "DELETE", "/files/workspace/d")
