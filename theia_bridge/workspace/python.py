"""The server's Python environment as a runtime has it in its sandbox: to read only.

It is at its own paths, as much refers to it by them. Where a sandbox has the session's files at these, such
as `/home/ada/.venv`, it is elsewhere, and Python is told by its environment.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import auth
import fdb_provider
import rpc
import theia_bridge

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""What of the system is in a sandbox anyway."""
TAKEN = ("/home", "/workspace")
"""Where a sandbox has the session's files."""
MOVED = Path("/opt/theia-bridge")


@dataclass(frozen=True, slots=True)
class Python:
    """How to run this package's modules.

    Args:
        folders: what it takes: folders of the host, each with its place.
        executable: the interpreter.
        tools: the folder of the programs that came with the packages.
        variables: of the environment it needs.
    """

    folders: Mapping[Path, Path]
    executable: str
    tools: Path
    variables: Mapping[str, str]


def python(taken: Iterable[str] = TAKEN) -> Python:
    """The environment of this process, for a sandbox in which the paths `taken` are others."""
    packages = [Path(module.__path__[0]) for module in (auth, fdb_provider, rpc, theia_bridge)]
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix)}
    needed = sorted(folder for folder in {*prefixes, *packages} if not within(folder, SYSTEM))
    tools = Path(sysconfig.get_path("scripts"))
    if not any(within(folder, taken) for folder in needed):
        roots = sorted({str(package.parent) for package in packages})
        here = {folder: folder for folder in needed}
        return Python(here, sys.executable, tools, {"PYTHONPATH": os.pathsep.join(roots)})
    base = Path(sys.base_prefix)
    moved = base if within(base, SYSTEM) else MOVED / "python"
    libraries = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    places = {Path(library): MOVED / f"site-packages-{n}" for n, library in enumerate(libraries)}
    variables = {"PYTHONPATH": os.pathsep.join(map(str, [MOVED / "packages", *places.values()]))}
    if moved != base:
        places[base] = moved
        variables["LD_LIBRARY_PATH"] = str(moved / "lib")  # of an interpreter that is a shared library
    places |= {package: MOVED / "packages" / package.name for package in packages}
    places[tools] = MOVED / "bin"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Python(places, str(moved / "bin" / f"python{version}"), MOVED / "bin", variables)


def within(folder: Path, others: Iterable[str]) -> bool:
    """Whether a folder is one of others or in it."""
    return any(folder.is_relative_to(other) for other in others)
