"""What `/metrics` tells, and whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rpc import RpcError
from tests.process import PASSWORD, Server, environment, run
from theia_bridge.methods.protocol import Directory, PathParams, ReadDirectoryParams, Stat, WriteFileParams

SECRET = "a secret of the operator's"
BEARER = {"Authorization": f"Bearer {SECRET}"}
Samples = dict[tuple[str, ...], float]


async def scraped(server: Server) -> tuple[Samples, str]:
    """Values by name and labels (`name`, `label=value`, …), and the text they were read from."""
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/metrics", headers=BEARER) as response:
        text = await response.text()
        assert response.status == 200, text
        assert response.content_type == "text/plain"
    return {
        (
            sample.name.removeprefix("theia_bridge_"),
            *(f"{label}={value}" for label, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }, text


@pytest.fixture
async def server(store_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path, store_url, METRICS_TOKEN=SECRET)
    await running.start()
    yield running
    await running.kill()


async def test_everything_is_counted_by_templates_and_declared_names(server: Server) -> None:
    done = await server.register("ada@example.com")
    bearer = {"Authorization": f"Bearer {done.access_token}"}
    async with aiohttp.ClientSession(server.url) as http:
        for password, status in ((PASSWORD, 200), ("wrong horse", 401)):
            form = {"email": "ada@example.com", "password": password}
            async with http.post("/api/v5/auth/login", json=form) as response:
                assert response.status == status
        for path in ("canary-a", "canary-b"):
            async with http.get(f"/api/v5/files/workspace/{path}", headers=bearer) as response:
                assert response.status == 404
        async with http.request("PROPFIND", "/canary", headers=bearer) as response:
            assert response.status == 404
        async with http.get("/", allow_redirects=False) as response:
            assert response.status == 302
    async with server.connect(done.access_token) as client:
        for i in range(3):
            await client.call("fs.writeFile", WriteFileParams(path=f"/workspace/{i}", content=b"x"), Stat)
        await client.call("fs.readDirectory", ReadDirectoryParams(path="/workspace"), Directory)
        for method in ("fs.stat", "canary.method"):
            with pytest.raises(RpcError):
                await client.call(method, PathParams(path="/workspace/none"))
        samples, text = await scraped(server)
        assert samples["sockets",] == 1
    async with asyncio.timeout(10):
        while (after := (await scraped(server))[0])["http_requests_in_progress",] > 1:
            pass
    assert after["sockets",] == 0

    route = "route=/api/v5/files/{path}"
    assert samples["http_requests_total", "method=GET", route, "status=404"] == 2
    assert samples["http_request_seconds_count", "method=GET", route] == 2
    assert samples["http_requests_total", "method=other", "route=unmatched", "status=404"] == 1
    assert samples["http_requests_total", "method=GET", "route=/", "status=302"] == 1
    assert after["http_requests_total", "method=GET", "route=/ws/rpc", "status=101"] == 1
    assert ("http_request_seconds_count", "method=GET", "route=/ws/rpc") not in after
    assert samples["sign_ins_total", "action=register", "outcome=ok"] == 1
    assert samples["sign_ins_total", "action=login", "outcome=ok"] == 1
    assert samples["sign_ins_total", "action=login", "outcome=refused"] == 1

    assert samples["rpc_calls_total", "method=fs.writeFile", "outcome=ok"] == 3
    assert samples["rpc_call_seconds_count", "method=fs.writeFile"] == 3
    assert samples["rpc_call_seconds_bucket", "le=5.0", "method=fs.writeFile"] == 3
    assert 0 < samples["rpc_call_seconds_sum", "method=fs.writeFile"] < 15
    assert samples["rpc_calls_total", "method=fs.stat", "outcome=FileNotFound"] == 1
    assert samples["rpc_calls_total", "method=fs.stat", "outcome=ok"] == 0
    assert samples["rpc_calls_total", "method=unknown", "outcome=MethodNotFound"] == 1

    assert samples["store_seconds_count", "operation=read"] > 5
    assert samples["store_seconds_count", "operation=run"] > 5
    assert samples["store_seconds_sum", "operation=run"] > 0
    assert samples["store_failures_total",] == 0
    assert ("store_retries_total", "reason=conflict") in samples
    assert samples["audit_waiting",] >= 0
    assert samples["runtimes",] == 0
    assert samples["audit_dropped_total",] == 0
    assert samples["process_resident_memory_bytes",] > 0
    assert samples["python_gc_collections_total", "generation=0"] >= 0
    assert "canary" not in text
    assert "ada" not in text


@pytest.mark.parametrize(
    ("settings", "anybody", "holder"),
    [
        ({}, 403, 403),
        ({"METRICS_TOKEN": SECRET}, 401, 200),
        ({"METRICS": "public"}, 200, 200),
        ({"METRICS": "off", "METRICS_TOKEN": SECRET}, 404, 404),
    ],
)
async def test_who_may_read(tmp_path: Path, settings: dict[str, str], anybody: int, holder: int) -> None:
    server = Server(tmp_path, f"embedded:{tmp_path / 'store'}", **settings)
    await server.start()
    token = (await server.register("ada@example.com")).access_token
    async with aiohttp.ClientSession(server.url, cookies={"theia_bridge_access": token}) as http:
        for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": f"Basic {SECRET}"}):
            async with http.get("/metrics", headers=headers) as response:
                assert response.status == anybody
        async with http.get("/metrics", headers=BEARER) as response:
            assert response.status == holder
    await server.kill()


async def test_a_secret_that_is_too_short_is_refused_and_none_is_printed(tmp_path: Path) -> None:
    env = environment(tmp_path, METRICS_TOKEN="too short")
    code, _, err = await run("serve", env=env, cwd=tmp_path)
    assert code == 2
    assert "metrics_token" in err
    assert "too short" not in err
    code, out, _ = await run("config", env=environment(tmp_path, METRICS_TOKEN=SECRET), cwd=tmp_path)
    assert code == 0
    assert 'metrics_token = "***' in out
    assert SECRET not in out
