"""Servers as processes of their own, each ended when its block is left, however that happens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from benchmarks import requests
from rpc.client import Client
from theia_bridge.methods.protocol import CreateDirectoryParams, Stat, WriteFileParams

START_SECONDS = 60.0
END_SECONDS = 10.0


@asynccontextmanager
async def process(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    stdout: int = DEVNULL,
) -> AsyncIterator[Process]:
    """Runs a program in a folder, with its errors in `errors.log` there."""
    with _errors(folder) as errors:
        child = await asyncio.create_subprocess_exec(
            *map(str, command),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=DEVNULL,
            stdout=stdout,
            stderr=errors,
            start_new_session=True,  # Ctrl-C comes to the benchmark alone, which then ends its children
        )
    try:
        yield child
    finally:
        await _end(child)


def _errors(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "errors.log").open("ab")


async def _end(child: Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await child.wait()
    except (TimeoutError, asyncio.CancelledError):
        os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
        raise


def errors_of(folder: Path) -> str:
    """The last that a program said of its errors."""
    return (folder / "errors.log").read_text(errors="replace")[-2000:]


async def line_of(child: Process, folder: Path) -> str:
    """The next line a program prints. Raises RuntimeError when it ends or takes too long."""
    assert child.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await child.stdout.readline()
    if not line:
        raise RuntimeError(f"the server did not start:\n{errors_of(folder)}")
    return line.decode().strip()


def free_port() -> int:
    """A port that was free just now, for servers that cannot tell which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _SignIn(msgspec.Struct):
    access_token: str


@dataclass(frozen=True)
class Gateway:
    """A running `theia-bridge serve`."""

    url: URL
    pid: int
    folder: Path

    @property
    def port(self) -> int:
        assert self.url.port is not None
        return self.url.port

    async def register(self, name: str) -> str:
        """Makes an account; returns its access token."""
        form = {"email": f"{name}@example.com", "password": "correct horse", "name": name.title()}
        async with (
            ClientSession(timeout=ClientTimeout(total=START_SECONDS)) as http,
            http.post(self.url / "api/v5/auth/register", json=form) as response,
        ):
            response.raise_for_status()
            return msgspec.json.decode(await response.read(), type=_SignIn).access_token

    async def prepared(self) -> str:
        """An account with the files that `requests` asks for; returns its access token."""
        token = await self.register("bench")
        async with Client.connect(str(self.url.with_scheme("ws") / "ws/rpc"), token=token) as client:
            folders = ["many", "written", *(f"written/{i:02}" for i in range(100))]
            for name in folders:
                await client.call(
                    "fs.createDirectory", CreateDirectoryParams(path=f"/workspace/{name}"), Stat
                )
            files = [(requests.path_of(i), requests.content_of(i)) for i in range(requests.FILES)]
            for path, content in [*files, ("/workspace/big.bin", os.urandom(requests.BIG))]:
                await client.call("fs.writeFile", WriteFileParams(path=path, content=content), Stat)
        return token


@asynccontextmanager
async def gateway(folder: Path, *, store: str | None = None, log: str = "warning") -> AsyncIterator[Gateway]:
    """Runs the server as users do, on a free port, once it accepts.

    Args:
        folder: for its store, its keys and its log.
        store: the store's URL, if it is not an embedded one in the folder.
    """
    program = Path(sys.executable).with_name("theia-bridge")
    environment = {
        "THEIA_BRIDGE_KEYS": str(folder / "keys"),
        "THEIA_BRIDGE_LOG_LEVEL": log,
        "THEIA_BRIDGE_ACCESS_TOKEN_SECONDS": "86400",  # a long run is not to be signed out
        # Counted as for everybody, but far beyond what can be reached.
        "THEIA_BRIDGE_RATE_REST": "1000000000",
        "THEIA_BRIDGE_RATE_RPC": "1000000000",
        "THEIA_BRIDGE_RATE_SIGN_IN": "1000000000",
    }
    command: list[str | Path] = [
        program,
        "serve",
        "--port",
        "0",
        "--store",
        store or f"embedded:{folder / 'store'}",
    ]
    async with process(command, folder=folder, environment=environment, stdout=PIPE) as child:
        url = URL((await line_of(child, folder)).rpartition(" ")[2])
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.close()
        yield Gateway(url, child.pid, folder)


@asynccontextmanager
async def echo(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Runs the floor, `benchmarks.echo`; gives its port and process id."""
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "benchmarks.echo"]
    async with process(command, folder=folder, environment={"PYTHONPATH": str(root)}, stdout=PIPE) as child:
        yield int(await line_of(child, folder)), child.pid
