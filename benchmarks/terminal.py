"""Terminals: how long a key takes to be echoed, and floods, beside terminado and a bare pseudo-terminal."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
from abc import ABC, abstractmethod
from array import array
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks.environments import environment
from benchmarks.figures import Figure, Plan, Side, Skipped, Turn
from benchmarks.processes import Gateway, gateway, line_of, process
from benchmarks.rpc_calls import WARM_UP
from benchmarks.wire import BINARY, PATIENCE, TEXT, WebSocket, frame
from rpc import RpcError
from rpc.client import Client
from theia_bridge.workspace.terminal.protocol import CreateTerminalParams, Terminal

TERMINADO = ("terminado==0.18.1", "tornado==6.6.1")
FLOOD = 100_000_000
"""Bytes of a flood."""
ACKNOWLEDGE = 64 * 1024
"""Bytes after which the IDE acknowledges them."""
_READY = b"ready"
_ECHO = "stty -icanon; printf ready; exec cat >/dev/null"
"""The kernel echoes each key by itself, and the program takes it: what is left is the way to it and back."""
_FLOOD = f"stty raw -echo; printf ready; while head -c 1 >/dev/null; do yes | head -c {FLOOD}; done"
"""A flood for each key."""


async def measure(plan: Plan) -> list[Figure]:
    """`terminal`"""
    python = await environment(plan.kept / "bench-terminado", *TERMINADO)
    async with (
        gateway(plan.folder / "terminal") as server,
        _terminado(python, plan.folder / "terminado") as port,
        AsyncExitStack() as stack,
    ):
        token = await server.register("bench")
        ours = [await stack.enter_async_context(_ours(server, token, script)) for script in (_ECHO, _FLOOD)]
        theirs = [await stack.enter_async_context(_theirs(port, f"/{i}")) for i in range(2)]
        bare = stack.enter_context(_bare(_ECHO))
        keys, their_keys, bare_keys, meanwhile = (
            Side(name) for name in ("key echo", "terminado key echo", "bare key echo", "key echo in a flood")
        )
        floods: list[_Flood] = []
        their_floods: list[_Flood] = []
        for terminal in (ours[0], theirs[0]):
            await terminal.keys(WARM_UP)
        for _ in range(plan.runs):
            keys.turns.append(await ours[0].keys(plan.seconds))
            their_keys.turns.append(await theirs[0].keys(plan.seconds))
            bare_keys.turns.append(await asyncio.to_thread(_bare_keys, bare, plan.seconds))
            floods.append(await ours[1].flood())
            their_floods.append(await theirs[1].flood())
            meanwhile.turns.append(await _in_a_flood(ours[0], ours[1], plan.seconds))
    return [
        *(side.figure("terminal") for side in (keys, their_keys, bare_keys, meanwhile)),
        _ratio(keys, their_keys, 0.5),
        _ratio(keys, their_keys, 0.99),
        _figure("flood", "MiB/s", [flood.rate for flood in floods]),
        _figure("terminado flood", "MiB/s", [flood.rate for flood in their_floods]),
        _figure("flood, bytes of a frame", "KiB", [flood.frame for flood in floods], at_least=16),
        _figure("terminado flood, bytes of a frame", "KiB", [flood.frame for flood in their_floods]),
    ]


def _figure(name: str, unit: str, runs: list[float], at_least: float | None = None) -> Figure:
    return Figure(measure="terminal", name=name, unit=unit, runs=runs, at_least=at_least)


def _ratio(mine: Side, other: Side, share: float) -> Figure:
    """How many times the other's latency; the target is that of the median."""
    pairs = zip(mine.turns, other.turns, strict=True)
    return Figure(
        measure="terminal",
        name=f"{mine.name} / {other.name}, p{share * 100:.0f}",
        unit="x",
        runs=[one.quantile(share) / two.quantile(share) for one, two in pairs],
        at_most=1,
    )


class _Flood(msgspec.Struct):
    """MiB a second, and KiB of a frame on average."""

    rate: float
    frame: float


class _Terminal(WebSocket, ABC):
    """The socket of a terminal with a program that says when it is ready.

    Attributes:
        key: a frame with one key.
    """

    key: bytes

    def __init__(self) -> None:
        super().__init__(good="k")
        self._ready = asyncio.Event()
        self._seen = b""

    @abstractmethod
    def said(self, opcode: int, content: bytes) -> bytes | None:
        """What the program says by a frame; None if the frame is about something else."""

    @abstractmethod
    def acknowledge(self, count: int) -> bytes:
        """What tells that so many more bytes were dealt with."""

    async def attach(self, path: str, token: str = "") -> None:
        """Connects, and waits until the program is ready."""
        await self.upgrade(path, token)
        async with asyncio.timeout(PATIENCE):
            await self._ready.wait()

    async def keys(self, seconds: float) -> Turn:
        """One key after the other, each when the one before it was echoed."""
        each = ACKNOWLEDGE // 4
        keys = itertools.cycle([*itertools.repeat(self.key, each - 1), self.acknowledge(each) + self.key])
        started = perf_counter()
        latencies = await self.loop(keys, started + seconds)
        return Turn(len(latencies) / (perf_counter() - started), sorted(latencies))

    async def flood(self) -> _Flood:
        """Has the program write `FLOOD` bytes, and takes them."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken = acknowledged = frames = 0

        def take(content: bytes) -> None:
            nonlocal taken, acknowledged, frames
            frames += 1
            taken += len(content)
            if taken - acknowledged >= ACKNOWLEDGE:
                self._transport.write(self.acknowledge(taken - acknowledged))
                acknowledged = taken
            if taken == FLOOD:
                done.set_result(None)

        self._answer, self._failed = take, done.set_exception
        started = perf_counter()
        self._transport.write(self.key)
        async with asyncio.timeout(PATIENCE):
            await done
        return _Flood(FLOOD / 2**20 / (perf_counter() - started), FLOOD / 1024 / frames)

    def _received(self, kind: int, content: bytes) -> None:
        if not self._open:
            super()._received(kind, content)
            self._open, self._answer = True, self._until_ready  # frames may have come with it
        elif (said := self.said(kind & 0x0F, content)) is not None:
            assert self._answer is not None
            self._answer(said)

    def _until_ready(self, said: bytes) -> None:
        self._seen += said
        if self._seen.endswith(_READY):
            self._ready.set()


class _Ours(_Terminal):
    key = frame(b"k")

    def said(self, opcode: int, content: bytes) -> bytes | None:
        return content if opcode == BINARY else None

    def acknowledge(self, count: int) -> bytes:
        return frame(b'{"ack":%d}' % count, opcode=TEXT)


class _Theirs(_Terminal):
    key = frame(b'["stdin","k"]', opcode=TEXT)

    def said(self, opcode: int, content: bytes) -> bytes | None:
        kind, said = msgspec.json.decode(content)
        return said.encode() if kind == "stdout" else None

    def acknowledge(self, count: int) -> bytes:
        return b""


@asynccontextmanager
async def _ours(server: Gateway, token: str, script: str) -> AsyncIterator[_Terminal]:
    """A terminal with a script of a shell in it.

    Raises:
        Skipped: no programs are run on this machine.
    """
    async with Client.connect(str(server.url.with_scheme("ws") / "ws/rpc"), token=token) as client:
        params = CreateTerminalParams(command="/bin/sh", args=["-c", script])
        try:
            created = await client.call("terminal.create", params, Terminal)
        except RpcError as error:
            raise Skipped(f"no terminal: {error}") from None
    terminal = await _Ours.open(server.port)
    try:
        await terminal.attach(f"/ws/terminal/{created.id}", token)
        yield terminal
    finally:
        terminal.close()


@asynccontextmanager
async def _theirs(port: int, path: str) -> AsyncIterator[_Terminal]:
    terminal = await _Theirs.open(port)
    try:
        await terminal.attach(path)
        yield terminal
    finally:
        terminal.close()


@asynccontextmanager
async def _terminado(python: Path, folder: Path) -> AsyncIterator[int]:
    """Runs terminado with the scripts; gives its port."""
    program = Path(__file__).with_name("terminado_server.py")
    async with process([python, program, _ECHO, _FLOOD], folder=folder, stdout=PIPE) as child:
        yield int(await line_of(child, folder))


async def _in_a_flood(quiet: _Terminal, loud: _Terminal, seconds: float) -> Turn:
    """Keys in one terminal while another of the session floods its own reader."""
    over = False

    async def flood() -> None:
        while not over:
            await loud.flood()

    async with asyncio.TaskGroup() as group:
        group.create_task(flood())
        turn = await quiet.keys(seconds)
        over = True
    return turn


@contextmanager
def _bare(script: str) -> Iterator[int]:
    """A pseudo-terminal with nothing before it; its descriptor, once the script is ready."""
    outer, inner = os.openpty()
    with subprocess.Popen(["/bin/sh", "-c", script], stdin=inner, stdout=inner, stderr=inner) as child:
        os.close(inner)
        try:
            seen = b""
            while not seen.endswith(_READY):
                seen += os.read(outer, 1024)
            yield outer
        finally:
            child.kill()
            os.close(outer)


def _bare_keys(descriptor: int, seconds: float) -> Turn:
    latencies = array("d")
    started = now = perf_counter()
    while now - started < seconds:
        before = perf_counter()
        os.write(descriptor, b"k")
        os.read(descriptor, 16)
        now = perf_counter()
        latencies.append(now - before)
    return Turn(len(latencies) / (now - started), sorted(latencies))
