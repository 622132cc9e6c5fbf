"""The console's `trace`: what `rpc.trace` tells, as a table that lives."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rpc.console.render import in_bytes
from rpc.console.shell import Command, Shell
from rpc.console.words import SyntaxFault
from theia_bridge.methods.tracing_protocol import CallsTrace

EVERY = 1.0
"""Seconds between two looks."""
_SLOWEST = 5


async def _trace(shell: Shell, rest: str) -> None:
    match rest.split():
        case ["start"]:
            shell.screen.print(table(await _asked(shell, "start", 1.0)))
        case ["start", rate]:
            shell.screen.print(table(await _asked(shell, "start", _rate(rate))))
        case ["stop"]:
            shell.screen.print(table(await _asked(shell, "stop")))
        case []:
            await _live(shell)
        case _:
            raise SyntaxFault("trace [start [SAMPLE]|stop]")


async def _live(shell: Shell) -> None:
    told = await _asked(shell, "read")
    if not shell.screen.is_terminal or not told.running:
        shell.screen.print(table(told))
        return
    with Live(table(told), console=shell.screen, auto_refresh=False) as live:
        while told.running:
            await asyncio.sleep(EVERY)
            told = await _asked(shell, "read")
            live.update(table(told), refresh=True)


async def _asked(shell: Shell, action: Literal["read", "start", "stop"], sample: float = 1.0) -> CallsTrace:
    given = {"action": action, "sample": sample, "slowest": _SLOWEST}
    return msgspec.convert((await shell.link.ask("rpc.trace", given)).value, CallsTrace)


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SyntaxFault(f"{text} is no part of the calls: give a number above 0, at most 1") from None


def table(told: CallsTrace) -> RenderableType:
    """What was measured, for people."""
    if told.started_at is None:
        return Text("Nothing is measured: `trace start` begins.", style="dim")
    by_method = Table(box=None, pad_edge=False, header_style="dim")
    by_method.add_column("method")
    for column in ("calls", "errors", "in flight", "p50 ms", "p95 ms", "p99 ms", "in", "out"):
        by_method.add_column(column, justify="right")
    for one in told.methods:
        by_method.add_row(
            Text(one.method or "(none)", style="bold"),
            f"{one.calls:,}",
            Text(f"{one.errors:,}", style="red" if one.errors else "dim"),
            f"{one.in_flight:,}",
            *("" if value is None else f"{value:,.2f}" for value in (one.p50, one.p95, one.p99)),
            in_bytes(one.bytes_in),
            in_bytes(one.bytes_out),
        )
    since = datetime.fromtimestamp(told.started_at / 1000).strftime("%H:%M:%S")
    state = "Ctrl+C ends the view, `trace stop` the trace" if told.running else "stopped"
    head = Text(f"gateway {told.gateway} since {since}, {told.sample:.0%} timed; {state}", style="dim")
    slowest = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("slowest of late", "ms", "at", "in", "out", "user", "error"):
        slowest.add_column(column)
    for slow in told.slowest:
        slowest.add_row(
            Text(slow.method, style="bold"),
            f"{slow.milliseconds:,.2f}",
            datetime.fromtimestamp(slow.at / 1000).strftime("%H:%M:%S"),
            in_bytes(slow.bytes_in),
            in_bytes(slow.bytes_out),
            slow.user,
            Text(slow.error, style="red"),
        )
    return Group(head, by_method, *([slowest] if told.slowest else []))


COMMAND = Command(
    "trace [start [SAMPLE]|stop]",
    "For admins: how long the tenant's calls take, live.",
    _trace,
    ("start", "stop"),
)
