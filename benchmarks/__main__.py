"""`python -m benchmarks [--only NAME ...] [--seconds 3] [--runs 3]`: exit code 0 when every target is met."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import (
    browser,
    chat,
    foundationdb,
    jupyter,
    languages,
    large,
    machine,
    memory,
    mirror,
    report,
    round_trips,
    rpc_calls,
    runtimes,
    scale,
    search,
    sessions,
    start,
    terminal,
    users,
)
from benchmarks.figures import Figure, Plan, Skipped

MEASURES: dict[str, Callable[[Plan], Awaitable[list[Figure]]]] = {
    "rpc": rpc_calls.measure,
    "jupyter": jupyter.measure,
    "large": large.measure,
    "memory": memory.measure,
    "scale": scale.measure,
    "sessions": sessions.measure,
    "trips": round_trips.measure,
    "fdb": foundationdb.measure,
    "search": search.measure,
    "browser": browser.measure,
    "start": start.measure,
    "users": users.measure,
    "runtimes": runtimes.measure,
    "terminal": terminal.measure,
    "languages": languages.measure,
    "mirror": mirror.measure,
    "chat": chat.measure,
}
_HERE = Path(__file__).parent
BUILD = _HERE.parent / "build"
RESULTS = _HERE / "results"


async def run(names: list[str], seconds: float, runs: int, console: Console) -> int:
    """Takes the measures, prints and writes them. Returns the exit code."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    BUILD.mkdir(exist_ok=True)
    # On the disk of the project: the system's folder for temporary files may be in memory, where what is
    # durable costs nothing. `tests.fdbserver` takes its folder from here too.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD, ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        plan = Plan(seconds, runs, Path(folder), BUILD)
        here = machine.look(plan.folder)
        figures: list[Figure] = []
        skipped: dict[str, str] = {}
        for name in names:
            with console.status(f"{name} ..."):
                try:
                    figures += await MEASURES[name](plan)
                except Skipped as reason:
                    skipped[name] = str(reason)
        here.load_after = machine.load()
    done = report.report(here, seconds, runs, figures, skipped)
    console.print(report.table(done))
    # Part of the measures tells nothing of the others, so it does not replace what a whole run has told.
    report.write(done, RESULTS if names == list(MEASURES) else BUILD / "bench")
    return int(any(figure.met is False for figure in figures))


def main() -> int:
    """Returns the exit code: 0 every target was met, 1 not, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures the product.")
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--seconds", type=float, default=3.0, help="of one turn of one side")
    parser.add_argument("--runs", type=int, default=3, help="turns of each side")
    given = parser.parse_args()
    names = [name for name in MEASURES if not given.only or name in given.only]
    try:
        return uvloop.run(run(names, given.seconds, given.runs, Console()))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


if __name__ == "__main__":
    sys.exit(main())
