"""The wire types of terminals: of methods and notifications `terminal.*`, and of their sockets."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from theia_bridge.methods.protocol import Params, Wire

Cells = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
TerminalId = Annotated[str, msgspec.Meta(max_length=64)]
SignalName = Literal["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGKILL"]


class TerminalExit(Wire, frozen=True, omit_defaults=True):
    """How a program has ended: with an exit code, or by a signal such as `SIGKILL`."""

    code: int | None = None
    signal: str | None = None


class Terminal(Wire, frozen=True):
    """A terminal. Its bytes are on the socket `/ws/terminal/{id}`.

    `command` is the program and its arguments, `cwd` the folder it is in now, `pid` its process in the
    sandbox. `busy`: it has another program in the foreground, as a shell has while a command runs. `created`
    is in milliseconds since 1970. `exit` is of one whose program has ended; what it said can still be read.
    """

    id: str
    title: str
    command: list[str]
    cwd: str
    pid: int
    cols: int
    rows: int
    busy: bool
    created: int
    exit: TerminalExit | None = None


class CreateTerminalParams(Params, frozen=True):
    """Runs the shell of `profile`, or the default one; or `command` with `args` instead.

    `env` is added to the environment; null takes a variable away. `cwd` is absolute, and `/workspace` if it
    is not given.
    """

    profile: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    command: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    args: list[str] | None = None
    cwd: str | None = None
    env: dict[str, str | None] = msgspec.field(default_factory=dict)
    cols: Cells = 80
    rows: Cells = 24
    title: Title | None = None


class TerminalList(Wire, frozen=True):
    """The terminals of the session, in the order they were made in."""

    terminals: list[Terminal]


class ResizeTerminalParams(Params, frozen=True):
    id: TerminalId
    cols: Cells
    rows: Cells


class RenameTerminalParams(Params, frozen=True):
    id: TerminalId
    title: Title


class CloseTerminalParams(Params, frozen=True):
    """`signal` is what its program is sent; one that goes on for two seconds is killed."""

    id: TerminalId
    signal: SignalName = "SIGHUP"


class TerminalProfile(Wire, frozen=True):
    """A shell that is there."""

    name: str
    path: str


class TerminalProfiles(Wire, frozen=True):
    """`default` is the name of one of them."""

    profiles: list[TerminalProfile]
    default: str


class TerminalDidExit(Wire, frozen=True):
    """The program of a terminal has ended."""

    id: str
    exit: TerminalExit


class TerminalDidChange(Wire, frozen=True):
    """A terminal is new, or has another title."""

    terminal: Terminal


class Control(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A text frame of whoever is attached: another size in columns and rows, or how many more bytes of the
    output it has dealt with."""

    resize: tuple[Cells, Cells] | None = None
    ack: Annotated[int, msgspec.Meta(ge=0)] = 0
