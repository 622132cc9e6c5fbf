"""The server as a user runs it: a process of its own on a free port."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import msgspec

from rpc.client import Client

PASSWORD = "correct horse battery"
START_SECONDS = 30.0
UNLIMITED = {"RATE_REST": 0, "RATE_SIGN_IN": 0, "RATE_ANONYMOUS": 0}
"""Settings of all servers of tests, which may ask for more than people do."""


def command(*arguments: str) -> list[str]:
    """A `theia-bridge` command line."""
    return [str(Path(sys.executable).parent / "theia-bridge"), *arguments]


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """The environment of a process whose files are all in `folder`."""
    given = {"KEYS": folder / "keys", **UNLIMITED, **settings}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("THEIA_BRIDGE_")}
    return inherited | {f"THEIA_BRIDGE_{name}": str(value) for name, value in given.items()}


async def run(*arguments: str, env: dict[str, str], cwd: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), stdout=PIPE, stderr=PIPE, env=env, cwd=cwd
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class _SignIn(msgspec.Struct):
    access_token: str
    refresh_token: str


class Server:
    """One gateway process; started again, it listens on the same port."""

    def __init__(self, folder: Path, store: str, **settings: object) -> None:
        self.folder = folder
        self.store = store
        self.settings = settings
        self.url = ""
        self._process: Process | None = None
        self._log: asyncio.Task[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2]) if self.url else 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when it accepts connections."""
        self._process = await asyncio.create_subprocess_exec(
            *command("serve", "--port", str(self.port), "--store", self.store),
            stdout=PIPE,
            stderr=PIPE,
            env=environment(self.folder, **self.settings),
            cwd=self.folder,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._log = asyncio.create_task(self._process.stderr.read())
        async with asyncio.timeout(START_SECONDS):
            line = (await self._process.stdout.readline()).decode()
        if not line:
            raise AssertionError(f"the server did not start:\n{(await self._log).decode()}")
        self.url = line.strip().rpartition(" ")[2]

    async def kill(self) -> str:
        """Ends it without warning; returns what it logged."""
        return await self._end(signal.SIGKILL)

    async def stop(self) -> str:
        """Tells it to stop and waits; returns what it logged."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> str:
        assert self._process is not None
        assert self._log is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        await self._process.wait()
        return (await self._log).decode()

    async def register(self, email: str) -> _SignIn:
        """Makes an account; its password is `PASSWORD`."""
        return await self.post("register", {"email": email, "password": PASSWORD, "name": "Ada"})

    async def login(self, email: str) -> _SignIn:
        return await self.post("login", {"email": email, "password": PASSWORD})

    async def logout(self, refresh_token: str) -> None:
        await self._send("logout", {"refresh_token": refresh_token})

    async def post(self, action: str, body: dict[str, str]) -> _SignIn:
        """An action that signs in."""
        return msgspec.json.decode(await self._send(action, body), type=_SignIn)

    async def _send(self, action: str, body: dict[str, str]) -> bytes:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/api/v5/auth/{action}", json=body) as response,
        ):
            content = await response.read()
            assert response.status < 300, content
            return content

    def connect(self, token: str) -> AbstractAsyncContextManager[Client]:
        """An RPC channel."""
        return Client.connect(f"{self.url.replace('http', 'ws', 1)}/ws/rpc", token=token)
