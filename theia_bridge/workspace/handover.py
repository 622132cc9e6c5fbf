"""What a launcher hands to the runtime it starts: one line of JSON on its standard input.

Not its environment or command line, which others on the machine may read, and its own children too.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Mapping
from pathlib import Path

import msgspec

GATEWAY_SOCKET = "gateway.sock"
"""In the folder of sockets: the gateway listens there."""
RUNTIME_SOCKET = "runtime.sock"
"""In the folder of sockets: the runtime listens there, at what the launcher has bound."""
NICE = 5
"""How much the processes of workspaces stand back for others when all processors are busy."""
OOM_SCORE = 800
"""How much sooner (of 1000) one of them is ended than others when the machine's memory is used up."""
READY = b"ready\n"
"""What the runtime says on its standard output when it listens."""


class ProcessLimits(msgspec.Struct, frozen=True):
    """What the processes of a workspace may take; 0 is no limit.

    Args:
        memory: bytes one process may have for itself (`RLIMIT_DATA`; not `RLIMIT_AS`, as programs such as
            Node.js reserve many times of what they ever touch).
        processes: processes and threads together.
        cpu: processor seconds of one process.
        file: bytes of a file one writes.
    """

    memory: int = 0
    processes: int = 0
    cpu: int = 0
    file: int = 0

    def apply(self) -> None:
        """Limits this process and those it will start, for good; the server comes first in any case."""
        os.nice(NICE)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
        for number, limit in (
            (resource.RLIMIT_DATA, self.memory),
            (resource.RLIMIT_NPROC, self.processes),
            (resource.RLIMIT_CPU, self.cpu),
            (resource.RLIMIT_FSIZE, self.file),
        ):
            if limit:
                resource.setrlimit(number, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class LanguageServer(msgspec.Struct, frozen=True):
    """How a language's server is run.

    Args:
        command: a program that speaks on its standard input and output, and its arguments; none: the built-in
            one.
        engines: the command lines of the built-in one's engines; none: its own.
        environment: further variables.
    """

    command: tuple[str, ...] = ()
    engines: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = {}


class Handover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a runtime is told at its start.

    Args:
        tenant, user, session: whose runtime it is.
        token: the access token it calls the gateway with; good for this session and over its socket only.
        secret: what the gateway shows to be let in, so that programs in the workspace are not.
        workspace, home: where the files of `/workspace` and `/home` are for the runtime; in a sandbox at
            these very paths.
        mirror: a folder for what the mirror of these remembers; not to be seen below them.
        sockets: the folder of the two sockets.
        listener: the number of the open file that is the socket it is to listen at.
        excludes: names of folders that are not mirrored.
        languages: the servers of languages, by the languages' ids.
        max_frame: bytes of the largest frame that the gateway takes.
        sandboxed: the runtime is in a sandbox.
    """

    tenant: str
    user: str
    session: str
    token: str
    secret: str
    workspace: Path
    home: Path
    mirror: Path
    sockets: Path
    listener: int
    excludes: tuple[str, ...]
    languages: Mapping[str, LanguageServer]
    max_frame: int
    limits: ProcessLimits = ProcessLimits()
    sandboxed: bool = True

    def on_disk(self, path: str) -> str:
        """Where a path of the workspace is for the runtime; one of neither root is as it is."""
        for root, at in (("/workspace", self.workspace), ("/home", self.home)):
            if path == root or path.startswith(f"{root}/"):
                return f"{at}{path.removeprefix(root)}"
        return path

    def encode(self) -> bytes:
        """As one line."""
        return msgspec.json.encode(self, enc_hook=str) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Handover:
        """What `encode` gave. Raises `msgspec.ValidationError`."""
        return msgspec.json.decode(line, type=cls, dec_hook=lambda kind, value: kind(value))
