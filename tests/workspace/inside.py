"""Programs in a real sandbox, as a runtime has it."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import msgspec

from theia_bridge.workspace import sandbox
from theia_bridge.workspace.handover import ProcessLimits
from theia_bridge.workspace.python import Python, python

PROGRAM = "program.py"
NO_LIMITS = ProcessLimits()
PRELUDE = """
import json, os, sys
from theia_bridge.workspace import sandbox
from theia_bridge.workspace.handover import ProcessLimits
ProcessLimits(**json.loads(sys.argv[1])).apply()
sandbox.drop()
"""


def folders(root: Path) -> sandbox.Folders:
    """Folders of a session, made in `root`."""
    made = sandbox.Folders(root / "workspace", root / "home", root / "mirror", root / "sockets", root / "etc")
    for folder in (made.workspace, made.home, made.mirror, made.sockets):
        folder.mkdir(parents=True)
    sandbox.give(made.workspace, made.home, made.mirror, made.sockets)
    sandbox.make_up(made.etc)
    return made


async def begin(
    at: sandbox.Folders,
    code: str,
    *,
    network: bool = False,
    limits: ProcessLimits = NO_LIMITS,
    own: Python | None = None,
) -> Process:
    """Starts Python code in the sandbox."""
    own = own or python()
    environment = sandbox.environment(sandbox.INSIDE.home, own)
    (at.workspace / PROGRAM).write_text(PRELUDE + dedent(code))
    program = [own.executable, PROGRAM, msgspec.json.encode(limits).decode()]
    return await sandbox.start(sandbox.options(at, own, environment, network=network), program)


async def run(
    at: sandbox.Folders,
    code: str,
    *,
    network: bool = False,
    limits: ProcessLimits = NO_LIMITS,
    own: Python | None = None,
) -> str:
    """What Python code prints in the sandbox."""
    process = await begin(at, code, network=network, limits=limits, own=own)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def of_namespace(namespace: int) -> Iterator[int]:
    """The processes of the host that are in a PID namespace, by its inode."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}/ns/pid").st_ino == namespace:
                    yield int(name)
            except OSError:
                continue


async def ended(pid: int) -> None:
    """Waits for the end of a process that is nobody's child here."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(process, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(process)
        os.close(process)
