"""The mirror of a workspace: how soon a change is on the other side, and how long many take."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from aiohttp import ClientSession, WSMsgType

from benchmarks.figures import Figure, Plan, Skipped
from benchmarks.processes import Gateway, gateway
from benchmarks.runtimes import family
from rpc import RpcError
from rpc.client import Client, Notifications
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DidChange,
    Stat,
    Watch,
    WatchParams,
    WriteFileParams,
)
from theia_bridge.workspace.mirror.protocol import MirrorSettled
from theia_bridge.workspace.protocol import WorkspaceRuntime
from theia_bridge.workspace.terminal.protocol import CreateTerminalParams, Terminal

FILES = 10_000
FOLDERS = 100
SAVES = 100
"""Changes of a turn, one after the other."""
POLL = 0.0005
"""Seconds between two looks at the disk."""
REST = 0.06
"""Seconds from one change to the next: nobody saves sooner."""
IDLE_SECONDS = 5.0
_PATIENCE = 120.0
_SCRIPT = f"""
mkdir made; cd made
for i in $(seq {FOLDERS}); do
  mkdir $i; for j in $(seq {FILES // FOLDERS}); do echo "$i $j" > $i/$j.txt; done
done
"""


async def measure(plan: Plan) -> list[Figure]:
    """`mirror`"""
    figures: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    for turn in range(plan.runs):
        folder = plan.folder / f"mirror-{turn}"
        async with gateway(folder) as server, _Work.start(server) as work:
            to_disk, to_store = await work.saves(), await work.writes()
            add("a save, on the disk: p50", _quantile(to_disk, 0.5))
            add("a save, on the disk: p99", _quantile(to_disk, 0.99))
            add("a write, in the explorer: p50", _quantile(to_store, 0.5))
            add("a write, in the explorer: p99", _quantile(to_store, 0.99))
            add("processor while nothing happens", await work.idle())
            add(
                f"{FILES:,} files made in a shell, until all are stored",
                await work.timed(work.shell(_SCRIPT)),
            )
            add("a save meanwhile, on the disk: worst", work.worst)
            add("these removed, until they are in the store", await work.timed(work.shell("rm -r made")))
            add(f"{FILES:,} files saved, until all are on the disk", await work.timed(work.many()))
            add(f"a new runtime, with {FILES:,} files on its disk", await work.restart())
            work.forget_disk()
            add(f"a new runtime, with {FILES:,} files and an empty disk", await work.restart())
            work.bundle()
            add("git clone, until all is stored", await work.timed(work.shell(_CLONE)))
            add("git checkout, until all is stored", await work.timed(work.shell(_CHECKOUT)))
    targets = {"on the disk: p99": 100.0, "in the explorer: p99": 500.0, "until all are": 10.0}
    return [
        Figure(
            measure="mirror",
            name=name,
            unit="ms"
            if " a save" in f" {name}" or "a write" in name
            else "%"
            if "processor" in name
            else "s",
            runs=runs,
            at_most=next((most for end, most in targets.items() if end in name), None),
        )
        for name, runs in figures.items()
    ]


_CLONE = "git clone -q node_modules/repository clone"
_CHECKOUT = "cd clone && git checkout -q HEAD~100"


def _quantile(latencies: list[float], share: float) -> float:
    """Milliseconds."""
    ordered = sorted(latencies)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


class _Work:
    """A session whose workspace runs.

    Attributes:
        worst: milliseconds the slowest save took to be on the disk while `timed` waited.
    """

    def __init__(self, server: Gateway, token: str, client: Client, http: ClientSession) -> None:
        self._server = server
        self._token = token
        self._client = client
        self._http = http
        (self._root,) = (server.folder / ".data" / "workspaces").glob("*/*")
        self.worst = 0.0

    @classmethod
    @asynccontextmanager
    async def start(cls, server: Gateway) -> AsyncIterator[_Work]:
        """Raises `Skipped`: no programs are run on this machine."""
        token = await server.register("bench")
        url = str(server.url.with_scheme("ws") / "ws/rpc")
        async with (
            Client.connect(url, token=token) as client,
            ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
        ):
            try:
                await client.call("workspace.start", None, WorkspaceRuntime)
            except RpcError as error:
                raise Skipped(f"no runtime: {error}") from None
            await client.call("workspace.sync", None, MirrorSettled)
            yield cls(server, token, client, http)

    @property
    def disk(self) -> Path:
        return self._root / "workspace"

    async def saves(self, count: int = SAVES) -> list[float]:
        """Seconds from asking for a save until it is on the disk, of several."""
        latencies = []
        for i in range(count):
            text = f"saved {i}\n".encode()
            begun = perf_counter()
            await self._save("saved.txt", text)
            await self._on_disk("saved.txt", text)
            latencies.append(perf_counter() - begun)
            await asyncio.sleep(REST)
        return latencies

    async def writes(self) -> list[float]:
        """Seconds from a program's write until a browser is told, of several."""
        await self._save("written.txt", b"first\n")
        await self._sync()
        told = self._client.notifications({"fs.didChange": DidChange})
        await self._client.call("fs.watch", WatchParams(path="/workspace"), Watch)
        latencies = []
        for i in range(SAVES):
            begun = perf_counter()
            (self.disk / "written.txt").write_text(f"written {i}\n")
            await _told_of(told, "/workspace/written.txt")
            latencies.append(perf_counter() - begun)
            await asyncio.sleep(REST)
        return latencies

    async def idle(self) -> float:
        """Percent of a processor that the runtime takes."""
        await asyncio.sleep(1.0)
        pids = [pid for pid in family(self._server.pid) if pid != self._server.pid]
        before = sum(map(_ticks, pids))
        await asyncio.sleep(IDLE_SECONDS)
        used = (sum(map(_ticks, pids)) - before) / os.sysconf("SC_CLK_TCK")
        return used / IDLE_SECONDS * 100

    async def timed(self, work: Awaitable[None]) -> float:
        """Seconds that something takes, until both sides are equal; others save meanwhile."""
        begun = perf_counter()
        working = asyncio.ensure_future(self._and_sync(work))
        latencies = [0.0]
        while not working.done():
            latencies += await self.saves(1)
        await working
        self.worst = max(latencies) * 1000
        return perf_counter() - begun

    async def _and_sync(self, work: Awaitable[None]) -> None:
        await work
        await self._sync()

    async def shell(self, script: str) -> None:
        params = CreateTerminalParams(command="/bin/bash", args=["-ec", script])
        created = await self._client.call("terminal.create", params, Terminal)
        async with self._http.ws_connect(self._server.url / f"ws/terminal/{created.id}") as socket:
            async for message in socket:
                if (
                    message.type is WSMsgType.TEXT
                    and "exit" in message.data
                    and '"code":0' not in message.data
                ):
                    raise RuntimeError(f"a script has failed: {message.data}")

    async def many(self) -> None:
        """Saves many files, some at a time."""
        for i in range(FOLDERS):
            params = CreateDirectoryParams(path=f"/workspace/many{i}")
            await self._client.call("fs.createDirectory", params, Stat)
        names = iter([f"many{i}/{j}.txt" for i in range(FOLDERS) for j in range(FILES // FOLDERS)])

        async def draw() -> None:
            for name in names:
                await self._save(name, f"{name}\n".encode())

        await asyncio.gather(*(draw() for _ in range(32)))

    async def restart(self) -> float:
        """Seconds from asking for a runtime until both sides are equal."""
        await self._client.call("workspace.stop", None, WorkspaceRuntime)
        begun = perf_counter()
        await self._client.call("workspace.start", None, WorkspaceRuntime)
        await self._sync()
        return perf_counter() - begun

    def forget_disk(self) -> None:
        """Has the next runtime begin with an empty disk."""
        (self._root / "workspace").rename(self._root / "former")

    def bundle(self) -> None:
        """Puts this project's history where the workspace can clone it, and nothing mirrors it."""
        source = Path(__file__).parent.parent
        target = self.disk / "node_modules" / "repository"
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["git", "bundle", "create", "-q", target, "HEAD"], cwd=source, check=True)

    async def _sync(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self._client.call("workspace.sync", None, MirrorSettled)

    async def _save(self, name: str, content: bytes) -> None:
        params = WriteFileParams(path=f"/workspace/{name}", content=content)
        await self._client.call("fs.writeFile", params, Stat)

    async def _on_disk(self, name: str, content: bytes) -> None:
        path = self.disk / name
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    if path.read_bytes() == content:
                        return
                except FileNotFoundError:
                    pass
                await asyncio.sleep(POLL)


async def _told_of(told: Notifications, path: str) -> None:
    async with asyncio.timeout(_PATIENCE):
        async for _, news in told:
            if isinstance(news, DidChange) and any(change.path == path for change in news.changes):
                return


def _ticks(pid: int) -> int:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
