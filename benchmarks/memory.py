"""What an idle signed-in IDE costs the gateway."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks import requests
from benchmarks.figures import Figure, Plan
from benchmarks.processes import Gateway, gateway
from benchmarks.wire import web_sockets
from theia_bridge.methods.protocol import PathParams

ACCOUNTS = 30
IDES = 10
"""Of each account: making an account costs half a second of hashing."""


async def measure(plan: Plan) -> list[Figure]:
    """`memory`"""
    runs: list[float] = []
    idle: list[float] = []
    for turn in range(plan.runs):
        async with gateway(plan.folder / f"memory-{turn}") as server, AsyncExitStack() as open_ides:
            tokens = [await server.register(f"user{i}") for i in range(ACCOUNTS)]
            async with AsyncExitStack() as first:  # what is loaded or kept once is not an IDE's
                await _open(server, tokens, 1, first)
            before = memory(server.pid)
            await _open(server, tokens, IDES, open_ides)
            runs.append((memory(server.pid) - before) / (ACCOUNTS * IDES))
            idle.append(before / 1024)
    return [
        Figure(measure="memory", name="gateway, nobody connected", unit="MiB", runs=idle),
        Figure(measure="memory", name="an idle IDE", unit="KiB", runs=runs, at_most=100),
    ]


async def _open(server: Gateway, tokens: list[str], count: int, stack: AsyncExitStack) -> None:
    """Opens that many IDEs for each token: a socket that has looked around and watches."""
    first_calls = [
        requests.call("workspace.info", None),
        requests.call("fs.readDirectory", PathParams(path="/workspace")),
        requests.call("fs.readFile", PathParams(path="/workspace/README.md")),
        *requests.watches(),
    ]
    for token in tokens:
        sockets = web_sockets(count, server.port, "/ws/rpc", token, requests.GOOD)
        for socket in await stack.enter_async_context(sockets):
            for call in first_calls:
                await socket.call(call)


def memory(pid: int) -> float:
    """KiB of memory that are a process's own share (PSS, see proc(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return float(line.split()[1])
    raise RuntimeError("the kernel tells no Pss")
