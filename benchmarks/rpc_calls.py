"""Calls a second of the server on the embedded store, beside a bare WebSocket echo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import requests
from benchmarks.figures import Figure, Plan, Side, Turn
from benchmarks.processes import echo, gateway
from benchmarks.wire import Connection, Requests, drive, web_sockets

CONNECTIONS = 20
WARM_UP = 0.5
"""Seconds before the first turn of each side that do not count."""


@dataclass(frozen=True)
class Contestant:
    """What is called, where, and the process that answers."""

    connections: Sequence[Connection]
    requests: Requests
    pid: int

    async def turn(self, seconds: float) -> Turn:
        """Drives it for that long."""
        return await drive(self.connections, self.requests, seconds, self.pid)


async def race(plan: Plan, contestants: Mapping[str, Contestant]) -> dict[str, Side]:
    """Lets each have its turn, and all again, as often as planned."""
    sides = {name: Side(name) for name in contestants}
    for contestant in contestants.values():
        await contestant.turn(WARM_UP)
    for _ in range(plan.runs):
        for name, contestant in contestants.items():
            sides[name].turns.append(await contestant.turn(plan.seconds))
    return sides


async def measure(plan: Plan) -> list[Figure]:
    """`rpc`"""
    async with echo(plan.folder / "echo") as (port, pid), gateway(plan.folder / "gateway") as server:
        token = await server.prepared()
        async with (
            web_sockets(CONNECTIONS, port, "/", good=requests.GOOD) as bare,
            web_sockets(CONNECTIONS, server.port, "/ws/rpc", token, requests.GOOD) as ours,
        ):
            contestants = {
                "echo": Contestant(bare, requests.stats(), pid),
                "fs.stat": Contestant(ours, requests.stats(), server.pid),
                "fs.readFile 4 KiB": Contestant(ours, requests.reads(), server.pid),
                "fs.readDirectory 200": Contestant(ours, requests.lists(), server.pid),
                "fs.writeFile 4 KiB": Contestant(ours, requests.writes(), server.pid),
            }
            sides = await race(plan, contestants)
    floor = sides["echo"]
    targets = ("fs.stat", "fs.readFile 4 KiB")
    return [
        *(side.figure("rpc") for side in sides.values()),
        *(sides[name].against(floor, "rpc", at_least=0.2) for name in targets),
        *(sides[name].cheapness(floor, "rpc") for name in targets),
    ]
