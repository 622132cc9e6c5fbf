"""The terminals of a runtime: methods `terminal.*`, and `/terminal/{id}` for the bytes of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from fdb_provider.errors import FileNotADirectory, FileNotFound, InvalidPath, QuotaExceeded, RecordNotFound
from theia_bridge.workspace.errors import ProgramNotStarted
from theia_bridge.workspace.terminal import protocol, shells
from theia_bridge.workspace.terminal.protocol import (
    CloseTerminalParams,
    CreateTerminalParams,
    RenameTerminalParams,
    ResizeTerminalParams,
    TerminalDidChange,
    TerminalDidExit,
    TerminalList,
    TerminalProfiles,
)
from theia_bridge.workspace.terminal.terminal import Terminal

if TYPE_CHECKING:
    from theia_bridge.workspace.server import Site

FILES_SECONDS = 0.8
"""How long the first terminal waits for the session's files to be on the disk; what takes longer comes while
it is used."""
LIMIT = 100
"""Terminals a session may have."""
TERM = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TERM_PROGRAM": "theia-bridge"}
"""What the browser's terminal is, in the words of programs."""


class Terminals:
    """All terminals of a session, until they are closed; the oldest whose program has ended makes room."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._terminals: dict[str, Terminal] = {}
        self._environment = {**site.environment, **TERM}
        self._news: asyncio.Queue[tuple[str, msgspec.Struct]] = asyncio.Queue()
        site.terminals = lambda: sum(terminal.exit is None for terminal in self._terminals.values())
        site.routes.get("/terminal/{id}")(self._attach)
        self._declare()

    async def run(self) -> None:
        """Tells what happens, and at last ends all programs."""
        try:
            while True:
                name, params = await self._news.get()
                await self._site.notify(name, params)
                await self._site.changed()
        finally:
            await asyncio.gather(*(terminal.close() for terminal in self._terminals.values()))

    def get(self, id: str) -> Terminal:
        """One of them. Raises `RecordNotFound`."""
        terminal = self._terminals.get(id)
        if terminal is None:
            raise RecordNotFound(f"There is no terminal {id}.")
        return terminal

    def create(self, params: CreateTerminalParams) -> Terminal:
        """Starts a program in a new one.

        Raises:
            QuotaExceeded: there are `LIMIT` that run.
            RecordNotFound: there is no such profile.
            FileError: the folder it is to be started in is none.
            ProgramNotStarted
        """
        command, title = self._command(params)
        cwd = self._folder(params.cwd or "/workspace")
        self._make_room()
        environment = self._environment | {
            name: value for name, value in params.env.items() if value is not None
        }
        for name, value in params.env.items():
            if value is None:
                environment.pop(name, None)
        try:
            terminal = Terminal(
                command,
                title=params.title or title,
                cwd=cwd,
                environment=environment,
                cols=params.cols,
                rows=params.rows,
                exited=self._exited,
            )
        except OSError as error:
            raise ProgramNotStarted(f"{command[0]} cannot be started: {error.strerror or error}.") from None
        except ValueError as error:
            raise ProgramNotStarted(f"{command[0]} cannot be started: {error}.") from None
        self._terminals[terminal.id] = terminal
        self._news.put_nowait(("terminal.didChange", TerminalDidChange(terminal=terminal.describe())))
        return terminal

    def _command(self, params: CreateTerminalParams) -> tuple[list[str], str]:
        """The command line, and a title for it."""
        if params.command is not None:
            return [params.command, *(params.args or [])], os.path.basename(params.command)
        found = shells.find(self._environment)
        name = params.profile or found.default
        for profile in found.profiles:
            if profile.name == name:
                return [profile.path, *(params.args or [])], name
        there = ", ".join(profile.name for profile in found.profiles)
        raise RecordNotFound(f"There is no shell {name} here; there are {there}.")

    def _folder(self, path: str) -> str:
        """Where a path of the workspace is on this disk."""
        path = self._site.handover.on_disk(path)
        if not os.path.isabs(path) or "\0" in path:
            raise InvalidPath("The folder of a terminal has an absolute path.")
        if not os.path.exists(path):
            raise FileNotFound(f"There is no folder {path}.")
        if not os.path.isdir(path):
            raise FileNotADirectory(f"{path} is not a folder.")
        return path

    def _make_room(self) -> None:
        if len(self._terminals) < LIMIT:
            return
        for id, terminal in self._terminals.items():
            if terminal.exit is not None:
                del self._terminals[id]
                return
        raise QuotaExceeded(f"The session has {LIMIT} terminals, as many as it may: close some first.")

    def _exited(self, terminal: Terminal) -> None:
        assert terminal.exit is not None
        self._news.put_nowait(("terminal.didExit", TerminalDidExit(id=terminal.id, exit=terminal.exit)))

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        terminal = self._terminals.get(request.match_info["id"])
        if terminal is None:
            raise web.HTTPNotFound
        return await terminal.attach(request, self._site.handover.max_frame)

    def _declare(self) -> None:
        registry = self._site.registry
        registry.notification("terminal.didExit", TerminalDidExit, "The program of a terminal has ended.")
        registry.notification("terminal.didChange", TerminalDidChange, "A terminal is new or was renamed.")

        @registry.method("terminal.create", shielded=True)
        async def create(_: object, params: CreateTerminalParams) -> protocol.Terminal:
            """Starts a program in a new terminal."""
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FILES_SECONDS):
                    await self._site.files.wait()
            return self.create(params).describe()

        @registry.method("terminal.list")
        async def list_(_: object) -> TerminalList:
            """All terminals."""
            return TerminalList(terminals=[terminal.describe() for terminal in self._terminals.values()])

        @registry.method("terminal.profiles")
        async def profiles(_: object) -> TerminalProfiles:
            """The shells there are."""
            return shells.find(self._environment)

        @registry.method("terminal.resize")
        async def resize(_: object, params: ResizeTerminalParams) -> None:
            """Gives a terminal another size."""
            self.get(params.id).resize(params.cols, params.rows)

        @registry.method("terminal.rename")
        async def rename(_: object, params: RenameTerminalParams) -> None:
            """Gives a terminal another title."""
            terminal = self.get(params.id)
            terminal.title = params.title
            self._news.put_nowait(("terminal.didChange", TerminalDidChange(terminal=terminal.describe())))

        @registry.method("terminal.close", shielded=True)
        async def close(_: object, params: CloseTerminalParams) -> None:
            """Ends the program of a terminal, and forgets the terminal."""
            terminal = self.get(params.id)
            await terminal.close(signal.Signals[params.signal])
            self._terminals.pop(params.id, None)
