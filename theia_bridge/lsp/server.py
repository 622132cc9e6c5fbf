"""The built-in server: what it adds to its engines, and how it is run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from theia_bridge import __version__
from theia_bridge.lsp import messages
from theia_bridge.lsp.engine import Engine
from theia_bridge.lsp.framing import READ_AHEAD, read_frame
from theia_bridge.lsp.lenses import Program, lenses
from theia_bridge.lsp.protocol import RelayProtocol
from theia_bridge.lsp.surroundings import Changes, Surroundings

ENGINES = (("pyrefly", "lsp", "--threads", "2"), ("ruff", "server"))
"""The engines, unless others are given. Pyrefly would take all processors to look at a project."""
PATIENCE = 30.0
"""Seconds an engine may take to answer."""
MESSAGE = 64 * 1024**2
"""Bytes of the largest message the editor may send."""
CONTENT = 4 * 1024**2
"""Bytes of a file outside of the session's that is shown."""
CONFIGURATION: Mapping[str, object] = {
    # Pyrefly shows few errors to projects that are not set up for it; and its links lead out of the IDE.
    "pyrefly": {"typeCheckingMode": "default"},
    "analysis": {"showHoverGoToLinks": False},
}
"""Of the section `python`, where the editor has no other."""
OWN_VARIABLES = ("PYTHONPATH", "LD_LIBRARY_PATH")
"""Variables for this server's own interpreter, not for engines and the interpreters that those run."""
_log = logging.getLogger(__name__)


class PythonServer(LanguageServer):
    """A language server for Python that is made of others.

    Args:
        engines: their command lines, in the order in which they are asked.
        environment: of the engines.
    """

    protocol: RelayProtocol

    def __init__(
        self,
        engines: Sequence[Sequence[str]] = ENGINES,
        *,
        environment: Mapping[str, str],
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(
            "theia-bridge", __version__, protocol_cls=RelayProtocol, converter_factory=default_converter
        )
        self._commands = engines
        self._environment = environment
        self._patience = patience
        self._surroundings: Surroundings | None = None
        self._looking: asyncio.Task[None] | None = None
        _add_features(self)

    @property
    def root(self) -> Path:
        """The folder of the workspace."""
        path = uris.to_fs_path(self.workspace.root_uri or "")
        return Path(path or os.getcwd())

    async def start_engines(self) -> None:
        """Starts them; returns when each has started or failed to."""
        self._surroundings = Surroundings(self.root, moved=self._moved, installed=self._installed)
        self._looking = asyncio.create_task(self._surroundings.run())
        for name, command in _named(self._commands):
            self.protocol.engines.append(
                Engine(
                    name,
                    [_program(command[0], self._environment), *command[1:]],
                    self.protocol,
                    environment=self._environment,
                    cwd=self.root,
                    patience=self._patience,
                )
            )
        await asyncio.gather(*(engine.settled() for engine in self.protocol.engines))

    @property
    def surroundings(self) -> Surroundings:
        """Those of the workspace, once it is known."""
        assert self._surroundings is not None
        return self._surroundings

    def _moved(self) -> None:
        """Has the engines ask anew which Python to take."""
        for engine in self.protocol.engines:
            engine.tell(types.WORKSPACE_DID_CHANGE_CONFIGURATION, messages.raw({"settings": {}}))

    def _installed(self, changes: Changes) -> None:
        for engine in self.protocol.engines:
            engine.tell(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, messages.raw(changes))

    def configuration(self, section: str, given: object) -> object:
        """A section of the configuration for an engine; the editor's is `given`."""
        if section != "python":
            return given
        return _under(given, {**CONFIGURATION, "pythonPath": self.surroundings.python})

    def program(self, uri: str) -> Program | None:
        """How to run a file; None if it is none of this machine."""
        if (path := uris.to_fs_path(uri)) is None:
            return None
        file = Path(path)
        if file.is_relative_to(self.root):
            file = file.relative_to(self.root)
        return Program(self.surroundings.python, self.root, str(file))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves an editor to the end of what it sends, or until it asks for the end.

        Raises:
            BadFrame: what comes are no frames.
        """
        self.protocol.set_writer(writer)
        try:
            while (body := await read_frame(reader, MESSAGE)) is not None:
                try:
                    self.protocol.receive(body)
                except msgspec.DecodeError as error:
                    _log.warning("A message of the editor is not understood: %s", error)
                await self.protocol.drain()
        finally:
            if self._looking is not None:
                self._looking.cancel()
            await self.protocol.stop()


def _add_features(server: PythonServer) -> None:
    @server.feature(types.INITIALIZE)
    async def initialize(ls: PythonServer, params: types.InitializeParams) -> None:
        await ls.start_engines()

    @server.feature(types.INITIALIZED)
    def initialized(ls: PythonServer, params: types.InitializedParams) -> None:
        ls.protocol.register()

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions(resolve_provider=False))
    def code_lens(ls: PythonServer, params: types.CodeLensParams) -> list[types.CodeLens]:
        uri = params.text_document.uri
        program = ls.program(uri)
        return [] if program is None else lenses(ls.workspace.get_text_document(uri).source, program)

    @server.feature(types.WORKSPACE_TEXT_DOCUMENT_CONTENT)
    async def content(
        ls: PythonServer, params: types.TextDocumentContentParams
    ) -> types.TextDocumentContentResult:
        return types.TextDocumentContentResult(await asyncio.to_thread(_content, params.uri))


def _named(commands: Iterable[Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Engines by the names of their programs; of those that have the same, all but the first have numbers."""
    names: Counter[str] = Counter()
    for command in commands:
        name = os.path.basename(command[0])
        names[name] += 1
        yield name if names[name] == 1 else f"{name}-{names[name]}", command


def _under(given: object, own: object) -> object:
    """What is given, and where nothing is, our own."""
    if isinstance(given, dict) and isinstance(own, dict):
        return {name: _under(given.get(name), own.get(name)) for name in own | given}
    return own if given in (None, "") else given


def _content(uri: str) -> str:
    """The text of a file, as one of the standard library, which the editor does not have."""
    path = uris.to_fs_path(uri)
    if path is None or not os.path.isfile(path) or os.path.getsize(path) > CONTENT:
        raise JsonRpcInvalidParams(f"{uri} is no file with text of {CONTENT} bytes at most.")
    return Path(path).read_text(errors="replace")


def _program(name: str, environment: Mapping[str, str]) -> str:
    """The path of an engine. The one that came with this server is last on the PATH, and is taken first."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join([os.path.dirname(sys.executable), *reversed(folders)])
    return shutil.which(name, path=path) or name


async def run(engines: Sequence[Sequence[str]], patience: float) -> None:
    """Serves on standard input and output."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    server = PythonServer(engines, environment=environment, patience=patience)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_AHEAD)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout.buffer
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    with contextlib.suppress(ConnectionError):
        await server.serve(reader, writer)
