"""Forks of a large session, also while it is written to; and related ones among a thousand."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Any

import msgspec
from aiohttp import ClientSession, ClientTimeout

from benchmarks import requests
from benchmarks.figures import Figure, Plan
from benchmarks.foundationdb import on_each_engine
from benchmarks.processes import Gateway, gateway
from benchmarks.scale import scope_of
from benchmarks.wire import WebSocket, web_sockets
from fdb_provider.engine import Database, Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.files import content, tree
from fdb_provider.files.entry import new_directory, new_file
from fdb_provider.files.paths import parse
from fdb_provider.files.service import FileService
from fdb_provider.models import Conversation, WorkspaceSession, new_id
from fdb_provider.repositories import conversations, workspace_sessions
from fdb_provider.scope import Scope
from theia_bridge.methods.protocol import WriteFileParams
from theia_bridge.related.service import RelatedSessions

FILES = 10_000
"""Of the session that is forked, each with a content of its own, in folders of `BRANCH`."""
BRANCH = 100
SESSIONS = 1000
"""That are compared."""
OWN = 20
"""Files of each of them that no other has, and as many more of a common stock."""
STOCK = 2000
QUESTIONS = 200
"""That are asked in a turn: which sessions are related to one."""


async def measure(plan: Plan) -> list[Figure]:
    """`sessions`"""
    return await on_each_engine(partial(_measure, plan))


async def _measure(plan: Plan, engine: str, store: str | None) -> list[Figure]:
    folder = plan.folder / f"sessions-{engine}"
    async with gateway(folder, store=store) as server:
        forking, comparing = [await server.register(name) for name in ("forking", "comparing")]
    # The gateway is away meanwhile, for an embedded store has room for one process.
    database = await open_database(store or f"embedded:{folder / 'store'}")
    try:
        await _fill(database, scope_of(forking))
        ids = await _fill_many(database, scope_of(comparing))
    finally:
        await database.close()
    async with gateway(folder, store=store) as server:
        figures = await _forks(plan, server, forking)
        return figures + await _related(plan, server, comparing, ids)


async def _fill(database: Database, scope: Scope) -> None:
    for branch in range(FILES // BRANCH):
        prepared = [content.whole(b"%d of %d" % (i, branch)) for i in range(BRANCH - 1)]

        async def body(tr: Transaction, branch: int = branch, prepared: Any = prepared) -> None:
            tree.put(tr, scope, parse(f"/workspace/{branch:03}"), new_directory(1), None)
            await _put(tr, scope, f"/workspace/{branch:03}", prepared)

        await database.run(body)


async def _fill_many(database: Database, scope: Scope) -> list[str]:
    """Sessions with files of their own and common ones, tags, a conversation, and some of them forks."""
    chance = random.Random(1)
    vocabulary = [f"{chance.choice('bcdfglmnprst')}{chance.choice('aeiou')}" for _ in range(6000)]
    stock = [content.whole(b"stock %d" % i) for i in range(STOCK)]
    ids = [new_id() for _ in range(SESSIONS)]
    for number, id in enumerate(ids):
        words = [
            "".join(vocabulary[w : w + 3]) for w in (int(chance.paretovariate(0.4)) % 5990 for _ in range(60))
        ]
        session = WorkspaceSession(
            id=id,
            user=scope.user,
            name=f"Session {number} {words[0]}",
            created_at=number,
            used_at=number,
            updated_at=number,
            tags=tuple(dict.fromkeys(chance.choices([f"tag{i}" for i in range(40)], k=2))),
            parent=chance.choice(ids[:number]) if number % 3 == 2 else None,
        )
        own = [content.whole(b"%d of session %d" % (i, number)) for i in range(OWN)]
        files = own + chance.sample(stock, OWN)

        async def body(
            tr: Transaction,
            session: WorkspaceSession = session,
            files: Any = files,
            said: str = " ".join(words),
        ) -> None:
            within = Scope(scope.tenant, scope.user, session.id)
            await workspace_sessions.create(tr, scope.tenant, session)
            talk = Conversation(new_id(), session.id, scope.user, said, 1, 1)
            await conversations.create(tr, within, talk)
            await _put(tr, within, "/workspace", files)

        await database.run(body)
    service = FileService(database)
    related = RelatedSessions(database, service)
    for id in ids:
        await related.refresh(Scope(scope.tenant, scope.user, id))
    await service.close()
    return ids


async def _put(tr: Transaction, scope: Scope, folder: str, files: list[content.Prepared]) -> None:
    known = [content.issue(tr, scope.tenant, prepared) for prepared in files]
    for number, (prepared, read) in enumerate(zip(files, known, strict=True)):
        stored = await content.acquire(tr, scope.tenant, prepared, read)
        tree.put(tr, scope, parse(f"{folder}/file-{number:03}.txt"), new_file(stored, 1), None)


@asynccontextmanager
async def _http(token: str) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(headers=headers, timeout=ClientTimeout(total=60)) as http:
        yield http


async def _forks(plan: Plan, server: Gateway, token: str) -> list[Figure]:
    """By REST, first with nobody else there, then while one file after the other is written."""
    url = server.url / f"api/v5/sessions/{scope_of(token).session}/fork"
    quiet: list[float] = []
    busy: list[float] = []
    waits: list[float] = []
    async with _http(token) as http, web_sockets(2, server.port, "/ws/rpc", token, requests.GOOD) as sockets:

        async def fork() -> float:
            started = perf_counter()
            async with http.post(url) as response:
                response.raise_for_status()
            return perf_counter() - started

        for _ in range(plan.runs):
            quiet.append(await fork())
            async with _repeated(sockets[0], _writes()), _repeated(sockets[1], _pings()) as pinged:
                busy.append(await fork())
            waits.append(max(pinged) * 1000)
    what = f"fork of {FILES:,} files"
    return [
        Figure(measure="sessions", name=what, unit="s", runs=quiet, at_most=2),
        Figure(measure="sessions", name=f"{what}, written to", unit="s", runs=busy, at_most=2),
        Figure(measure="sessions", name="others' longest wait meanwhile", unit="ms", runs=waits, at_most=50),
    ]


def _writes() -> Iterator[bytes]:
    """Files all over the session, each with another content."""
    for number in itertools.count():
        path = f"/workspace/{number * 37 % (FILES // BRANCH):03}/file-{number % (BRANCH - 1):03}.txt"
        yield requests.call("fs.writeFile", WriteFileParams(path=path, content=b"written %d" % number))


def _pings() -> Iterator[bytes]:
    return itertools.repeat(requests.call("rpc.ping", None))


@asynccontextmanager
async def _repeated(socket: WebSocket, calls: Iterator[bytes]) -> AsyncIterator[list[float]]:
    """Makes one call after the other for as long as the context lasts; gives the seconds each took."""
    seconds: list[float] = []
    ended = False

    async def repeat() -> None:
        while not ended:
            started = perf_counter()
            await socket.call(next(calls))
            seconds.append(perf_counter() - started)

    repeating = asyncio.create_task(repeat())
    try:
        yield seconds
    finally:
        ended = True
        await repeating


async def _related(plan: Plan, server: Gateway, token: str, ids: list[str]) -> list[Figure]:
    """By REST, about one session after the other."""
    chance = random.Random(2)
    firsts: list[float] = []
    p50s: list[float] = []
    p95s: list[float] = []
    async with _http(token) as http:

        async def ask() -> float:
            started = perf_counter()
            async with http.get(server.url / f"api/v5/sessions/{chance.choice(ids)}/related") as response:
                response.raise_for_status()
                assert msgspec.json.decode(await response.read())["items"]
            return (perf_counter() - started) * 1000

        firsts.append(await ask())
        for _ in range(plan.runs):
            answers = sorted([await ask() for _ in range(QUESTIONS)])
            p50s.append(answers[QUESTIONS // 2])
            p95s.append(answers[QUESTIONS * 95 // 100])
    what = f"related among {SESSIONS:,} sessions"
    return [
        Figure(measure="sessions", name=f"{what}, first question", unit="ms", runs=firsts),
        Figure(measure="sessions", name=f"{what}, p50", unit="ms", runs=p50s),
        Figure(measure="sessions", name=f"{what}, p95", unit="ms", runs=p95s, at_most=50),
    ]
