"""`/ripgrep` of a runtime: text searches on its disk, which has what is stored and what was written just now.

The gateway sends a `Search`; the output comes in binary frames, and at last an `Ended`. Closing ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import msgspec
from aiohttp import WSMsgType, web

from fdb_provider.errors import SearchUnavailable
from fdb_provider.scope import Scope
from rpc import ChannelClosed, RpcError
from theia_bridge.search import ripgrep
from theia_bridge.search.service import Running
from theia_bridge.workspace.errors import WorkspaceUnavailable
from theia_bridge.workspace.mirror.protocol import MirrorSettled

if TYPE_CHECKING:
    from theia_bridge.workspace.runtimes import Runtime, Runtimes
    from theia_bridge.workspace.server import Site

PATIENCE = 2.0
"""Seconds a search waits for the disk to have what is stored, before it is done on a copy of that instead."""
_ENDED = "the workspace was stopped while it searched: search again"


class Search(msgspec.Struct, frozen=True):
    """What to run: ripgrep's arguments, and the folder of the workspace to run it in."""

    folder: str
    arguments: list[str]


class Ended(msgspec.Struct, frozen=True):
    """How a run has ended: its exit code and what it complained of; `late` when it took too long.

    `refused` tells why there was none.
    """

    code: int | None = None
    complaint: str = ""
    late: bool = False
    refused: str | None = None


class Searches:
    """The part of a runtime that searches."""

    def __init__(self, site: Site) -> None:
        self._site = site
        site.routes.get("/ripgrep")(self._serve)

    async def run(self) -> None:
        """Each search is its socket's; there is nothing else to do."""
        await asyncio.get_running_loop().create_future()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(max_msg_size=self._site.handover.max_frame, compress=False)
        await websocket.prepare(request)
        asked = msgspec.json.decode(await websocket.receive_bytes(), type=Search)
        work = asyncio.create_task(self._search(websocket, asked))
        closed = asyncio.create_task(websocket.receive())  # nothing more is to come but the end
        try:
            await asyncio.wait([work, closed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, closed):
                task.cancel()
            await asyncio.gather(work, closed, return_exceptions=True)
        await websocket.close()
        return websocket

    async def _search(self, websocket: web.WebSocketResponse, asked: Search) -> None:
        folder = Path(self._site.handover.on_disk(asked.folder))
        excludes = [f"--glob=!**/{name}/" for name in self._site.handover.excludes]
        ended = Ended(code=1)
        if await asyncio.to_thread(folder.is_dir):
            try:
                async with ripgrep.running([*excludes, *asked.arguments], folder) as run:
                    async for chunk in run.chunks():
                        await websocket.send_bytes(chunk)
                    ended = Ended(code=run.code, complaint=run.complaint)
            except TimeoutError:
                ended = Ended(late=True)
            except SearchUnavailable as error:
                ended = Ended(refused=str(error))
        await websocket.send_str(msgspec.json.encode(ended).decode())


class Run:
    """On the gateway: a ripgrep that runs in a runtime, as `ripgrep.Run` is one that runs beside it."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self.complaint = ""
        self.code: int | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its output as it comes; it waits while nobody takes it.

        Raises:
            TimeoutError: it took too long.
            SearchUnavailable: it could not be started, or its runtime has ended.
        """
        async for message in self._websocket:
            if message.type is WSMsgType.BINARY:
                yield message.data
            elif message.type is WSMsgType.TEXT:
                ended = msgspec.json.decode(message.data, type=Ended)
                if ended.refused is not None:
                    raise SearchUnavailable(ended.refused)
                if ended.late:
                    raise TimeoutError
                self.code, self.complaint = ended.code, ended.complaint
                return
        raise SearchUnavailable(_ENDED)


async def runtime(runtimes: Runtimes, scope: Scope) -> Running | None:
    """How to search on the disk of a session's runtime; None unless it runs and has just what is stored."""
    found = runtimes.get(scope)
    if found is None or found.state != "running":
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            settled = await found.rpc.call("mirror.settle", None, MirrorSettled)
    except (TimeoutError, WorkspaceUnavailable, RpcError, ChannelClosed):
        return None  # much is being brought over, or it ends
    return None if settled.refused else partial(running, found)


@asynccontextmanager
async def running(runtime: Runtime, arguments: Sequence[str], folder: str) -> AsyncIterator[Run]:
    """Runs ripgrep in a folder of a runtime's workspace; it has ended when the block is left.

    Raises:
        SearchUnavailable: the runtime does not answer.
    """
    try:
        websocket = await runtime.connect("/ripgrep")
    except (WorkspaceUnavailable, aiohttp.ClientError) as error:
        raise SearchUnavailable(_ENDED) from error
    async with websocket:
        with runtime.hold():
            try:
                await websocket.send_bytes(msgspec.json.encode(Search(folder, list(arguments))))
                yield Run(websocket)
            except aiohttp.ClientError as error:
                raise SearchUnavailable(_ENDED) from error
