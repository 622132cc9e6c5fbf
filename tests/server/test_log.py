"""What the log tells: every request by its id, and never what gives access or what users keep."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from fdb_provider.engine.counts import Counts
from fdb_provider.engine.url import open_database
from fdb_provider.scope import ANYBODY
from rpc import Registry, RpcError
from rpc.codec import JSON
from rpc.dispatcher import Dispatcher
from tests.process import Server
from theia_bridge.calls import CallObserver
from theia_bridge.log import Format, setup_log
from theia_bridge.methods.protocol import FileContent, ReadFileParams, Stat, WriteFileParams
from theia_bridge.metrics import Metrics
from theia_bridge.observations import Observations
from theia_bridge.rates import Rates
from theia_bridge.trace import TRACE, Trace

PREFIX = "/api/v5"
CANARY = "canary-7f1c"
"""Is in all that must not be logged."""
Line = dict[str, Any]


@pytest.fixture(params=["text", "json"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path, f"embedded:{tmp_path / 'store'}", LOG_FORMAT=request.param, LOG_LEVEL="debug")
    await running.start()
    yield running
    await running.kill()


def sample(schema: Any, schemas: Any) -> Any:
    """A value as a schema wants it, with secrets wherever there is text."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], schemas)
    match schema.get("type"):
        case "object":
            return {name: sample(part, schemas) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"], schemas)] if schema.get("items") else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return CANARY


def secrets_in(answer: Any) -> list[str]:
    """What an answer gives away once."""
    if isinstance(answer, list):
        return [secret for item in answer for secret in secrets_in(item)]
    if not isinstance(answer, dict):
        return []
    own = [answer.get(name) for name in ("access_token", "refresh_token", "code")]
    return [secret for secret in own if isinstance(secret, str)] + secrets_in(list(answer.values()))


async def call_everything(http: aiohttp.ClientSession, bearer: dict[str, str]) -> list[str]:
    """Calls every endpoint there is but those that end the sign-in. Returns the secrets they answer."""
    async with http.get("/api/v5/openapi.json") as response:
        document = await response.json()
    schemas, secrets, seen = document["components"]["schemas"], [], set[int]()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if (path, method) in ((f"{PREFIX}/users/me", "delete"), (f"{PREFIX}/auth/sessions", "delete")):
                continue
            headers, query = dict(bearer), {}
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "header":
                    headers[parameter["name"]] = CANARY
                elif parameter["in"] == "query":
                    query[parameter["name"]] = CANARY
            options: dict[str, Any] = {}
            for content_type, body in operation.get("requestBody", {}).get("content", {}).items():
                headers["Content-Type"] = content_type
                options["data"] = json.dumps(sample(body.get("schema", {}), schemas))
            for given in (query, {}):
                address = path.replace("{path}", "workspace/x").replace("{", "").replace("}", "")
                async with http.request(
                    method, address, params=given, headers=headers, **options
                ) as response:
                    seen.add(response.status)
                    if response.content_type == "application/json":
                        secrets += secrets_in(await response.json())
    assert {200, 201, 400, 404, 422} <= seen
    return secrets


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
        made_since = await call_everything(http, bearer)
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
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"})
        document = (await socket.receive_json())["result"]
        for method in document["methods"]:
            schemas = document["components"]["schemas"]
            given = {one["name"]: sample(one["schema"], schemas) for one in method["params"]}
            await socket.send_json({"jsonrpc": "2.0", "id": 2, "method": method["name"], "params": given})
            while (await socket.receive_json()).get("id") != 2:
                pass  # notifications
    return [token, refresh, *cookies, *made_since]


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
        file = f"{PREFIX}/files/workspace/large"
        async with http.put(file, data=io.BytesIO(bytes(20_000_000)), headers=headers) as response:
            assert response.status == 201
        for asked in (file, f"{PREFIX}/files/workspace?archive=tar"):
            given_up = await http.get(asked, headers=headers)
            await given_up.content.read(1)
            given_up.close()
    log = await server.stop()
    assert "Traceback" not in log  # that somebody gives a download up is no fault
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


async def fails(context: None) -> None:
    """A method with a fault."""
    raise LookupError("what nobody foresaw\nforged line")


@pytest.mark.parametrize("format", ["text", "json"])
async def test_a_fault_in_a_call_is_told_by_its_request_and_its_method(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, format: Format
) -> None:
    registry: Registry[None] = Registry()
    registry.method("test.fails")(fails)
    database = await open_database(f"embedded:{tmp_path}")
    allowance = Rates(database, {"rpc": 0}).of("rpc", "a")
    metrics = Metrics(registry.methods, Counts())
    observer = CallObserver(metrics, allowance, allowance, Observations(database), ANYBODY, {})

    async def call() -> None:
        TRACE.set(Trace("socket-1"))
        frame = '{"jsonrpc": "2.0", "id": 1, "method": "test.fails"}'
        await Dispatcher(registry, None, observer=observer).handle(JSON, frame)
        logging.getLogger("theia_bridge").warning("one\nline")

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    setup_log(format, "info")
    try:
        await asyncio.create_task(call())
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    await database.close()
    fault, *traceback, warning = capsys.readouterr().err.splitlines()
    if format == "text":
        assert "ERROR   rpc.dispatcher [socket-1 test.fails] The method test.fails failed" in fault
        assert "LookupError: what nobody foresaw" in traceback
        assert warning.endswith("WARNING theia_bridge [socket-1 test.fails] one\\nline")
        return
    line = json.loads(fault)
    assert (line["request"], line["rpc"], line["level"]) == ("socket-1", "test.fails", "error")
    assert "LookupError: what nobody foresaw" in line["error"]
    assert json.loads(warning)["message"] == "one\nline"
