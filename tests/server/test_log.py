"""What the log tells: every request by its id, and never what gives access or what users keep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from rpc import RpcError
from tests.process import Server
from theia_bridge.methods.protocol import FileContent, ReadFileParams, Stat, WriteFileParams

CANARY = "canary-7f1c"
"""Is in all that must not be logged."""
Line = dict[str, Any]


@pytest.fixture(params=["text", "json"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path, f"embedded:{tmp_path / 'store'}", LOG_FORMAT=request.param, LOG_LEVEL="debug")
    await running.start()
    yield running
    await running.kill()


async def raw(server: Server, data: bytes) -> bytes:
    """What the server answers to bytes that no client library would send."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def drive(server: Server) -> list[str]:
    """Goes through the server with secrets in all places. Returns further secrets, which the server made."""
    password = f"{CANARY}-password"
    form = {"email": "ada@example.com", "password": password, "name": "Ada"}
    async with aiohttp.ClientSession(server.url, cookie_jar=aiohttp.DummyCookieJar()) as http:
        async with http.post("/api/v5/auth/register", json=form) as response:
            made = await response.json()
            cookies = [cookie.value for cookie in response.cookies.values()]
        token, refresh = made["access_token"], made["refresh_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        posts: list[tuple[str, dict[str, Any]]] = [
            ("register", {"json": form}),
            ("login", {"json": form | {"password": f"{CANARY}-wrong"}}),
            ("login", {"json": {"email": form["email"], "password": [CANARY]}}),
            ("login", {"data": f'{{"password": "{CANARY}', "headers": {"Content-Type": "application/json"}}),
            ("refresh", {"json": {"refresh_token": CANARY}}),
            ("refresh", {"cookies": {"theia_bridge_refresh": f"{CANARY}-cookie"}}),
            ("logout", {"json": {"refresh_token": CANARY}}),
        ]
        for action, options in posts:
            async with http.post(f"/api/v5/auth/{action}", **options) as response:
                assert response.status < 500
        gets: list[tuple[str, dict[str, str]]] = [
            (f"/theia/?token={token}", {}),
            (f"/theia/x.js?token={CANARY}", {}),
            (f"/api/v5/files/workspace/README.md?token={CANARY}", bearer | {"Referer": f"/?token={CANARY}"}),
            ("/api/v5/files/workspace/none", {"Authorization": f"Bearer {CANARY}"}),
            ("/api/v5/files/workspace/none", {"Authorization": f"Basic {CANARY}"}),
            ("/api/v5/files/workspace/none", {"Cookie": f"theia_bridge_access={CANARY}"}),
            ("/api/v5/files/workspace/none", bearer | {"If-Match": f'"{CANARY}'}),
            ("/api/v5/health", {"X-Request-Id": f"{CANARY} is not fit"}),
        ]
        for path, headers in gets:
            async with http.get(path, headers=headers, allow_redirects=False) as response:
                assert response.status < 500 or response.status == 503
        for path in ("a.txt", "none/a.txt"):
            url = f"/api/v5/files/workspace/{path}"
            async with http.put(url, data=f"{CANARY} in a file", headers=bearer) as response:
                assert response.status < 500
    for request in (
        f"GET /theia/?token={CANARY} HTTP/9.9\r\n\r\n",
        f"GET /theia/?token={CANARY * 2000} HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nAuthorization Bearer {CANARY}\r\n\r\n",
        f"PUT /api/v5/files/workspace/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
        f"{CANARY}\r\n\r\n",
    ):
        await raw(server, request.encode())
    async with server.connect(token) as client:
        params = WriteFileParams(path="/workspace/c.txt", content=CANARY.encode())
        await client.call("fs.writeFile", params, Stat)
        await client.call("fs.readFile", ReadFileParams(path="/workspace/c.txt"), FileContent)
        with pytest.raises(RpcError):
            await client.call("fs.writeFile", WriteFileParams(path="/workspace", content=CANARY.encode()))
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.url}/ws/rpc?token={token}") as socket,
    ):
        for text in (
            f'{{"jsonrpc": "2.0", "id": 1, "method": "auth.renew", "params": {{"token": "{CANARY}"}}}}',
            f'{{"jsonrpc": "2.0", "id": 1, "method": "auth.renew", "params": {{"tokens": "{CANARY}"}}}}',
            f'{{"jsonrpc": "2.0", "id": 1, "method": "{CANARY}"}}',
            f'{{"jsonrpc": "2.0", "id": 1, "{CANARY}',
        ):
            await socket.send_str(text)
            assert "error" in await socket.receive_json()
    return [token, refresh, *cookies]


async def test_nothing_that_gives_access_and_nothing_users_keep_is_logged(server: Server) -> None:
    secrets = await drive(server)
    log = await server.stop()
    assert "/api/v5/auth/register" in log
    assert "what came was no request" in log
    for secret in [CANARY, *secrets]:
        assert secret not in log


async def test_a_request_is_told_by_its_id_in_its_answers_and_in_every_line(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.url) as http:
        path = "/api/v5/files/workspace/none"
        async with http.get(path, headers=headers | {"X-Request-Id": "from-a-proxy/1"}) as response:
            assert response.headers["X-Request-Id"] == "from-a-proxy/1"
            assert (await response.json())["request_id"] == "from-a-proxy/1"
        for unfit in ("", "with space", "x" * 65, "ä"):
            async with http.get("/healthz", headers={"X-Request-Id": unfit}) as response:
                assert len(response.headers["X-Request-Id"]) == 20
        async with http.get("/healthz") as first, http.get("/healthz") as second:
            assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
        socket = await http.ws_connect("/ws/rpc", headers=headers | {"X-Request-Id": "socket-1"})
        await socket.close()
    log = await server.stop()
    if server.settings["LOG_FORMAT"] == "text":
        assert f"theia_bridge.access [from-a-proxy/1] 127.0.0.1 GET {path} 404" in log
        assert "theia_bridge.access [socket-1] 127.0.0.1 GET /ws/rpc 101" in log
        return
    lines: list[Line] = [json.loads(line) for line in log.splitlines()]
    (line,) = (line for line in lines if line.get("request") == "from-a-proxy/1")
    assert (line["level"], line["logger"]) == ("info", "theia_bridge.access")
    assert (line["method"], line["path"], line["status"]) == ("GET", path, 404)
    assert line["address"] == "127.0.0.1"
    assert line["user"]
    assert line["tenant"]
    assert line["ms"] >= 0
    assert any(line.get("request") == "socket-1" and line["status"] == 101 for line in lines)
