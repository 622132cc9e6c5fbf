"""Large files: over one connection of the IDE, and over HTTP with the memory that takes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout

from benchmarks import requests
from benchmarks.figures import Figure, Plan
from benchmarks.processes import Gateway, gateway
from benchmarks.rpc_calls import WARM_UP, Contestant
from benchmarks.wire import web_sockets

_MIB = 1024 * 1024
SIZE = 1024
"""MiB of the file that goes over HTTP."""
SAMPLE_SECONDS = 0.02


async def measure(plan: Plan) -> list[Figure]:
    """`large`"""
    async with gateway(plan.folder / "large") as server:
        token = await server.prepared()
        async with web_sockets(1, server.port, "/ws/rpc", token, requests.GOOD) as sockets:
            contestant = Contestant(sockets, requests.big_reads(), server.pid)
            await contestant.turn(WARM_UP)
            turns = [await contestant.turn(plan.seconds) for _ in range(plan.runs)]
    rates = [turn.rate * requests.BIG / _MIB for turn in turns]
    figures = [Figure(measure="large", name="fs.readFile 10 MiB", unit="MiB/s", runs=rates, at_least=200)]
    async with gateway(plan.folder / "streamed") as server:
        figures += await _streamed(server, await server.register("ada"))
    return figures


async def _streamed(server: Gateway, token: str) -> list[Figure]:
    """Once only: it takes a gigabyte of the disk."""
    rates: list[float] = []
    async with (
        ClientSession(
            headers={"Authorization": f"Bearer {token}"},
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
        ) as http,
        _most_memory(server.pid) as most,
    ):
        url = server.url / "api/v5/files/workspace/large"
        started = time.monotonic()
        async with http.put(url, data=_noise()) as response:
            response.raise_for_status()
        rates.append(SIZE / (time.monotonic() - started))
        started = time.monotonic()
        size = 0
        async with http.get(url) as response:
            response.raise_for_status()
            async for part in response.content.iter_any():
                size += len(part)
        rates.append(SIZE / (time.monotonic() - started))
        assert size == SIZE * _MIB
    return [
        Figure(measure="large", name="PUT 1 GiB", unit="MiB/s", runs=rates[:1]),
        Figure(measure="large", name="GET 1 GiB", unit="MiB/s", runs=rates[1:]),
        Figure(
            measure="large", name="gateway meanwhile, more than before", unit="MiB", runs=most, at_most=100
        ),
    ]


async def _noise() -> AsyncIterator[bytes]:
    """What cannot be compressed."""
    block = os.urandom(_MIB)
    for i in range(SIZE):
        yield i.to_bytes(8, "big") + block[8:]


@asynccontextmanager
async def _most_memory(pid: int) -> AsyncIterator[list[float]]:
    """MiB by which a process's own memory grew at most inside the block, told at its end.

    Without what is mapped from the store's file: the system takes that back when it needs it.
    """
    before = most = _anonymous(pid)
    told: list[float] = []

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, _anonymous(pid))
            await asyncio.sleep(SAMPLE_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield told
    finally:
        watching.cancel()
        told.append(most - before)


def _anonymous(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel tells no RssAnon")
