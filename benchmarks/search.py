"""Searching a large tree through the channel, beside ripgrep alone on the same tree."""

from __future__ import annotations

import asyncio
import random
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.figures import Figure, Plan
from benchmarks.processes import Gateway, gateway
from rpc.client import Client
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    DidFind,
    DidFinish,
    FoundFiles,
    Search,
    SearchFilesParams,
    SearchTextParams,
    Stat,
    WriteFileParams,
)
from theia_bridge.search.ripgrep import program

TREE = 100 * 1000 * 1000
"""Bytes of all files."""
FILE = 8000
"""Bytes of a file on average, as in source code."""
FOLDER = 50
"""Files in a folder."""
TURNS = 5
"""Searches of one kind and side in a turn; the quickest counts, for others have the machine too."""

_WORDS = [
    f"{start}{end}" for start in ("get", "set", "on", "file", "node", "key") for end in "abcdefghijklmnop"
]
_PATTERNS = {
    "rare text": ("needle in", False),
    "expression": (r"\bget[a-c]\w* = on[fg]\b", True),
    "nothing": ("no such", False),
}


async def measure(plan: Plan) -> list[Figure]:
    """`search`"""
    tree = plan.folder / "tree"
    files = await asyncio.to_thread(_make, tree)
    async with gateway(plan.folder / "search") as server:
        token = await _prepared(server, files)
        async with Client.connect(str(server.url.with_scheme("ws") / "ws/rpc"), token=token) as client:
            return await _measured(plan, client, tree)


async def _measured(plan: Plan, client: Client, tree: Path) -> list[Figure]:
    begun = time.perf_counter()
    await client.call("search.files", SearchFilesParams(pattern="m7"), FoundFiles)
    first_names = time.perf_counter() - begun
    begun = time.perf_counter()
    await _text(client, *_PATTERNS["nothing"])
    first_text = time.perf_counter() - begun
    figures = [
        Figure(measure="search", name="first Ctrl+P of a tree of 100 MB", unit="s", runs=[first_names]),
        Figure(measure="search", name="first text search of it", unit="s", runs=[first_text]),
    ]
    for name, (pattern, regex) in _PATTERNS.items():
        theirs, ours = [], []
        for _ in range(plan.runs):
            # In turns, so that both meet the same machine.
            theirs.append(await _quickest(partial(_bare, tree, pattern, regex)))
            ours.append(await _quickest(partial(_text, client, pattern, regex)))
        figures += [
            Figure(measure="search", name=f"{name}, ripgrep on disk", unit="ms", runs=theirs),
            Figure(measure="search", name=f"{name}, search.text", unit="ms", runs=ours),
            Figure(
                measure="search",
                name=f"{name}, search.text / ripgrep",
                unit="x",
                runs=[mine / bare for mine, bare in zip(ours, theirs, strict=True)],
                at_most=2,
            ),
        ]
    saved = WriteFileParams(path="/workspace/d0/m0.py", content=b"needle in a file just saved\n")
    after: list[float] = []
    for _ in range(plan.runs):
        await client.call("fs.writeFile", saved, Stat)
        after.append(await _timed(lambda: _text(client, *_PATTERNS["rare text"])))
    names = [await _quickest(lambda: _names(client)) for _ in range(plan.runs)]
    return [
        *figures,
        Figure(measure="search", name="rare text, right after a save", unit="ms", runs=after),
        Figure(measure="search", name="Ctrl+P, a letter typed", unit="ms", runs=names),
    ]


async def _quickest(search: Callable[[], Awaitable[None]]) -> float:
    return min([await _timed(search) for _ in range(TURNS)])


async def _timed(search: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    await search()
    return (time.perf_counter() - begun) * 1000


async def _names(client: Client) -> None:
    await client.call("search.files", SearchFilesParams(pattern="m12"), FoundFiles)


async def _text(client: Client, pattern: str, regex: bool) -> None:
    types: dict[str, type[msgspec.Struct]] = {"search.didFind": DidFind, "search.didFinish": DidFinish}
    stream = client.notifications(types)
    params = SearchTextParams(pattern=pattern, regex=regex, match_case=True)
    await client.call("search.text", params, Search)
    async for _, told in stream:
        if isinstance(told, DidFinish):
            assert told.error is None, told.error
            return


async def _bare(tree: Path, pattern: str, regex: bool) -> None:
    """What a person would type in a terminal."""
    options = ["--hidden", "--no-config", "--case-sensitive", *([] if regex else ["--fixed-strings"])]
    command = [str(program()), *options, "--", pattern, "./"]
    child = await asyncio.create_subprocess_exec(*command, cwd=tree, stdin=DEVNULL, stdout=DEVNULL)
    await child.wait()


def _make(tree: Path) -> list[tuple[str, bytes]]:
    """Writes files that look like source code; returns paths relative to the tree, and contents."""
    chance = random.Random(7)
    files = []
    for i in range(TREE // FILE):
        size = chance.randrange(FILE // 4, FILE * 7 // 4)
        text: list[str] = []
        length = 0
        while length < size:
            text.append("    " * chance.randrange(4) + " = ".join(chance.choices(_WORDS, k=4)) + "\n")
            length += len(text[-1])
        if i % 100 == 0:
            text.append("# a needle in a haystack\n")
        files.append((f"d{i // FOLDER}/m{i}.py", "".join(text).encode()))
    for path, content in files:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    return files


async def _prepared(server: Gateway, files: list[tuple[str, bytes]]) -> str:
    """An account with those files in its workspace; returns its access token."""
    token = await server.register("bench")
    async with Client.connect(str(server.url.with_scheme("ws") / "ws/rpc"), token=token) as client:
        for i in range(len(files) // FOLDER + 1):
            await client.call("fs.createDirectory", CreateDirectoryParams(path=f"/workspace/d{i}"), Stat)
        waiting = iter(files)

        async def write() -> None:
            for path, content in waiting:
                params = WriteFileParams(path=f"/workspace/{path}", content=content)
                await client.call("fs.writeFile", params, Stat)

        await asyncio.gather(*(write() for _ in range(32)))
    return token
