"""An editor as language servers see it, in plain JSON: over a process's pipes, or a browser's socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec

from theia_bridge.lsp.framing import frame, read_frame

PATIENCE = 30.0
"""Seconds after which what has not come does not come."""
CAPABILITIES: dict[str, Any] = {
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
        "workspaceFolders": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True},
        "workspaceEdit": {"documentChanges": True},
    },
    "textDocument": {
        "synchronization": {"didSave": True},
        "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"versionSupport": True, "tagSupport": {"valueSet": [1, 2]}},
        "diagnostic": {},
        "codeAction": {
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "quickfix", "source"]}},
        },
    },
    "window": {"workDoneProgress": True},
}


class Refused(Exception):
    """A request was answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code: int = error["code"]


class Editor:
    """One end of a connection. What the server asks is answered at once: configuration with nothing, all else
    with null.

    Attributes:
        notifications: all that came, by method.
        asked: the requests of the server.
        pid: of the server, if it is a process that was started for it.
    """

    def __init__(
        self, send: Callable[[bytes], Awaitable[None]], receive: Callable[[], Awaitable[bytes | None]]
    ) -> None:
        self._send = send
        self._receive = receive
        self._ids = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self.notifications: dict[str, list[Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.pid = 0

    async def request(self, method: str, params: object) -> Any:
        """The result. Raises `Refused`."""
        async with asyncio.timeout(PATIENCE):
            answer = await (await self.ask(method, params))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    async def ask(self, method: str, params: object) -> asyncio.Future[dict[str, Any]]:
        """Sends a request; its answer when that comes."""
        self._ids += 1
        future = self._answers[self._ids] = asyncio.get_running_loop().create_future()
        await self.send({"id": self._ids, "method": method, "params": params})
        return future

    @property
    def last(self) -> int:
        """The id of the last request."""
        return self._ids

    async def notify(self, method: str, params: object) -> None:
        await self.send({"method": method, "params": params})

    async def send(self, message: dict[str, object]) -> None:
        await self._send(msgspec.json.encode({"jsonrpc": "2.0", **message}))

    async def until(self, method: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first notification that is wanted, come or to come; those before it are forgotten."""
        async with asyncio.timeout(PATIENCE):
            while True:
                there = self.notifications.get(method, [])
                while there:
                    if wanted(params := there.pop(0)):
                        return params
                self._news.clear()
                await self._news.wait()

    async def until_asked(self, method: str, times: int) -> None:
        """Returns when the server has asked something so many times."""
        async with asyncio.timeout(PATIENCE):
            while sum(message["method"] == method for message in self.asked) < times:
                self._news.clear()
                await self._news.wait()

    async def initialize(self, root: str) -> Any:
        """What the server can do."""
        params = {
            "processId": None,
            "rootUri": root,
            "workspaceFolders": [{"uri": root, "name": "workspace"}],
            "capabilities": CAPABILITIES,
        }
        result = await self.request("initialize", params)
        await self.notify("initialized", {})
        return result["capabilities"]

    async def open(self, uri: str, text: str, version: int = 1) -> None:
        document = {"uri": uri, "languageId": "python", "version": version, "text": text}
        await self.notify("textDocument/didOpen", {"textDocument": document})

    async def change(self, uri: str, text: str, version: int) -> None:
        """Replaces the whole text."""
        await self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]},
        )

    async def complete(self, uri: str, line: int, character: int) -> list[str]:
        """Labels of what could be written."""
        result = await self.request("textDocument/completion", at(uri, line, character))
        return [item["label"] for item in result["items"]]

    async def diagnostics(self, uri: str, wanted: Callable[[set[str]], bool]) -> Any:
        """The first publication of a document whose codes are wanted."""

        def looked_for(params: Any) -> bool:
            return params["uri"] == uri and wanted({str(item["code"]) for item in params["diagnostics"]})

        return await self.until("textDocument/publishDiagnostics", looked_for)

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        while (body := await self._receive()) is not None:
            message = msgspec.json.decode(body)
            if "method" not in message:
                future = self._answers.pop(message["id"])
                if not future.done():
                    future.set_result(message)
                continue
            if "id" in message:
                self.asked.append(message)
                configuration = message["method"] == "workspace/configuration"
                result = [None for _ in message["params"]["items"]] if configuration else None
                await self.send({"id": message["id"], "result": result})
            else:
                self.notifications.setdefault(message["method"], []).append(message.get("params"))
            self._news.set()


def at(uri: str, line: int, character: int) -> dict[str, Any]:
    """A position in a document, as most requests have it."""
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


E = TypeVar("E", bound=Editor)


@contextlib.asynccontextmanager
async def server(
    root: Path,
    kind: type[E],
    *,
    engines: Sequence[Sequence[str]] | None = None,
    patience: float | None = None,
) -> AsyncIterator[E]:
    """An editor with the built-in server as a process of its own; not initialised yet."""
    command = [sys.executable, "-m", "theia_bridge.lsp"]
    if engines is not None:
        command += ["--engines", msgspec.json.encode(engines).decode()]
    if patience is not None:
        command += ["--patience", str(patience)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=root, env={**os.environ}
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    async def send(body: bytes) -> None:
        stdin.write(frame(body))
        await stdin.drain()

    editor = kind(send, lambda: read_frame(stdout, 2**30))
    editor.pid = process.pid
    try:
        yield editor
    finally:
        stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()
        await editor.close()


def over(socket: aiohttp.ClientWebSocketResponse, kind: type[E]) -> E:
    """An editor on a socket, with a message in each frame."""

    async def send(body: bytes) -> None:
        await socket.send_str(body.decode())

    async def receive() -> bytes | None:
        message = await socket.receive()
        return message.data.encode() if message.type is aiohttp.WSMsgType.TEXT else None

    return kind(send, receive)
