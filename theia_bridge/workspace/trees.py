"""Removing folders that programs have filled: any depth costs neither stack nor open files."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator

_OPEN = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


def remove_tree(folder: int, name: str) -> None:
    """Removes what is there in an open folder: a file, a link, or a folder with all in it.

    No link is followed. The folders of a folder are brought up beside it, until it has none.

    Raises:
        OSError: it cannot be removed, or is filled meanwhile.
    """
    with _opened(folder, name) as top:
        if top is not None:
            _empty(top)
    if top is None:
        os.unlink(name, dir_fd=folder)
    else:
        os.rmdir(name, dir_fd=folder)


def _empty(top: int) -> None:
    numbers = itertools.count()
    while names := os.listdir(top):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                _remove(top, name, numbers)


def _remove(top: int, name: str, numbers: Iterator[int]) -> None:
    """Removes something, but for the folders in it, which are then in `top`."""
    with _opened(top, name) as folder:
        for below in [] if folder is None else os.listdir(folder):
            assert folder is not None
            with _opened(folder, below) as is_folder:
                pass
            if is_folder is None:
                os.unlink(below, dir_fd=folder)
            else:
                _bring_up(folder, below, top, numbers)
    if folder is None:
        os.unlink(name, dir_fd=top)
    else:
        os.rmdir(name, dir_fd=top)


def _bring_up(folder: int, name: str, top: int, numbers: Iterator[int]) -> None:
    while True:
        try:
            os.rename(name, str(next(numbers)), src_dir_fd=folder, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            return


@contextlib.contextmanager
def _opened(folder: int, name: str) -> Iterator[int | None]:
    """A folder, which its owner may read and change from now on; None if it is none."""
    try:
        found = os.open(name, _OPEN, dir_fd=folder)
    except NotADirectoryError:
        yield None
        return
    try:
        place = f"/proc/self/fd/{found}"
        os.chmod(place, 0o700)
        opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(found)
    try:
        yield opened
    finally:
        os.close(opened)
