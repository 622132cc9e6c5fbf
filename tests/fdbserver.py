"""A throw-away FoundationDB server for tests marked `fdb`, when one is installed on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDERS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])


def missing() -> str | None:
    """Why no server can be started here, or None when one can."""
    for program in ("fdbserver", "fdbcli"):
        if shutil.which(program, path=_FOLDERS) is None:
            return f"{program} is not installed"
    return missing_library()


def missing_library() -> str | None:
    """Why the binding cannot be used, or None when it can."""
    try:
        import fdb.impl  # noqa: F401
    except Exception as error:  # the binding raises a bare Exception when libfdb_c is missing
        return f"the FoundationDB client library cannot be loaded: {error}"
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running() -> Iterator[Path]:
    """Runs a one-process cluster in a temporary folder; gives its cluster file."""
    server = shutil.which("fdbserver", path=_FOLDERS)
    client = shutil.which("fdbcli", path=_FOLDERS)
    assert server is not None
    assert client is not None
    with tempfile.TemporaryDirectory(prefix="fdb-") as folder:
        address = f"127.0.0.1:{_free_port()}"
        cluster = Path(folder, "fdb.cluster")
        cluster.write_text(f"test:test@{address}\n")
        process = subprocess.Popen(
            [
                *(server, "--cluster-file", str(cluster)),
                *("--public-address", address, "--listen-address", "public"),
                *("--datadir", f"{folder}/data", "--logdir", f"{folder}/log"),
                *("--memory", "2GiB", "--storage-memory", "256MiB", "--cache-memory", "128MiB"),
                "--knob_disable_posix_kernel_aio=1",  # works on any file system, tmpfs included
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            subprocess.run(
                [client, "-C", str(cluster), "--timeout", "60", "--exec", "configure new single ssd"],
                check=True,
                capture_output=True,
                timeout=90,
            )
            yield cluster
        finally:
            process.kill()
            process.wait()


def empty(cluster: Path) -> None:
    """Clears every user key."""
    import fdb

    fdb.api_version(fdb.LATEST_API_VERSION)
    fdb.open(str(cluster)).clear_range(b"", b"\xff")
