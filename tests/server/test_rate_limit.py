"""How much may be asked for in a minute, of one gateway or of several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rpc import RpcError
from rpc.builtin import Pong
from tests.process import PASSWORD, Server
from theia_bridge.config import Settings
from theia_bridge.methods.protocol import Renewed, RenewParams

LIMIT = Settings.model_fields["rate_rest"].default
RPC_LIMIT = 400
SIGN_IN_LIMIT = 6
ANONYMOUS_LIMIT = 4
HEALTH = "/api/v5/health"


@pytest.fixture
async def servers(store_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """The gateways of one store: one where no more can be."""
    limits = {"RATE_REST": LIMIT, "RATE_RPC": RPC_LIMIT}
    count = 1 if store_url.startswith("embedded:") else 2
    running = [Server(tmp_path, store_url, **limits) for _ in range(count)]
    for server in running:
        await server.start()
    yield running
    for server in running:
        await server.kill()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def problem(response: aiohttp.ClientResponse, policy: str) -> dict[str, Any]:
    """A refusal's content, when it is one as it ought to be."""
    assert response.status == 429
    assert response.content_type == "application/problem+json"
    content: dict[str, Any] = await response.json()
    assert content["kind"] == "RateLimited"
    assert content["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert content["violated-policies"] == [policy]
    wait = int(response.headers["Retry-After"])
    assert 0 < wait <= 61
    assert response.headers["RateLimit"] == f'"{policy}";r=0;t={wait}'
    return content


async def test_a_user_has_a_number_of_requests_on_all_gateways_together(servers: list[Server]) -> None:
    ada = (await servers[0].register("ada@example.com")).access_token
    bob = (await servers[0].register("bob@example.com")).access_token
    async with aiohttp.ClientSession() as http:
        gateways = cycle(servers)

        async def ask(token: str, path: str = HEALTH) -> aiohttp.ClientResponse:
            async with http.get(next(gateways).url + path, headers=bearer(token)) as response:
                await response.read()
                return response

        first = await ask(ada)
        assert first.headers["RateLimit-Policy"] == f'"rest";q={LIMIT};w=60'
        assert first.headers["RateLimit"] in [f'"rest";r={LIMIT - 1};t={t}' for t in (60, 61)]
        answers = await asyncio.gather(*(ask(ada) for _ in range(LIMIT + 20)))
        assert sorted(answer.status for answer in answers) == [200] * (LIMIT - 1) + [429] * 21
        for server in servers:
            async with http.get(server.url + HEALTH, headers=bearer(ada)) as response:
                content = await problem(response, "rest")
                assert content["request_id"] == response.headers["X-Request-Id"]
        # What is no part of the API, or has a budget of its own, goes on, and so do all others.
        for path in ("/healthz", "/readyz", "/login"):
            async with http.get(servers[0].url + path) as response:
                assert response.status == 200
                assert "RateLimit" not in response.headers
        for _ in range(3):
            file = await ask(ada, "/api/v5/files/workspace/README.md")
            assert file.status == 200
            assert file.headers["RateLimit-Policy"] == '"files";q=6000;w=60'
            assert (await ask(bob)).status == 200
        url = f"{servers[0].url}/api/v5/files/workspace/a.txt"
        async with http.put(url, data=b"a", headers=bearer(ada)) as response:
            assert response.status == 201
    async with servers[0].connect(ada) as client:
        await client.call("rpc.ping", None, Pong)


async def test_calls_have_a_budget_of_their_own(servers: list[Server]) -> None:
    ada = (await servers[0].register("ada@example.com")).access_token
    bob = (await servers[0].register("bob@example.com")).access_token
    refusals: list[RpcError] = []
    done = 0
    async with asyncio.TaskGroup() as group:

        async def call(server: Server) -> None:
            nonlocal done
            async with server.connect(ada) as client:
                for _ in range(RPC_LIMIT):
                    try:
                        await client.call("rpc.ping", None, Pong)
                        done += 1
                    except RpcError as error:
                        refusals.append(error)
                # The channel is kept open all the same.
                await client.call("auth.renew", RenewParams(token=ada), Renewed)

        for server in servers * 2:
            group.create_task(call(server))
    # A portion, a hundredth, may be left over on each gateway; a socket is counted as a call.
    portion = RPC_LIMIT // 100
    assert RPC_LIMIT - (portion + 2) * len(servers) <= done <= RPC_LIMIT
    for refusal in refusals:
        assert refusal.kind == "RateLimited"
        wait = refusal.data["retryAfter"]
        assert isinstance(wait, int)
        assert 0 < wait <= 61
    async with aiohttp.ClientSession() as http:
        async with http.get(servers[0].url + HEALTH, headers=bearer(ada)) as response:
            assert response.status == 200
        async with http.get(servers[0].url + "/ws/rpc", headers=bearer(ada)) as response:
            await problem(response, "rpc")
    async with servers[0].connect(bob) as client:
        await client.call("rpc.ping", None, Pong)


async def test_an_address_has_few_sign_ins_and_refusals(store_url: str, tmp_path: Path) -> None:
    server = Server(
        tmp_path, store_url, RATE_SIGN_IN=SIGN_IN_LIMIT, RATE_ANONYMOUS=ANONYMOUS_LIMIT, TRUST_PROXY=True
    )
    await server.start()
    token = (await server.register("ada@example.com")).access_token
    form = {"email": "ada@example.com", "password": PASSWORD}
    async with aiohttp.ClientSession(server.url, cookie_jar=aiohttp.DummyCookieJar()) as http:
        for used in range(2, SIGN_IN_LIMIT + 1):
            async with http.post("/api/v5/auth/login", json=form) as response:
                assert response.status == 200
                assert response.headers["RateLimit"].startswith(f'"sign-in";r={SIGN_IN_LIMIT - used};')
        for action, body in (("login", form), ("refresh", {"refresh_token": "x"}), ("register", form)):
            async with http.post(f"/api/v5/auth/{action}", json=body) as response:
                await problem(response, "sign-in")
        for _ in range(ANONYMOUS_LIMIT):
            async with http.get(HEALTH, headers=bearer("not a token")) as response:
                assert response.status == 401
        for path in (HEALTH, "/ws/rpc", "/api/v5/openapi.json"):
            async with http.get(path) as response:
                await problem(response, "anonymous")
        # Whoever is signed in may come from the same address, and others from elsewhere.
        async with http.get(HEALTH, headers=bearer(token)) as response:
            assert response.status == 200
        elsewhere = {"X-Forwarded-For": "192.0.2.7"}
        async with http.post("/api/v5/auth/login", json=form, headers=elsewhere) as response:
            assert response.status == 200
        async with http.get("/api/v5/openapi.json", headers=elsewhere) as response:
            assert response.status == 200
    await server.kill()
