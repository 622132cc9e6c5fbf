"""Python in the editor: completion from a browser's socket, beside the bare engine on its pipes."""

from __future__ import annotations

import asyncio
import itertools
import sys
from array import array
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from aiohttp import ClientError, ClientSession

from benchmarks.figures import Figure, Plan, Side, Skipped, Turn
from benchmarks.processes import Gateway, gateway
from benchmarks.runtimes import settled
from rpc.client import Client
from tests.lsp.editor import Editor, over
from theia_bridge.lsp.framing import READ_AHEAD, frame, read_frame
from theia_bridge.lsp.server import MESSAGE
from theia_bridge.workspace.protocol import WorkspaceRuntime

FUNCTIONS = 50
TEXT = "import os\nimport collections\n\n\n" + "".join(
    f'def function_{i}(first: int, second: str = "x") -> dict[str, int]:\n'
    f'    """Does what {i} functions do."""\n'
    f"    counted = collections.Counter(second * first)\n"
    f"    return dict(counted)\n\n\n"
    for i in range(FUNCTIONS)
)
"""A module of 300 lines; what follows is typed."""
TYPED = ("os", "os.", "os.p", "os.path", "os.path.", "os.path.e", "fun", "function_1")
STILL = ("os.",)
PAUSE = 0.05
"""Seconds between keys, which nobody types faster."""
_LINE = TEXT.count("\n")


async def measure(plan: Plan) -> list[Figure]:
    """`languages`"""
    starts: list[float] = []
    memory: list[float] = []
    ours, keys, bare, bare_keys = (
        Side(name)
        for name in ("completion", "a key, then completion", "bare completion", "bare key, then completion")
    )
    async with gateway(plan.folder / "languages") as server, _bare(plan.folder) as engine:
        token = await server.register("bench")
        async with Client.connect(str(server.url.with_scheme("ws") / "ws/rpc"), token=token) as client:
            await client.call("workspace.start", None, WorkspaceRuntime)
            for _ in range(plan.runs):
                without = await settled(server)
                started = perf_counter()
                async with _ours(server, token) as editor:
                    starts.append(perf_counter() - started)
                    memory.append((await settled(server) - without) / 1024)
                    ours.turns.append(await editor.turn(plan.seconds, STILL))
                    bare.turns.append(await engine.turn(plan.seconds, STILL))
                    keys.turns.append(await editor.turn(plan.seconds, TYPED))
                    bare_keys.turns.append(await engine.turn(plan.seconds, TYPED))
    return [
        *(side.figure("languages") for side in (ours, bare, keys, bare_keys)),
        _figure("completion, p50", "ms", [turn.quantile(0.5) for turn in ours.turns], at_most=15),
        _figure("from the socket's opening to the first completion", "s", starts),
        _figure("Python's server and its engines", "MiB", memory),
    ]


def _figure(name: str, unit: str, runs: list[float], at_most: float | None = None) -> Figure:
    return Figure(measure="languages", name=name, unit=unit, runs=runs, at_most=at_most)


class _Typist(Editor):
    """An editor with the module open, in the last line of which something is typed."""

    uri = ""
    version = 1
    line = "os."

    async def begin(self, root: str) -> None:
        """Opens the module, and completes something in it."""
        await self.initialize(root)
        self.uri = f"{root}/module.py"
        await self.open(self.uri, TEXT + self.line)
        if "path" not in await self.look():
            raise RuntimeError("nothing is completed")

    async def look(self) -> list[str]:
        """What could come next."""
        return await self.complete(self.uri, _LINE, len(self.line))

    async def type(self, line: str) -> None:
        """Has the last line be this."""
        self.version += 1
        start, end = {"line": _LINE, "character": 0}, {"line": _LINE, "character": len(self.line)}
        self.line = line
        await self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [{"range": {"start": start, "end": end}, "text": line}],
            },
        )

    async def turn(self, seconds: float, lines: Sequence[str]) -> Turn:
        """Completes one line after the other, each when the one before it was answered."""
        latencies = array("d")
        started = now = perf_counter()
        for line in itertools.cycle(lines):
            if now - started >= seconds:
                break
            if line != self.line:
                await asyncio.sleep(PAUSE)
                before = perf_counter()
                await self.type(line)
            else:
                before = perf_counter()
            await self.look()
            now = perf_counter()
            latencies.append(now - before)
        return Turn(len(latencies) / (now - started), sorted(latencies))


@asynccontextmanager
async def _ours(server: Gateway, token: str) -> AsyncIterator[_Typist]:
    """An editor on the socket of Python, which has completed something.

    Raises:
        Skipped: no programs are run on this machine.
    """
    url = (server.url / "ws/lsp/python").with_query(token=token)
    async with ClientSession() as http:
        try:
            socket = await http.ws_connect(url, max_msg_size=0)
        except ClientError as error:
            raise Skipped(f"no language server: {error}") from None
        async with socket:
            editor = over(socket, _Typist)
            await editor.begin("file:///workspace")
            yield editor
            await editor.close()


@asynccontextmanager
async def _bare(folder: Path) -> AsyncIterator[_Typist]:
    """An editor on the pipes of the engine, which has completed something."""
    program = Path(sys.executable).with_name("pyrefly")
    child = await asyncio.create_subprocess_exec(
        program, "lsp", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=folder, limit=READ_AHEAD
    )
    stdin, stdout = child.stdin, child.stdout
    assert stdin is not None
    assert stdout is not None

    async def send(body: bytes) -> None:
        stdin.write(frame(body))
        await stdin.drain()

    editor = _Typist(send, lambda: read_frame(stdout, MESSAGE))
    try:
        await editor.begin(folder.as_uri())
        yield editor
    finally:
        await editor.close()
        child.kill()
        await child.wait()
