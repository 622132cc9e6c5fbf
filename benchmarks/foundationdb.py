"""The server on FoundationDB, beside bare loops with the official binding on the same cluster."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import requests
from benchmarks.figures import Figure, Plan, Side, Skipped, Turn
from benchmarks.processes import gateway
from benchmarks.rpc_calls import CONNECTIONS, WARM_UP
from benchmarks.wire import Requests, drive, web_sockets
from tests import fdbserver

_API_VERSION = 730
_SETTLE_SECONDS = 60.0
_SETTLED_BYTES = 256 * 1024
"""What a cluster's own bookkeeping keeps waiting."""


async def measure(plan: Plan) -> list[Figure]:
    """`fdb`"""
    if reason := fdbserver.missing():
        raise Skipped(reason)
    async with cluster() as file:
        return await _measure(plan, file)


@asynccontextmanager
async def cluster() -> AsyncIterator[Path]:
    running = fdbserver.running()
    starting = asyncio.create_task(asyncio.to_thread(running.__enter__))
    try:
        yield await asyncio.shield(starting)
    finally:
        await starting  # an interruption does not stop the thread, so there is a server to be ended
        await asyncio.to_thread(running.__exit__, None, None, None)


async def on_each_engine(
    measure: Callable[[str, str | None], Awaitable[list[Figure]]],
) -> list[Figure]:
    """What `measure` gives for each engine that is there, named by it.

    Args:
        measure: is given the engine's name, and the URL of its store; None is a gateway's own, embedded one.
    """
    figures = _named("embedded", await measure("embedded", None))
    if fdbserver.missing() is None:
        async with cluster() as file:
            figures += _named("FoundationDB", await measure("FoundationDB", f"fdb:{file}"))
    return figures


def _named(engine: str, figures: list[Figure]) -> list[Figure]:
    for figure in figures:
        figure.name = f"{figure.name}, {engine}"
        if figure.series is not None:
            figure.series = f"{figure.series}, {engine}"
    return figures


async def _measure(plan: Plan, cluster: Path) -> list[Figure]:
    async with gateway(plan.folder / "fdb-gateway", store=f"fdb:{cluster}") as server:
        bare = await asyncio.to_thread(_Bare, cluster)  # a gateway refuses a cluster with keys of others
        token = await server.prepared()
        async with web_sockets(CONNECTIONS, server.port, "/ws/rpc", token, requests.GOOD) as ours:

            def calls(of: Requests) -> Callable[[float], Awaitable[Turn]]:
                return lambda seconds: drive(ours, of, seconds, server.pid)

            def loops(operation: Callable[[], Awaitable[None]]) -> Callable[[float], Awaitable[Turn]]:
                return lambda seconds: _loops(operation, seconds)

            contestants = {
                "fs.readFile 4 KiB": calls(requests.reads()),
                "two gets": loops(bare.two_gets),
                "one get": loops(bare.one_get),
                "fs.writeFile 4 KiB": calls(requests.writes()),
                "commit 4 KiB": loops(bare.commit),
                "get, then commit 4 KiB": loops(bare.get_and_commit),
            }
            sides = {name: Side(name) for name in contestants}
            for contestant in contestants.values():
                await contestant(WARM_UP)
            for _ in range(plan.runs):
                for name, contestant in contestants.items():
                    await bare.settled()
                    sides[name].turns.append(await contestant(plan.seconds))
    return [
        *(side.figure("fdb") for side in sides.values()),
        sides["fs.readFile 4 KiB"].against(sides["two gets"], "fdb", at_least=0.5),
        sides["fs.readFile 4 KiB"].against(sides["one get"], "fdb"),
        sides["fs.writeFile 4 KiB"].against(sides["get, then commit 4 KiB"], "fdb", at_least=0.5),
        sides["fs.writeFile 4 KiB"].against(sides["commit 4 KiB"], "fdb"),
    ]


class _Bare:
    """What a read and a write cost at least: the names lead to the contents."""

    def __init__(self, cluster: Path) -> None:
        import fdb  # noqa: PLC0415 - needs the C library

        fdb.api_version(_API_VERSION)
        self._db: Any = fdb.open(str(cluster))
        self._numbers = itertools.count()
        for i in range(requests.FILES):
            self._db[b"bench/name/%d" % i] = b"bench/content/%d" % i
            self._db[b"bench/content/%d" % i] = requests.content_of(i)

    async def settled(self) -> None:
        """Waits until the storage server has on its disk what earlier turns have committed.

        It keeps versions in memory for five seconds and writes them out afterwards, on a core that the next
        turn would be measured on.
        """
        until = perf_counter() + _SETTLE_SECONDS
        while perf_counter() < until:
            tr = self._db.create_transaction()
            status = json.loads(bytes(await _done(tr.get(b"\xff\xff/status/json"))))
            roles = [role for process in status["cluster"]["processes"].values() for role in process["roles"]]
            waiting = sum(
                role["input_bytes"]["counter"] - role["durable_bytes"]["counter"]
                for role in roles
                if role["role"] == "storage"
            )
            if waiting < _SETTLED_BYTES:
                return
            await asyncio.sleep(0.25)
        raise RuntimeError(f"the cluster has not written out its commits within {_SETTLE_SECONDS} s")

    async def two_gets(self) -> None:
        tr = self._db.create_transaction()
        name = await _done(tr.get(b"bench/name/%d" % (next(self._numbers) % requests.FILES)))
        assert len(await _done(tr.get(bytes(name)))) == requests.SMALL

    async def one_get(self) -> None:
        tr = self._db.create_transaction()
        number = next(self._numbers) % requests.FILES
        assert len(await _done(tr.get(b"bench/content/%d" % number))) == requests.SMALL

    async def commit(self) -> None:
        tr = self._db.create_transaction()
        number = next(self._numbers)
        tr[b"bench/written/%016d" % number] = requests.content_of(number)
        await _done(tr.commit())

    async def get_and_commit(self) -> None:
        """What a write has to do that looks whether its folder is there: a read version, a read, a commit."""
        tr = self._db.create_transaction()
        number = next(self._numbers)
        await _done(tr.get(b"bench/name/%d" % (number % requests.FILES)))
        tr[b"bench/written/%016d" % number] = requests.content_of(number)
        await _done(tr.commit())


async def _done(future: Any) -> Any:
    """The result of one of the binding's futures."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    future.on_ready(lambda _: loop.call_soon_threadsafe(waiter.set_result, None))
    await waiter
    return future.wait()


async def _loops(operation: Callable[[], Awaitable[None]], seconds: float) -> Turn:
    """One turn of as many closed loops as there are connections elsewhere."""
    latencies: list[float] = []
    started = perf_counter()
    until = started + seconds

    async def loop() -> None:
        while (begun := perf_counter()) < until:
            await operation()
            latencies.append(perf_counter() - begun)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(loop())
    return Turn(len(latencies) / (perf_counter() - started), sorted(latencies))
