"""Figures as a table, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from rich.table import Table

from benchmarks import plot
from benchmarks.figures import Figure
from benchmarks.machine import Machine

_HEADINGS = ("measure", "what", "median", "p50 ms", "p99 ms", "server µs", "target", "met")
_MET = {True: "yes", False: "NO", None: ""}
_STYLES = {True: "green", False: "bold red", None: ""}


class Row(Figure, kw_only=True):
    """A figure with what follows from it, as it is written."""

    median: float
    is_met: bool | None


class Report(msgspec.Struct, kw_only=True):
    """All of one run of the benchmark. `skipped`: why a measure was not taken."""

    machine: Machine
    seconds: float
    runs: int
    figures: list[Row]
    skipped: dict[str, str]


def report(
    machine: Machine, seconds: float, runs: int, figures: Iterable[Figure], skipped: Mapping[str, str]
) -> Report:
    """Puts it together."""
    rows = [
        Row(**msgspec.structs.asdict(figure), median=figure.value, is_met=figure.met) for figure in figures
    ]
    return Report(machine=machine, seconds=seconds, runs=runs, figures=rows, skipped=dict(skipped))


def table(of: Report) -> Table:
    """For a terminal."""
    shown = Table(title="Benchmarks", title_justify="left")
    for heading in _HEADINGS:
        shown.add_column(heading, justify="right" if heading in _HEADINGS[2:6] else "left")
    previous = ""
    for figure in _tabled(of):
        if previous not in ("", figure.measure):
            shown.add_section()
        previous = figure.measure
        shown.add_row(*_cells(figure), style=_STYLES[figure.met])
    for name, reason in of.skipped.items():
        shown.add_row(name, f"skipped: {reason}", style="yellow")
    return shown


def write(of: Report, folder: Path) -> None:
    """Writes `latest.json`, `latest.md`, and `sizes.png` if there is something to draw."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(of), indent=2)
    (folder / "latest.json").write_bytes(encoded + b"\n")
    plot.draw(of.figures, folder / "sizes.png")
    machine = of.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    lines = [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, Linux {machine.kernel}, "
        f"Python {machine.python}, fdatasync of 4 KiB {machine.fsync_ms} ms, "
        f"load {machine.load_before} before and {machine.load_after} after.  ",
        f"{packages}.  ",
        f"Medians of {of.runs} turns of {of.seconds:g} s; 20 connections, one request in flight on each.",
        "",
        _line(_HEADINGS),
        _line("---" for _ in _HEADINGS),
        *(_line(_cells(figure)) for figure in _tabled(of)),
        *(
            _line([name, f"skipped: {reason}", *[""] * (len(_HEADINGS) - 2)])
            for name, reason in of.skipped.items()
        ),
    ]
    (folder / "latest.md").write_text("\n".join(lines) + "\n")


def _tabled(of: Report) -> list[Row]:
    return [figure for figure in of.figures if figure.series is None or figure.target]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(figure: Figure) -> list[str]:
    return [
        figure.measure,
        figure.name,
        f"{_number(figure.value)} {figure.unit}".rstrip(),
        "" if figure.p50 is None else f"{figure.p50:.2f}",
        "" if figure.p99 is None else f"{figure.p99:.2f}",
        "" if figure.cpu is None else f"{figure.cpu:.1f}",
        figure.target,
        _MET[figure.met],
    ]


def _number(value: float) -> str:
    """Three digits say as much as such a measurement can; a thousand and more are whole."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
