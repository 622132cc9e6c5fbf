"""A Theia with a Node backend, as a team runs it: a process of its own on a free port."""

from __future__ import annotations

import asyncio
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

from tests.process import START_SECONDS, environment

MAIN = Path(__file__).parents[2] / "extension-ts" / "stock-app" / "lib" / "backend" / "main.js"
_READY = re.compile(r"listening on (http://\S+[0-9])\.")


class StockTheia:
    """One Node process.

    Args:
        folder: its user's home.
        settings: what it knows of Theia Bridge, such as `URL` and `OWNER`.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.settings = settings
        self.url = ""
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._log: list[str] = []

    @property
    def log(self) -> str:
        """What it has said so far."""
        return "".join(self._log)

    async def start(self) -> None:
        """Returns when it accepts connections."""
        self.folder.mkdir(exist_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(MAIN),
            *("--hostname", "127.0.0.1", "--port", "0"),
            stdout=PIPE,
            stderr=STDOUT,
            env=environment(self.folder, **self.settings) | {"HOME": str(self.folder)},
            cwd=self.folder,
        )
        ready = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(ready))
        async with asyncio.timeout(START_SECONDS):
            self.url = await ready

    async def wait(self) -> int:
        """Waits until it has ended by itself; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def kill(self) -> None:
        assert self._process is not None
        assert self._reading is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._reading

    async def _read(self, ready: asyncio.Future[str]) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._log.append(line.decode())
            if not ready.done() and (found := _READY.search(self._log[-1])):
                ready.set_result(found[1])
        if not ready.done():
            ready.set_exception(AssertionError(f"it did not start:\n{self.log}"))
