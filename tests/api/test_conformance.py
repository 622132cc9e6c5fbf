"""The document and the server agree: schemathesis asks for all that can be asked, and checks every answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import msgspec

from tests.process import Server

HERE = Path(__file__).parent
EXAMPLES = 8
"""Requests made for each operation, at least."""
SEEDS = (1,)
"""One for each walk from answers to further requests. Hypothesis ends a walk early when a request it
repeats is answered otherwise than before, which a server that keeps things does."""


async def test_the_server_does_what_its_document_says(server: Server, tmp_path: Path) -> None:
    shutil.copy(HERE / "schemathesis.toml", tmp_path)
    shutil.copy(HERE / "schemathesis_hooks.py", tmp_path)
    # All at first: once passwords have been guessed from here, nobody may sign in for a while.
    users = [await two_users(server, number) for number in (0, *SEEDS)]
    run = ("run", f"{server.url}/api/v5/openapi.json", "--checks", "all")
    # How each field may be wrong has nothing to do with the store: that once is enough.
    phases = "examples,coverage,fuzzing" if server.store.startswith("embedded:") else "examples,fuzzing"
    each = ("--phases", phases, "--max-examples", str(EXAMPLES))
    await schemathesis(tmp_path, users[0], *run, *each, "--generation-deterministic")
    for seed in SEEDS:
        walk = ("--phases", "stateful", "--max-examples", "100", "--seed", str(seed))
        await schemathesis(tmp_path, users[seed], *run, *walk, "--generation-database", "none")


async def two_users(server: Server, number: int) -> bytes:
    """Users of two tenants, as Web Fuzzing Commons writes them."""
    users = []
    for name in ("ada", "eve"):
        token = (await server.register(f"{name}{number}@example.com")).access_token
        header = {"name": "Authorization", "value": f"Bearer {token}"}
        users.append({"name": name, "fixedHeaders": [header]})
    return msgspec.json.encode({"auth": users})


async def schemathesis(folder: Path, users: bytes, *arguments: str) -> None:
    """Runs it in the name of users; it may find nothing."""
    (folder / "users.json").write_bytes(users)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"),
        *arguments,
        "--no-color",
        stdout=PIPE,
        stderr=STDOUT,
        env=os.environ | {"HOOKS": "schemathesis_hooks", "PYTHONPATH": str(folder)},
        cwd=folder,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
