"""A hundred people at work on one gateway: each has an IDE's socket open, edits, and asks the REST API."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from aiohttp import ClientSession, ClientTimeout

from benchmarks import requests
from benchmarks.figures import Figure, Plan, Turn
from benchmarks.foundationdb import on_each_engine
from benchmarks.processes import Gateway, gateway
from rpc.client import Client
from theia_bridge.methods.protocol import (
    Directory,
    FileContent,
    PathParams,
    ReadDirectoryParams,
    ReadFileParams,
    Stat,
    WriteFileParams,
)

USERS = 100
SIGNING_UP = 4
"""Accounts made at a time: hashing a password takes a core for a while."""
PAUSE_SECONDS = 0.4
"""Mean time between two RPC calls of a user: an editor that saves, looks and lists all the time."""
REST_PAUSE_SECONDS = 1.0
"""Mean time between two REST requests of a user: 60 a minute, where 100 are allowed."""
SECONDS = 10.0
"""A turn lasts this long at least: what is measured is a steady state."""


@dataclass
class _Seen:
    """Seconds that calls took, and what went wrong."""

    rpc: list[float] = field(default_factory=list)
    rest: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def measure(plan: Plan) -> list[Figure]:
    """`users`"""
    return await on_each_engine(partial(_measure, plan))


async def _measure(plan: Plan, engine: str, store: str | None) -> list[Figure]:
    turns: list[_Seen] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(gateway(plan.folder / f"users-{engine}", store=store))
        users = await _users(server, stack)
        seconds = max(plan.seconds, SECONDS)
        for _ in range(plan.runs):
            seen = _Seen()
            until = perf_counter() + seconds
            async with asyncio.TaskGroup() as group:
                for user in users:
                    group.create_task(user.edit(until, seen))
                    group.create_task(user.ask(until, seen))
            turns.append(seen)
    errors = [error for seen in turns for error in seen.errors]
    if errors:
        raise RuntimeError(f"{len(errors)} calls failed, the first: {errors[0]}")
    figures: list[Figure] = []
    kinds = {
        "RPC calls": [seen.rpc for seen in turns],
        "REST requests": [seen.rest for seen in turns],
    }
    for name, took in kinds.items():
        done = [Turn(len(latencies) / seconds, sorted(latencies)) for latencies in took]
        figures += [
            Figure(
                measure="users",
                name=f"{name} of {USERS} users",
                unit="/s",
                runs=[turn.rate for turn in done],
                p50=statistics.median(turn.quantile(0.5) for turn in done),
                p99=statistics.median(turn.quantile(0.99) for turn in done),
            ),
            Figure(
                measure="users",
                name=f"{name} of {USERS} users, p95",
                unit="ms",
                runs=[turn.quantile(0.95) for turn in done],
                at_most=200,
            ),
        ]
    return figures


class _User:
    """Somebody with the IDE open."""

    def __init__(self, client: Client, http: ClientSession, number: int) -> None:
        self._client = client
        self._http = http
        self._random = random.Random(number)

    async def edit(self, until: float, seen: _Seen) -> None:
        """What the IDE does over its socket."""
        calls: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("fs.stat", self._stat),
            ("fs.readFile", self._read),
            ("fs.writeFile", self._write),
            ("fs.readDirectory", self._list),
        ]
        await self._repeat(calls, until, PAUSE_SECONDS, seen.rpc, seen.errors)

    async def ask(self, until: float, seen: _Seen) -> None:
        """What goes over REST."""
        calls: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("GET users/me", lambda: self._request("GET", "users/me")),
            ("GET conversations", lambda: self._request("GET", "conversations")),
            ("POST conversations", lambda: self._request("POST", "conversations", {"title": "A question"})),
            ("GET settings", lambda: self._request("GET", "settings")),
            ("PUT settings", lambda: self._request("PUT", "settings/editor/font", {"value": 14})),
            ("GET agents", lambda: self._request("GET", "agents")),
        ]
        await self._repeat(calls, until, REST_PAUSE_SECONDS, seen.rest, seen.errors)

    async def _repeat(
        self,
        calls: list[tuple[str, Callable[[], Awaitable[object]]]],
        until: float,
        pause: float,
        took: list[float],
        errors: list[str],
    ) -> None:
        await asyncio.sleep(self._random.uniform(0, pause))
        while (started := perf_counter()) < until:
            name, call = self._random.choice(calls)
            try:
                await call()
            except Exception as error:  # whatever it is, it counts
                errors.append(f"{name}: {error!r}")
            took.append(perf_counter() - started)
            await asyncio.sleep(self._random.expovariate(1 / pause))

    async def _stat(self) -> Stat:
        return await self._client.call("fs.stat", PathParams(path="/workspace/README.md"), Stat)

    async def _read(self) -> FileContent:
        return await self._client.call(
            "fs.readFile", ReadFileParams(path="/workspace/README.md"), FileContent
        )

    async def _write(self) -> Stat:
        content = self._random.randbytes(requests.SMALL)
        params = WriteFileParams(path=f"/workspace/{self._random.randrange(20)}.py", content=content)
        return await self._client.call("fs.writeFile", params, Stat)

    async def _list(self) -> Directory:
        return await self._client.call("fs.readDirectory", ReadDirectoryParams(path="/workspace"), Directory)

    async def _request(self, method: str, path: str, body: object = None) -> None:
        async with self._http.request(method, f"/api/v5/{path}", json=body) as response:
            text = await response.text()
            if not response.ok:
                raise RuntimeError(f"{response.status} {text[:200]}")


async def _users(server: Gateway, stack: AsyncExitStack) -> list[_User]:
    places = asyncio.Semaphore(SIGNING_UP)

    async def token(number: int) -> str:
        async with places:
            return await server.register(f"user{number}")

    tokens = await asyncio.gather(*map(token, range(USERS)))
    return [await stack.enter_async_context(_signed_in(server, token, i)) for i, token in enumerate(tokens)]


@asynccontextmanager
async def _signed_in(server: Gateway, token: str, number: int) -> AsyncIterator[_User]:
    url = str(server.url.with_scheme("ws") / "ws/rpc")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        Client.connect(url, token=token) as client,
        ClientSession(server.url, headers=headers, timeout=ClientTimeout(total=30)) as http,
    ):
        yield _User(client, http, number)
