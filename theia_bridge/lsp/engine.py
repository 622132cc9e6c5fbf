"""An engine: another language server, run as a child, spoken to in plain JSON."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from theia_bridge.backoff import Backoff
from theia_bridge.lsp import messages
from theia_bridge.lsp.framing import READ_AHEAD, BadFrame, frame, read_frame
from theia_bridge.lsp.messages import Answer, Id, Message

State = Literal["starting", "running", "failed"]

START_SECONDS = 20.0
"""How long an engine may take to answer `initialize`."""
BACKOFF = (0.1, 1.0, 5.0, 15.0, 30.0)
"""Seconds from an engine's end to its next start, by how many there were in succession."""
MESSAGE = 64 * 1024**2
"""Bytes of the largest message an engine may send."""
BEHIND = 64 * 1024**2
"""Bytes that may wait for an engine to read them, before it is taken for one that hangs."""
_END_SECONDS = 1.0
_LAST_SECONDS = 0.5
"""How long what it said last is read after its end."""
_SAID = 500
"""Bytes of what it said on its standard error that are told."""
_log = logging.getLogger(__name__)


class EngineFailed(Exception):
    """It does not start, does not keep to the protocol, or hangs."""


class Host(Protocol):
    """Whom an engine works for."""

    def initialize_params(self) -> dict[str, object]:
        """Of its `initialize` request."""
        ...

    def documents(self) -> Iterable[msgspec.Raw]:
        """The params of `textDocument/didOpen` for each open document, with its current text."""
        ...

    def told(self, engine: Engine, message: Message, body: bytes) -> None:
        """It has sent a notification; `body` is all of it."""
        ...

    def asked(self, engine: Engine, message: Message, id: Id) -> None:
        """It has sent a request, to be answered by `Engine.answer`."""
        ...

    def changed(self, engine: Engine) -> None:
        """Its state is another."""
        ...

    async def drained(self) -> None:
        """Returns when the editor takes more."""
        ...


class _Result(msgspec.Struct, frozen=True):
    capabilities: dict[str, object]
    server_info: dict[str, object] = msgspec.field(default_factory=dict, name="serverInfo")


class Engine:
    """An engine through crashes and new starts, until it is stopped.

    Args:
        name: what it is called where several are told apart.
        command: the program, which speaks on its standard input and output, and its arguments.
        patience: seconds it may take to answer a request. One that says nothing at all for so long is started
            again.

    Attributes:
        state: how it is.
        error: why it has failed last.
        capabilities: what it offers; empty until it has started for the first time.
        version: what it calls itself, once it is known.
        restarts: how often it has been started again.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        host: Host,
        *,
        environment: Mapping[str, str],
        cwd: Path,
        patience: float,
    ) -> None:
        self.name = name
        self.state: State = "starting"
        self.error: str | None = None
        self.capabilities: dict[str, object] = {}
        self.version = ""
        self.restarts = 0
        self._command = list(command)
        self._host = host
        self._environment = environment
        self._cwd = cwd
        self._patience = patience
        self._process: Process | None = None
        self._ids = 0
        self._pending: dict[Id, asyncio.Future[Answer]] = {}
        self._early: list[tuple[str, msgspec.Raw, asyncio.Future[Answer]]] = []
        self._asked: set[Id] = set()
        self._heard = 0.0
        self._backoff = Backoff(*BACKOFF)
        self._why: str | None = None
        self._settled = asyncio.Event()
        self._task = asyncio.create_task(self._supervise(), name=f"engine {name}")

    @property
    def pid(self) -> int | None:
        """Its process, if it runs."""
        return None if self._process is None else self._process.pid

    async def settled(self) -> None:
        """Returns when it has started, or has failed to, for the first time."""
        await self._settled.wait()

    def ask(self, method: str, params: msgspec.Raw) -> asyncio.Future[Answer]:
        """Sends a request, at once or when it runs; its answer, which is an error if it fails meanwhile.

        To cancel what is returned cancels the request.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.state == "running":
            self._send_request(method, params, future)
        elif self._backoff.is_long:
            future.set_result(unavailable(self.name))
        else:
            self._early.append((method, params, future))
        timer = asyncio.get_running_loop().call_later(self._patience, self._out_of_time, method, future)
        future.add_done_callback(lambda _: timer.cancel())
        return future

    def tell(self, method: str, params: msgspec.Raw) -> None:
        """Sends a notification; not to one that does not run, as it starts with what is so then."""
        if self.state == "running":
            self._send(messages.notification(method, params))

    def answer(self, id: Id, answer: Answer) -> None:
        """Answers what it has asked."""
        if self._process is not None and id in self._asked:
            self._asked.discard(id)
            self._send(messages.response(id, answer))

    async def stop(self) -> None:
        """Ends it for good."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def _send_request(self, method: str, params: msgspec.Raw, future: asyncio.Future[Answer]) -> None:
        if future.done():
            return
        self._ids += 1
        id = self._ids
        self._pending[id] = future
        future.add_done_callback(lambda done: self._done(id, cancelled=done.cancelled()))
        self._send(messages.request(id, method, params))

    def _done(self, id: Id, *, cancelled: bool) -> None:
        if self._pending.pop(id, None) is not None and cancelled:
            self.tell("$/cancelRequest", messages.raw({"id": id}))

    def _send(self, body: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(frame(body))
        if self._process.stdin.transport.get_write_buffer_size() > BEHIND:
            self._give_up("it reads nothing")

    def _out_of_time(self, method: str, future: asyncio.Future[Answer]) -> None:
        if future.done():
            return
        _log.warning("%s does not answer %s within %.0f s", self.name, method, self._patience)
        if self.state == "running" and time.monotonic() - self._heard >= self._patience:
            self._give_up("it says nothing")
        future.cancel()

    def _give_up(self, why: str) -> None:
        """Has it started again."""
        if self._process is not None and self._why is None:
            self._why = why
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _supervise(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self._run()
                error = "it has ended"
            except (BadFrame, EngineFailed, OSError, msgspec.DecodeError) as failure:
                error = str(failure)
            self.error = self._why or error
            _log.warning("%s is started again: %s", self.name, self.error)
            delay = self._backoff.failed(time.monotonic() - began)
            self._change("failed")
            self._settled.set()
            await asyncio.sleep(delay)
            self.restarts += 1
            self._change("starting")

    async def _run(self) -> None:
        """Runs it once, to its end."""
        self._why = None
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._environment,
            cwd=self._cwd,
            limit=READ_AHEAD,
        )
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        reading = asyncio.create_task(self._read(process.stdout))
        ending = asyncio.create_task(process.wait())
        errors = asyncio.create_task(_last_of(process.stderr))
        try:
            await self._initialize(reading)
            # What it has started may hold on to its output.
            await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([reading, ending, errors], timeout=_LAST_SECONDS)
            if reading.done():
                await reading
            if process.returncode:
                said = errors.result() if errors.done() else ""
                raise EngineFailed(f"exit code {process.returncode}: {said}")
        finally:
            errors.cancel()
            reading.cancel()
            ending.cancel()
            self.state, self._process = "starting", None
            await self._end(process)
            self._fail()

    async def _initialize(self, reading: asyncio.Task[None]) -> None:
        """Makes it ready for what the editor asks, unless it ends first."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._send_request("initialize", messages.raw(self._host.initialize_params()), future)
        waits: list[asyncio.Future[Any]] = [future, reading]
        await asyncio.wait(waits, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            return
        if not future.done():
            raise EngineFailed(f"it does not start within {START_SECONDS:.0f} s")
        answer = future.result()
        if answer.error:
            raise EngineFailed(f"it refuses to start: {bytes(answer.error).decode()[:500]}")
        result = msgspec.json.decode(answer.result, type=_Result)
        self.capabilities = result.capabilities
        self.version = str(result.server_info.get("version", ""))
        self._change("running")
        self.tell("initialized", messages.raw({}))
        for params in self._host.documents():
            self.tell("textDocument/didOpen", params)
        early, self._early = self._early, []
        for method, params, waiting in early:
            self._send_request(method, params, waiting)
        self._settled.set()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while (body := await read_frame(reader, MESSAGE)) is not None:
            self._heard = time.monotonic()
            message = messages.decode(body)
            if message.method is None:
                future = None if message.id is None else self._pending.pop(message.id, None)
                # One that was cancelled in this moment is still pending.
                if future is not None and not future.done():
                    future.set_result(Answer.of(message))
            elif message.id is None:
                self._host.told(self, message, body)
            else:
                self._asked.add(message.id)
                self._host.asked(self, message, message.id)
            await self._host.drained()

    async def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()

    def _fail(self) -> None:
        """Answers what was asked of the one that has ended."""
        self._asked.clear()
        futures = [*self._pending.values(), *(future for _, _, future in self._early)]
        self._pending, self._early = {}, []
        for future in futures:
            if not future.done():
                future.set_result(unavailable(self.name))

    def _change(self, state: State) -> None:
        self.state = state
        self._host.changed(self)


async def _last_of(errors: asyncio.StreamReader) -> str:
    """The last lines of what an engine says on its standard error."""
    said = b""
    while data := await errors.read(READ_AHEAD):
        said = (said + data)[-_SAID:]
    return said.decode(errors="replace").strip()


def unavailable(name: str) -> Answer:
    """Of an engine that cannot answer now."""
    return Answer.failed(messages.CONTENT_MODIFIED, f"{name} does not answer at the moment.")
