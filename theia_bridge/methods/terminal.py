"""`terminal.*`: the terminals of the session's runtime. Their bytes go over `/ws/terminal/{id}`."""

from __future__ import annotations

from types import NoneType
from typing import TypeVar

import msgspec

from fdb_provider.errors import RecordNotFound
from rpc import ChannelClosed, Registry
from theia_bridge.methods.context import Context
from theia_bridge.workspace.errors import WorkspaceUnavailable
from theia_bridge.workspace.runtimes import Runtime
from theia_bridge.workspace.terminal.protocol import (
    CloseTerminalParams,
    CreateTerminalParams,
    RenameTerminalParams,
    ResizeTerminalParams,
    Terminal,
    TerminalDidChange,
    TerminalDidExit,
    TerminalList,
    TerminalProfiles,
)

R = TypeVar("R")

registry: Registry[Context] = Registry()
registry.notification("terminal.didExit", TerminalDidExit, "The program of a terminal has ended.")
registry.notification("terminal.didChange", TerminalDidChange, "A terminal is new or was renamed.")


@registry.method("terminal.create", shielded=True)
async def create(context: Context, params: CreateTerminalParams) -> Terminal:
    """Starts a program in a new terminal, and the session's runtime first unless it runs."""
    runtime = await context.runtimes.of(context.user.scope, context.actor)
    return await _call(runtime, "terminal.create", params, Terminal)


@registry.method("terminal.profiles", shielded=True)
async def profiles(context: Context) -> TerminalProfiles:
    """The shells there are; the session's runtime is started unless it runs."""
    runtime = await context.runtimes.of(context.user.scope, context.actor)
    return await _call(runtime, "terminal.profiles", None, TerminalProfiles)


@registry.method("terminal.list")
async def list_(context: Context) -> TerminalList:
    """The terminals of the session; none if its runtime does not run."""
    runtime = context.runtimes.get(context.user.scope)
    if runtime is None:
        return TerminalList(terminals=[])
    return await _call(runtime, "terminal.list", None, TerminalList)


@registry.method("terminal.resize", shielded=True)
async def resize(context: Context, params: ResizeTerminalParams) -> None:
    """Gives a terminal another size; its programs are told."""
    await _call(_running(context, params.id), "terminal.resize", params, NoneType)


@registry.method("terminal.rename", shielded=True)
async def rename(context: Context, params: RenameTerminalParams) -> None:
    """Gives a terminal another title."""
    await _call(_running(context, params.id), "terminal.rename", params, NoneType)


@registry.method("terminal.close", shielded=True)
async def close(context: Context, params: CloseTerminalParams) -> None:
    """Ends the program of a terminal, and forgets the terminal."""
    await _call(_running(context, params.id), "terminal.close", params, NoneType)


def _running(context: Context, id: str) -> Runtime:
    """The session's runtime; where there is none there is no terminal either."""
    runtime = context.runtimes.get(context.user.scope)
    if runtime is None:
        raise RecordNotFound(f"There is no terminal {id}.")
    return runtime


async def _call(runtime: Runtime, method: str, params: msgspec.Struct | None, result: type[R]) -> R:
    """What the runtime answers."""
    try:
        return await runtime.rpc.call(method, params, result)
    except ChannelClosed:
        raise WorkspaceUnavailable("The workspace has ended. Try again in a moment.") from None
