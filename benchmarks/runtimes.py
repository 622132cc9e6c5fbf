"""Runtimes of sessions: from nothing to a shell's first prompt, and what they cost while they idle."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

from aiohttp import ClientSession, WSMsgType

from benchmarks.figures import Figure, Plan, Skipped
from benchmarks.memory import memory
from benchmarks.processes import Gateway, gateway
from rpc import RpcError
from rpc.client import Client
from theia_bridge.workspace.protocol import WorkspaceRuntime
from theia_bridge.workspace.terminal.protocol import CreateTerminalParams, Terminal

SESSIONS = 5
"""That have a runtime at a time."""
SETTLE_SECONDS = 2.0
"""After which what was started does nothing any more."""
_PROMPT = b"$ "
_PATIENCE = 60.0


async def measure(plan: Plan) -> list[Figure]:
    """`runtimes`"""
    prompts: list[float] = []
    idle: list[float] = []
    shells: list[float] = []
    for turn in range(plan.runs):
        async with gateway(plan.folder / f"runtimes-{turn}") as server, AsyncExitStack() as stack:
            prompts.append(await _first_prompt(server, await server.register("first")))
            tokens = [await server.register(f"user{i}") for i in range(SESSIONS)]
            clients = [
                await stack.enter_async_context(Client.connect(_rpc(server), token=token)) for token in tokens
            ]
            without = await settled(server)
            for client in clients:
                await client.call("workspace.start", None, WorkspaceRuntime)
            started = await settled(server)
            for client in clients:
                await client.call("terminal.create", CreateTerminalParams(), Terminal)
            with_shells = await settled(server)
        idle.append((started - without) / SESSIONS / 1024)
        shells.append((with_shells - started) / SESSIONS / 1024)
    return [
        _figure("first terminal, to the prompt", "s", prompts, at_most=1.5),
        _figure("an idle session with a runtime, more than without", "MiB", idle),
        _figure("with a shell in it, more than that", "MiB", shells),
    ]


def _figure(name: str, unit: str, runs: list[float], at_most: float | None = None) -> Figure:
    return Figure(measure="runtimes", name=name, unit=unit, runs=runs, at_most=at_most)


def _rpc(server: Gateway) -> str:
    return str(server.url.with_scheme("ws") / "ws/rpc")


async def _first_prompt(server: Gateway, token: str) -> float:
    """Seconds from asking for a terminal, in a session without a runtime, until its shell asks for a command.

    Raises:
        Skipped: no programs are run on this machine.
    """
    async with (
        Client.connect(_rpc(server), token=token) as client,
        ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        started = perf_counter()
        try:
            created = await client.call("terminal.create", CreateTerminalParams(), Terminal)
        except RpcError as error:
            raise Skipped(f"no terminal: {error}") from None
        said = b""
        async with (
            asyncio.timeout(_PATIENCE),
            http.ws_connect(server.url / f"ws/terminal/{created.id}") as socket,
        ):
            while _PROMPT not in said:
                message = await socket.receive()
                if message.type is WSMsgType.BINARY:
                    said += message.data
                elif message.type is not WSMsgType.TEXT:
                    raise RuntimeError(f"the terminal ended after {said!r}")
        return perf_counter() - started


async def settled(server: Gateway) -> float:
    """KiB of memory that are the own share of the gateway and all its descendants, once they rest.

    Raises:
        Skipped: runtimes hide it from users other than root.
    """
    await asyncio.sleep(SETTLE_SECONDS)
    total = 0.0
    for pid in family(server.pid):
        try:
            total += memory(pid)
        except PermissionError:
            raise Skipped("only root can tell what a runtime's memory is") from None
    return total


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family
