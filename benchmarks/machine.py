"""On what the figures were measured."""

from __future__ import annotations

import os
import platform
import statistics
from importlib import metadata
from pathlib import Path
from time import perf_counter

import msgspec

_PACKAGES = (
    *("theia-bridge", "aiohttp", "uvloop", "msgspec", "jsonrpcserver", "lmdb", "foundationdb", "playwright"),
)


class Machine(msgspec.Struct, kw_only=True):
    """`fsync_ms` is the median time of a durable 4-KiB append in the folder of the stores."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    packages: dict[str, str]
    fsync_ms: float
    load_before: float
    load_after: float


def look(folder: Path) -> Machine:
    """What this machine is. `load_after` is to be set at the end."""
    return Machine(
        cpu=_value(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        packages={name: metadata.version(name) for name in _PACKAGES},
        fsync_ms=round(_fsync(folder / "fsync") * 1000, 3),
        load_before=load(),
        load_after=0.0,
    )


def load() -> float:
    """Processes that wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 2)


def cpu_seconds(pid: int) -> float:
    """Processor time a process has had so far (utime and stime of proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _value(file: Path, name: str) -> str | None:
    for line in file.read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return None


def _fsync(path: Path, count: int = 200) -> float:
    seconds: list[float] = []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            started = perf_counter()
            os.write(fd, bytes(4096))
            os.fdatasync(fd)
            seconds.append(perf_counter() - started)
    finally:
        os.close(fd)
    return statistics.median(seconds)
