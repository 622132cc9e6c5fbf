"""Calls a second beside Jupyter Server's contents API: what else serves files to an IDE from Python."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import requests
from benchmarks.environments import environment
from benchmarks.figures import Figure, Plan
from benchmarks.processes import START_SECONDS, free_port, gateway, process
from benchmarks.rpc_calls import CONNECTIONS, Contestant, race
from benchmarks.wire import Http, web_sockets

VERSION = "2.21.1"
_TOKEN = "bench"


async def measure(plan: Plan) -> list[Figure]:
    """`jupyter`"""
    python = await environment(plan.kept / "bench-jupyter", f"jupyter_server=={VERSION}")
    async with (
        _server(python, plan.folder / "jupyter") as (port, pid),
        gateway(plan.folder / "jupyter-gateway") as server,
    ):
        token = await server.prepared()
        async with (
            web_sockets(CONNECTIONS, server.port, "/ws/rpc", token, requests.GOOD) as ours,
            _connections(port) as theirs,
        ):
            lists = itertools.repeat(_request("GET", "many?content=1"))
            contestants = {
                "read 4 KiB": Contestant(ours, requests.reads(), server.pid),
                "Jupyter read 4 KiB": Contestant(theirs, _reads(), pid),
                "list 200": Contestant(ours, requests.lists(), server.pid),
                "Jupyter list 200": Contestant(theirs, lists, pid),
                "write 4 KiB": Contestant(ours, requests.writes(), server.pid),
                "Jupyter write 4 KiB": Contestant(theirs, _writes(), pid),
            }
            sides = await race(plan, contestants)
    figures = [side.figure("jupyter") for side in sides.values()]
    for name, factor in (("read 4 KiB", 25), ("list 200", 100), ("write 4 KiB", 10)):
        figures.append(sides[name].against(sides[f"Jupyter {name}"], "jupyter", at_least=factor))
    return figures


@asynccontextmanager
async def _server(python: Path, folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Runs Jupyter Server on a folder with the small files; gives its port and process id."""
    files = folder / "files"
    for name in ("many", *(f"written/{i:02}" for i in range(100))):
        (files / name).mkdir(parents=True)
    for i in range(requests.FILES):
        (files / "many" / f"file-{i:03}.txt").write_bytes(requests.content_of(i))
    port = free_port()
    command: list[str | Path] = [
        *(python, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={files}"),
        *(f"--IdentityProvider.token={_TOKEN}", "--log-level=ERROR"),
    ]
    own = {"HOME": folder, "JUPYTER_CONFIG_DIR": folder, "JUPYTER_DATA_DIR": folder, "IPYTHONDIR": folder}
    variables = {name: str(path) for name, path in own.items()}
    async with process(command, folder=folder, environment=variables) as child:
        async with asyncio.timeout(START_SECONDS):
            while not await _accepts(port):  # noqa: ASYNC110 - another process cannot set an event
                await asyncio.sleep(0.1)
        yield port, child.pid


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def _connections(port: int) -> AsyncIterator[list[Http]]:
    connections = [await Http.open(port) for _ in range(CONNECTIONS)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    lines = [
        f"{method} /api/contents/{path} HTTP/1.1",
        *("Host: 127.0.0.1", f"Authorization: token {_TOKEN}"),
        *("Content-Type: application/json", f"Content-Length: {len(body)}"),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _reads() -> Iterator[bytes]:
    return itertools.cycle(
        [_request("GET", f"many/file-{i:03}.txt?content=1") for i in range(requests.FILES)]
    )


def _writes() -> Iterator[bytes]:
    for number in itertools.count():
        model = {"type": "file", "format": "text", "content": requests.content_of(number).decode()}
        yield _request("PUT", f"written/{number % 100:02}/{number:016}.txt", json.dumps(model).encode())
