"""What the server tells of its health, and to whom."""

from __future__ import annotations

import aiohttp

from tests.process import Server
from theia_bridge import __version__


async def test_health_is_told_to_those_who_signed_in(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    async with aiohttp.ClientSession() as http:
        for path in ("/healthz", "/readyz"):
            async with http.get(server.url + path) as response:
                assert (response.status, await response.json()) == (200, {"status": "ok"})
        async with http.get(f"{server.url}/api/v5/health") as response:
            assert response.status == 401
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{server.url}/api/v5/health", headers=headers) as response:
            assert response.status == 200
            told = await response.json()
    assert told["version"] == __version__
    assert server.store.startswith(f"{told['store']}:")
    assert 0 < told["latency_ms"] < 5000
    expected = ("lmdb", "none") if told["store"] == "embedded" else ("ssd-2", "single")
    assert (told["engine"], told["replication"]) == expected
    assert told["status"] in ("ok", "degraded")


async def test_the_longest_parameters_are_read(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        for length, status in ((5000, 200), (5001, 422)):
            query = {"resource": "\U0001f600" * length}
            async with http.get(f"{server.url}/api/v5/audit", params=query) as response:
                assert response.status == status
