"""The folder of an embedded store, owned by one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from fdb_provider.errors import StoreInUse, StoreUnusable

_LOCK_FILE: Final = "owner.lock"


class Folder:
    """An owned folder. The kernel gives it up when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Makes the folder if it is missing (mode 0700) and takes it.

        Raises:
            StoreInUse: a process, perhaps this one, has it; the message names it.
            StoreUnusable: it cannot be made or written.
        """
        self._path = path
        try:
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in missing:
                _sync(folder.parent)
            self._fd = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(f"the store in {path} cannot be used: {error}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._fd, 20, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise StoreInUse(f"the store in {path} is in use by process {owner}") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def sync(self) -> None:
        """Makes the names of new files in it durable."""
        _sync(self._path)

    def release(self) -> None:
        os.close(self._fd)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
