"""What size costs: folders of many entries and large trees, on both engines."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import TypeVar

import jwt

from benchmarks import requests
from benchmarks.figures import Figure, Plan
from benchmarks.foundationdb import on_each_engine
from benchmarks.processes import Gateway, gateway
from benchmarks.rpc_calls import CONNECTIONS, Contestant, race
from benchmarks.wire import WebSocket, web_sockets
from fdb_provider.engine import Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.files import content, tree
from fdb_provider.files.entry import new_file
from fdb_provider.files.paths import parse
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope
from rpc.client import Client
from theia_bridge.methods.protocol import (
    DeleteParams,
    Directory,
    MoveParams,
    PathParams,
    ReadDirectoryParams,
    Stat,
)

ENTRIES = 100_000
"""Of the large folder."""
BRANCH = 1000
"""Files of each folder of the large tree."""
BRANCHES = 200
SMALL_TREE = 200
"""Files of the tree that it is compared with."""
SIZES = (10, 100, 1000, 10_000, 100_000)
"""Entries of the folders whose costs are drawn."""

T = TypeVar("T")


async def measure(plan: Plan) -> list[Figure]:
    """`scale`"""
    return await on_each_engine(partial(_measure, plan))


async def _measure(plan: Plan, engine: str, store: str | None) -> list[Figure]:
    folder = plan.folder / f"scale-{engine}"
    async with gateway(folder, store=store) as server:
        token = await server.register("bench")
    scope = scope_of(token)
    # The gateway is away meanwhile, for an embedded store has room for one process.
    await _fill(store or f"embedded:{folder / 'store'}", scope)
    async with gateway(folder, store=store) as server:
        figures = await _folder(plan, server, token)
        figures += await _stats(plan, server, token)
        async with _client(server, token) as client:
            figures += await _whole_folders(plan, client)
    return figures


def scope_of(token: str) -> Scope:
    """Whose an access token is."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return Scope(claims["tid"], claims["sub"], claims["sid"])


@asynccontextmanager
async def _client(server: Gateway, token: str) -> AsyncIterator[Client]:
    async with Client.connect(str(server.url.with_scheme("ws") / "ws/rpc"), token=token) as client:
        yield client


async def _fill(url: str, scope: Scope) -> None:
    """Makes the folders by the file system itself, many names in a transaction."""
    database = await open_database(url)
    files = FileService(database)
    try:
        for size in SIZES:
            await _flat(files, database.run, scope, f"/workspace/{size}", size)
        await _flat(files, database.run, scope, "/workspace/tree", 0)
        await _flat(files, database.run, scope, "/workspace/tree/000", BRANCH)
        for i in range(1, BRANCHES):
            await files.copy(scope, "/workspace/tree/000", f"/workspace/tree/{i:03}")
        await _flat(files, database.run, scope, "/workspace/few", SMALL_TREE)
    finally:
        await files.close()
        await database.close()


async def _flat(
    files: FileService,
    run: Callable[[Callable[[Transaction], Awaitable[None]]], Awaitable[None]],
    scope: Scope,
    path: str,
    size: int,
) -> None:
    await files.create_directory(scope, path)
    for start in range(0, size, 1000):

        async def body(tr: Transaction, start: int = start) -> None:
            for i in range(start, min(start + 1000, size)):
                entry = new_file(content.Content(content.EMPTY, b"", 0), 1)
                tree.put(tr, scope, parse(f"{path}/{_name(i)}"), entry, None)

        await run(body)


def _name(number: int) -> str:
    return f"file-{number:06}.txt"


async def _folder(plan: Plan, server: Gateway, token: str) -> list[Figure]:
    """The large folder as the IDE opens it."""
    path = f"/workspace/{ENTRIES}"
    page = requests.call("fs.readDirectory", ReadDirectoryParams(path=path))
    firsts: list[float] = []
    wholes: list[float] = []
    paged: list[float] = []
    async with (
        web_sockets(2, server.port, "/ws/rpc", token, requests.GOOD) as (socket, other),
        _client(server, token) as client,
    ):
        for _ in range(plan.runs):
            firsts.append((await _timed(socket.call(page)))[0])
            (seconds, stall), count = await _stalled(other, _pages(client, path))
            assert count == ENTRIES
            wholes.append(seconds)
            paged.append(stall * 1000)
    what = f"{ENTRIES:,} entries"
    return [
        Figure(measure="scale", name=f"folder of {what}, first page", unit="s", runs=firsts, at_most=1),
        Figure(measure="scale", name=f"folder of {what}, all pages", unit="s", runs=wholes),
        Figure(measure="scale", name="others' longest wait meanwhile", unit="ms", runs=paged, at_most=50),
    ]


async def _pages(client: Client, path: str) -> int:
    after: str | None = ""
    count = 0
    while after is not None:
        params = ReadDirectoryParams(path=path, after=after)
        page = await client.call("fs.readDirectory", params, Directory)
        count += len(page.entries)
        after = page.next
    return count


async def _timed(work: Awaitable[T]) -> tuple[float, T]:
    started = perf_counter()
    result = await work
    return perf_counter() - started, result


async def _stalled(other: WebSocket, work: Awaitable[T]) -> tuple[tuple[float, float], T]:
    """How long some work takes, and how long the calls of another connection take meanwhile at most."""
    ping = requests.call("rpc.ping", None)
    longest = 0.0
    done = False

    async def pinging() -> None:
        nonlocal longest
        while not done:
            longest = max(longest, (await _timed(other.call(ping)))[0])

    pinger = asyncio.create_task(pinging())
    try:
        seconds, result = await _timed(work)
    finally:
        done = True
        await pinger
    return (seconds, longest), result


async def _stats(plan: Plan, server: Gateway, token: str) -> list[Figure]:
    """`fs.stat` all over the large tree, and over a small one."""
    few, many = f"tree of {SMALL_TREE}", f"tree of {BRANCH * BRANCHES:,}"
    async with web_sockets(CONNECTIONS, server.port, "/ws/rpc", token, requests.GOOD) as sockets:
        sides = await race(
            plan,
            {
                few: Contestant(
                    sockets, _stat(f"/workspace/few/{_name(i)}" for i in range(SMALL_TREE)), server.pid
                ),
                many: Contestant(sockets, _stat(_scattered()), server.pid),
            },
        )
    p99 = {
        name: Figure(
            measure="scale",
            name=f"fs.stat p99, {name}",
            unit="ms",
            runs=[turn.quantile(0.99) for turn in side.turns],
        )
        for name, side in sides.items()
    }
    pairs = zip(p99[many].runs, p99[few].runs, strict=True)
    return [
        *p99.values(),
        Figure(
            measure="scale",
            name=f"fs.stat p99, {many} / {few}",
            unit="x",
            runs=[large / small for large, small in pairs],
            at_most=2,
        ),
    ]


def _stat(paths: Iterator[str]) -> Iterator[bytes]:
    return itertools.cycle([requests.call("fs.stat", PathParams(path=path)) for path in paths])


def _scattered() -> Iterator[str]:
    """Paths from all over the large tree; no two in a row are near to each other in the store."""
    step = 7919  # a prime, so that all are reached
    total = BRANCH * BRANCHES
    for i in range(20_000):
        number = i * step % total
        yield f"/workspace/tree/{number // BRANCH:03}/{_name(number % BRANCH)}"


async def _whole_folders(plan: Plan, client: Client) -> list[Figure]:
    """Whole folders of each size."""
    figures: list[Figure] = []
    for size in SIZES:
        here, there, copy = (f"/workspace/{size}{end}" for end in ("", "-moved", "-copy"))
        acts: dict[str, list[float]] = {"list": [], "copy": [], "rename": [], "delete": []}
        for _ in range(plan.runs):
            seconds, _ = await _timed(_pages(client, here))
            acts["list"].append(seconds)
            for act, method, params in (
                ("copy", "fs.copy", MoveParams(source=here, target=copy)),
                ("rename", "fs.rename", MoveParams(source=here, target=there)),
                ("", "fs.rename", MoveParams(source=there, target=here)),
            ):
                seconds, _ = await _timed(client.call(method, params, Stat))
                if act:
                    acts[act].append(seconds)
            seconds, _ = await _timed(client.call("fs.delete", DeleteParams(path=copy, recursive=True), None))
            acts["delete"].append(seconds)
        figures += [
            Figure(
                measure="scale",
                name=f"{act} a folder of {size:,}",
                unit="s",
                runs=runs,
                at_most=1 if (act, size) == ("rename", 10_000) else None,
                series=act,
                size=size,
            )
            for act, runs in acts.items()
        ]
    return figures
