"""The protocol of the built-in server: pygls's, with what engines do passed through as it is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec
from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method

from theia_bridge.lsp import capabilities, messages
from theia_bridge.lsp.diagnostics import Diagnostics, Published
from theia_bridge.lsp.engine import Engine, State, unavailable
from theia_bridge.lsp.framing import frame
from theia_bridge.lsp.messages import Answer, Id, Message
from theia_bridge.lsp.registrations import Registration, RegistrationParams, Registrations

if TYPE_CHECKING:
    from theia_bridge.lsp.server import PythonServer

PENDING = 512
"""Requests of the editor that may wait for engines at a time."""
ASKED = 256
"""Requests of engines that may wait for the editor at a time."""
HELD = 1000
"""Messages for the editor that may wait until it is ready for them."""
EDITOR_SECONDS = 30.0
"""How long the editor may take to answer what an engine asks."""
STATUS = "theia-bridge/status"
"""The notification that tells the editor how the engines are."""
_TO_ALL = ("textDocument/did", "workspace/did")
_PEOPLE = "window/showMessageRequest"
_log = logging.getLogger(__name__)
_NOT_TOLD = Answer.failed(messages.INTERNAL_ERROR, "The editor does not answer.")


class EngineStatus(msgspec.Struct, omit_defaults=True):
    """How an engine is; `restarts` counts how often it was started again, `error` tells why it was last."""

    name: str
    version: str
    state: State
    restarts: int = 0
    error: str | None = None


class Status(msgspec.Struct):
    """Params of `theia-bridge/status`."""

    engines: list[EngineStatus]


class _Identified(msgspec.Struct):
    id: Id


class _Token(msgspec.Struct):
    token: Id


class _Command(msgspec.Struct):
    command: str


class _Document(msgspec.Struct):
    uri: str
    version: int = 0


class _OfDocument(msgspec.Struct):
    document: _Document = msgspec.field(name="textDocument")


class _ConfigurationItem(msgspec.Struct, omit_defaults=True):
    section: str = ""
    scope: str | None = msgspec.field(name="scopeUri", default=None)


class _Configuration(msgspec.Struct):
    items: list[_ConfigurationItem]


class RelayProtocol(LanguageServerProtocol):
    """Takes the editor's messages: features of the server are pygls's, all else goes to the engines.

    Attributes:
        engines: in the order in which they are asked.
    """

    _server: PythonServer

    def __init__(self, server: PythonServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.engines: list[Engine] = []
        self._initialize: dict[str, object] = {}
        self._tasks: dict[Id, asyncio.Task[Answer]] = {}
        self._asked: dict[Id, asyncio.Future[Answer]] = {}
        self._asks = 0
        self._background: set[asyncio.Task[None]] = set()
        self._tokens: dict[str, tuple[Engine, Id]] = {}
        self._diagnostics = Diagnostics(self._publishing, self._publish)
        self._registrations = Registrations(self._watch)
        self._held: list[bytes] | None = []
        self._open = asyncio.Event()

    # From the editor.

    def receive(self, body: bytes) -> None:
        """Deals with a message of the editor.

        Raises:
            msgspec.DecodeError: it is none.
        """
        message = messages.decode(body)
        if message.method is None:
            if message.id is not None and (future := self._asked.pop(message.id, None)) is not None:
                if not future.done():
                    future.set_result(Answer.of(message))
            else:
                self._own(body)
        elif message.id is None:
            self._notified(message.method, message.params, body)
        else:
            try:
                self._requested(message.id, message.method, message.params, body)
            except msgspec.DecodeError as error:
                self._reply(message.id, Answer.failed(types.ErrorCodes.InvalidParams, str(error)))

    def _own(self, body: bytes, id: Id | None = None) -> None:
        """Has pygls deal with a message; `id` is that of a request."""
        try:
            self.handle_message(self.structure_message(json.loads(body)))
        except JsonRpcException as error:
            _log.warning("A message of the editor is not as specified: %s", error)
            if id is not None:
                self._reply(id, Answer.failed(error.code, error.message))

    def _has(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _notified(self, method: str, params: msgspec.Raw, body: bytes) -> None:
        match method:
            case types.CANCEL_REQUEST:
                task = self._tasks.get(msgspec.json.decode(params, type=_Identified).id)
                if task is None:
                    self._own(body)
                else:
                    task.cancel()
                return
            case types.WINDOW_WORK_DONE_PROGRESS_CANCEL:
                token = msgspec.json.decode(params, type=_Token).token
                if (found := self._tokens.get(str(token))) is not None:
                    engine, id = found
                    engine.tell(method, messages.raw({"token": id}))
                return
            case types.INITIALIZED:
                held, self._held = self._held or [], None
                for waiting in held:
                    self.send(waiting)
                self._open.set()
            case types.TEXT_DOCUMENT_DID_OPEN | types.TEXT_DOCUMENT_DID_CHANGE:
                document = msgspec.json.decode(params, type=_OfDocument).document
                self._diagnostics.changed(document.uri, document.version)
            case types.TEXT_DOCUMENT_DID_CLOSE:
                self._diagnostics.closed(msgspec.json.decode(params, type=_OfDocument).document.uri)
        if method.startswith(_TO_ALL) or not (self._has(method) or method.startswith("$/")):
            for engine in self.engines:
                engine.tell(method, params)
        if self._has(method):
            self._own(body)

    def _requested(self, id: Id, method: str, params: msgspec.Raw, body: bytes) -> None:
        if method == types.INITIALIZE and self._initialize:
            self._reply(id, Answer.failed(messages.INVALID_REQUEST, "The server has been initialised."))
        elif method == types.INITIALIZE:
            self._initialize = msgspec.json.decode(params, type=dict[str, object])
            self._own(_with_encoding(body), id)
        elif self._shutdown:
            self._reply(id, Answer.failed(messages.INVALID_REQUEST, "The server has been shut down."))
        elif method.startswith("$/"):
            self._reply(id, _unknown(method))
        elif method == types.WORKSPACE_EXECUTE_COMMAND:
            command = msgspec.json.decode(params, type=_Command).command
            self._relay(id, method, params, [e for e in self.engines if command in _commands(e)])
        elif self._has(method):
            self._own(body, id)
        elif not self._initialize:
            self._reply(id, Answer.failed(types.ErrorCodes.ServerNotInitialized, "Not initialised yet."))
        elif method == types.CODE_ACTION_RESOLVE:
            self._relay_resolve(id, method, params)
        elif method == types.TEXT_DOCUMENT_CODE_ACTION:
            self._relay_code_action(id, method, params)
        else:
            offered = [e for e in self.engines if capabilities.offers(e.capabilities, method) is not False]
            self._relay(id, method, params, offered)

    def _relay(self, id: Id, method: str, params: msgspec.Raw, engines: Sequence[Engine]) -> None:
        """The first answer that tells something. It is asked for at once, so that all stays in order."""
        if not engines:
            self._reply(id, _unknown(method))
            return
        first = engines[0].ask(method, params)

        async def answer() -> Answer:
            told = await _answer(engines[0], first)
            for engine in engines[1:]:
                if not (told.nothing or told.unknown):
                    break
                told = await _answer(engine, engine.ask(method, params))
            return told

        self._work(id, answer, [first])

    def _relay_code_action(self, id: Id, method: str, params: msgspec.Raw) -> None:
        """Those of all engines together."""
        engines = [e for e in self.engines if capabilities.offers(e.capabilities, method)]
        given = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
        context = given.get("context", msgspec.Raw(b"{}"))
        items = msgspec.json.decode(context, type=dict[str, object])
        listed = items.get("diagnostics")
        asked: list[tuple[Engine, asyncio.Future[Answer]]] = []
        for engine in engines:
            own = self._diagnostics.of(engine.name, listed if isinstance(listed, list) else [])
            given["context"] = messages.raw({**items, "diagnostics": own})
            asked.append((engine, engine.ask(method, messages.raw(given))))

        async def answer() -> Answer:
            actions: list[object] = []
            for engine, future in asked:
                told = await _answer(engine, future)
                if not told.error:
                    actions += _marked(engine, told)
            return Answer(messages.raw(actions))

        self._work(id, answer, [future for _, future in asked])

    def _relay_resolve(self, id: Id, method: str, params: msgspec.Raw) -> None:
        """To the engine that has offered the action."""
        action = msgspec.json.decode(params, type=dict[str, object])
        marked = action.pop("data", None)
        mark = marked if isinstance(marked, dict) else {}
        engine = next((engine for engine in self.engines if engine.name == mark.get("engine")), None)
        if engine is None or not capabilities.offers(engine.capabilities, method):
            self._reply(id, Answer(params))
            return
        if "data" in mark:
            action["data"] = mark["data"]
        future = engine.ask(method, messages.raw(action))

        async def answer() -> Answer:
            told = await _answer(engine, future)
            if told.error or told.nothing:
                return told
            return Answer(messages.raw(_marked(engine, Answer(msgspec.Raw(b"[%b]" % told.result)))[0]))

        self._work(id, answer, [future])

    def _work(
        self,
        id: Id,
        answer: Callable[[], Coroutine[object, object, Answer]],
        futures: Sequence[asyncio.Future[Answer]],
    ) -> None:
        """Answers a request when there is an answer, or it is cancelled."""
        if len(self._tasks) >= PENDING:
            for future in futures:
                future.cancel()
            self._reply(id, Answer.failed(messages.CONTENT_MODIFIED, "Too much is asked at a time."))
            return

        def done(task: asyncio.Task[Answer]) -> None:
            self._tasks.pop(id, None)
            if task.cancelled():
                for future in futures:
                    future.cancel()
                self._reply(id, Answer.failed(messages.REQUEST_CANCELLED, "Cancelled."))
            elif (error := task.exception()) is not None:
                self._reply(
                    id, Answer.failed(messages.INTERNAL_ERROR, f"What engines answer is wrong: {error}")
                )
            else:
                self._reply(id, task.result())

        task = self._tasks[id] = asyncio.create_task(answer())
        task.add_done_callback(done)

    # To the editor.

    def send(self, body: bytes) -> None:
        """Sends what the editor has not asked for, once it may be told anything."""
        if self._held is None:
            self._write(body)
        else:
            self._held.append(body)

    def _write(self, body: bytes) -> None:
        assert self.writer is not None
        self.writer.write(frame(body))

    def _reply(self, id: Id, answer: Answer) -> None:
        self._write(messages.response(id, answer))

    def _publish(self, published: Published) -> None:
        method = types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS
        self.send(messages.notification(method, messages.raw(published)))

    def _publishing(self) -> Iterable[str]:
        return [engine.name for engine in self.engines if engine.state == "running"]

    def tell_status(self) -> None:
        """Tells how the engines are."""
        engines = [EngineStatus(e.name, e.version, e.state, e.restarts, e.error) for e in self.engines]
        self.send(messages.notification(STATUS, messages.raw(Status(engines))))

    def _ask_editor(self, method: str, params: msgspec.Raw) -> asyncio.Future[Answer]:
        """Asks the editor something, at once."""
        self._asks += 1
        id = f"engine-{self._asks}"
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[id] = future
        future.add_done_callback(lambda _: self._asked.pop(id, None))
        self.send(messages.request(id, method, params))
        return future

    # From the engines; `Host` of theirs.

    def initialize_params(self) -> dict[str, object]:
        return capabilities.for_engines(self._initialize)

    def documents(self) -> Iterable[msgspec.Raw]:
        if self._workspace is None:
            return
        for document in self._workspace.text_documents.values():
            item = {
                "uri": document.uri,
                "languageId": document.language_id or "",
                "version": document.version or 0,
                "text": document.source,
            }
            yield messages.raw({"textDocument": item})

    def told(self, engine: Engine, message: Message, body: bytes) -> None:
        if message.method == types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS:
            self._diagnostics.told(engine.name, message.params)
        elif message.method == types.PROGRESS:
            params = msgspec.json.decode(message.params, type=dict[str, object])
            own = _token(engine, params.get("token"))
            if own in self._tokens:
                body = messages.notification(types.PROGRESS, messages.raw({**params, "token": own}))
                match params.get("value"):
                    case {"kind": "end"}:
                        del self._tokens[own]
            self.send(body)
        else:
            self.send(body)

    def asked(self, engine: Engine, message: Message, id: Id) -> None:
        """Asks the editor; what is its configuration is made complete."""
        if len(self._background) >= ASKED:
            engine.answer(id, Answer.failed(messages.INTERNAL_ERROR, "Too much is asked at a time."))
            return
        method, params = message.method or "", message.params
        configuration: _Configuration | None = None
        try:
            if method == types.WORKSPACE_CONFIGURATION:
                configuration = msgspec.json.decode(params, type=_Configuration)
                if not self._can("workspace", "configuration"):
                    engine.answer(id, self._configured(configuration, _NOT_TOLD))
                    return
            elif method == types.CLIENT_REGISTER_CAPABILITY:
                params = self._registrations.begin(engine.name, params)
            elif method == types.CLIENT_UNREGISTER_CAPABILITY:
                params = self._registrations.end(engine.name, params)
            elif method == types.WINDOW_WORK_DONE_PROGRESS_CREATE:
                token = msgspec.json.decode(params, type=_Token).token
                own = _token(engine, token)
                self._tokens[own] = engine, token
                params = messages.raw({"token": own})
        except msgspec.DecodeError as error:
            engine.answer(id, Answer.failed(types.ErrorCodes.InvalidParams, str(error)))
            return
        future = self._ask_editor(method, params)

        async def answer() -> None:
            await asyncio.wait([future], timeout=None if method == _PEOPLE else EDITOR_SECONDS)
            answer = future.result() if future.done() else _NOT_TOLD
            future.cancel()
            if configuration is not None:
                answer = self._configured(configuration, answer)
            engine.answer(id, answer)

        task = asyncio.create_task(answer())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _watch(self, folder: str) -> None:
        """Looks after a folder that an engine wants watched, for what the editor does not see of it."""
        self._server.surroundings.watch(folder)

    def register(self) -> None:
        """Asks to be told when the editor's configuration changes, which engines then ask for anew."""
        if self._can("workspace", "didChangeConfiguration", "dynamicRegistration"):
            method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
            params = RegistrationParams([Registration("theia-bridge/configuration", method)])
            self._ask_editor(types.CLIENT_REGISTER_CAPABILITY, messages.raw(params))

    def changed(self, engine: Engine) -> None:
        if engine.state == "failed":
            self._diagnostics.forget(engine.name)
        self.tell_status()

    async def drained(self) -> None:
        if self._held is not None and len(self._held) >= HELD:
            await self._open.wait()
        await self.drain()

    async def drain(self) -> None:
        """Returns when the editor has taken most of what it was sent."""
        if isinstance(self.writer, asyncio.StreamWriter):
            with contextlib.suppress(ConnectionError):
                await self.writer.drain()

    def _configured(self, asked: _Configuration, told: Answer) -> Answer:
        """The editor's configuration, and in it what the server knows better."""
        values: list[object] = []
        with contextlib.suppress(msgspec.DecodeError):
            values = msgspec.json.decode(told.result, type=list[object])
        pairs = itertools.zip_longest(asked.items, values[: len(asked.items)])
        return Answer(
            messages.raw([self._server.configuration(item.section, value) for item, value in pairs])
        )

    def _can(self, *path: str) -> bool:
        """Whether the editor has a capability."""
        found: object = self._initialize.get("capabilities")
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return bool(found)

    # What pygls does, with the engines' part.

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(  # type: ignore[override] # the engines' part is plain JSON
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, Mapping[str, object]]:
        """Starts the engines, and tells what all can do together."""
        result = yield from super().lsp_initialize(params)
        own = cast(dict[str, Any], self._converter.unstructure(result))
        offered = [engine.capabilities for engine in self.engines]
        return {**own, "capabilities": capabilities.merged(own["capabilities"], [capabilities.OWN, *offered])}

    async def stop(self) -> None:
        """Ends the engines."""
        await asyncio.gather(*(engine.stop() for engine in self.engines))


async def _answer(engine: Engine, future: asyncio.Future[Answer]) -> Answer:
    """What an engine has answered, or that it does not. To be cancelled is passed on to it."""
    try:
        await asyncio.wait([future])
    except asyncio.CancelledError:
        future.cancel()
        raise
    return unavailable(engine.name) if future.cancelled() else future.result()


def _unknown(method: str) -> Answer:
    return Answer.failed(messages.METHOD_NOT_FOUND, f"There is no method {method}.")


def _token(engine: Engine, token: object) -> str:
    """What the editor knows a token of an engine as: two engines may have the same."""
    return f"{engine.name}/{token}"


def _commands(engine: Engine) -> Sequence[object]:
    match engine.capabilities.get("executeCommandProvider"):
        case {"commands": list(commands)}:
            return commands
    return ()


def _marked(engine: Engine, told: Answer) -> list[object]:
    """Code actions with the name of the engine that can resolve them. A command has no data."""
    actions = msgspec.json.decode(told.result, type=list[dict[str, object]] | None) or []
    for action in actions:
        if not isinstance(action.get("command"), str):
            data = action.pop("data", None)
            action["data"] = (
                {"engine": engine.name} if data is None else {"engine": engine.name, "data": data}
            )
    return list(actions)


def _with_encoding(body: bytes) -> bytes:
    """The editor's `initialize` for pygls, which is to count positions as the engines do."""
    message = msgspec.json.decode(body)
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        general = message["params"]["capabilities"].setdefault("general", {})
        general["positionEncodings"] = [capabilities.ENCODING]
    return messages.encode(message)
