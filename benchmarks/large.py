"""A large file over one connection."""

from __future__ import annotations

from benchmarks import requests
from benchmarks.figures import Figure, Plan
from benchmarks.processes import gateway
from benchmarks.rpc_calls import WARM_UP, Contestant
from benchmarks.wire import web_sockets

_MIB = 1024 * 1024


async def measure(plan: Plan) -> list[Figure]:
    """`large`"""
    async with gateway(plan.folder / "large") as server:
        token = await server.prepared()
        async with web_sockets(1, server.port, "/ws/rpc", token, requests.GOOD) as sockets:
            contestant = Contestant(sockets, requests.big_reads(), server.pid)
            await contestant.turn(WARM_UP)
            turns = [await contestant.turn(plan.seconds) for _ in range(plan.runs)]
    rates = [turn.rate * requests.BIG / _MIB for turn in turns]
    return [Figure(measure="large", name="fs.readFile 10 MiB", unit="MiB/s", runs=rates, at_least=200)]
