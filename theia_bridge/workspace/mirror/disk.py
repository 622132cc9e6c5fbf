"""One root on the disk. Every function blocks.

Programs work in the same folders meanwhile, and may put symbolic links in the way: folders are opened one
after the other without following any, and what is replaced or removed is looked at once more after it was
taken aside.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import itertools
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from fdb_provider.files.entry import MODE_BITS
from theia_bridge.workspace import trees
from theia_bridge.workspace.mirror.excludes import SPARE
from theia_bridge.workspace.mirror.states import UNKNOWN, Kind, Seen

FRESH = 20_000_000
"""Nanoseconds in which two writes may leave the same time of change (a tick of the kernel's coarse clock)."""
PART = 1 << 20
"""Bytes of a large file that are in memory at a time."""
INO_BITS = (1 << 63) - 1
LATEST = (1 << 63) - 1
"""Nanoseconds since 1970, in 2262: files may say that they are of later, but no table holds that."""
_OPEN_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAKE_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOREPLACE, _EXCHANGE = 1, 2
_MARK = "user.theia-bridge"
NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
"""What the system answers where a path leads nowhere, or over a link."""
_libc = ctypes.CDLL(None, use_errno=True)


class Changed(Exception):
    """The disk has something else than was seen: it is to be looked at again."""


def seen_of(info: os.stat_result, target: str = "") -> Seen:
    return Seen(
        _kind(info.st_mode),
        stat.S_IMODE(info.st_mode) & MODE_BITS,
        info.st_ino & INO_BITS,
        info.st_size,
        min(info.st_mtime_ns, LATEST),
        min(info.st_ctime_ns, LATEST),
        target,
    )


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "other"


class Disk:
    """The files of one root; paths are relative to it, "" is the root itself."""

    def __init__(self, root: Path) -> None:
        """Opens it. Raises `OSError`."""
        self._root = os.open(root, _OPEN_FOLDER)
        self._names = itertools.count()
        self._lock = threading.Lock()
        self._using = 0
        self._spare = -1

    def close(self) -> None:
        os.close(self._root)

    @property
    def ino(self) -> int:
        """The inode of the root."""
        return os.fstat(self._root).st_ino & INO_BITS

    @property
    def mark(self) -> str:
        """What the root was marked with: nothing if it is another folder, even with the same inode."""
        try:
            return os.getxattr(proc_path(self._root), _MARK).decode()
        except OSError:
            return ""

    def set_mark(self, mark: str) -> None:
        """Marks the root; where files have no attributes, it stays without one."""
        with contextlib.suppress(OSError):
            os.setxattr(proc_path(self._root), _MARK, mark.encode())

    def look(self, path: str) -> Seen | None:
        """What is there; None also if its folder is none."""
        try:
            with self._parent(path) as (folder, name):
                return _look(folder, name)
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise

    def read(self, path: str) -> tuple[Seen, bytes]:
        """A file's content. Raises `Changed` if there is no file, `OSError`."""
        with self.open(path) as file:
            before = os.fstat(file)
            with open(file, "rb", buffering=0, closefd=False) as stream:
                content = stream.read()
            return steady(before, file), content

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[int]:
        """A file to be read. Raises `Changed` if there is no file, `OSError`."""
        try:
            with self._parent(path) as (folder, name):
                file = os.open(name, _OPEN_FILE, dir_fd=folder)
        except OSError as error:
            if error.errno in NOT_THERE or error.errno == errno.ENXIO:
                raise Changed from None
            raise
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise Changed
            yield file
        finally:
            os.close(file)

    def digest(self, path: str) -> tuple[Seen, bytes]:
        """The SHA-256 of a file. Raises as `read`."""
        with self.open(path) as file:
            before = os.fstat(file)
            with open(file, "rb", buffering=0, closefd=False) as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()
            return steady(before, file), digest

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A new file, which has no place yet."""
        with self._spares() as spare:
            name = self._spare_name()
            file = os.open(name, _MAKE_FILE, 0o600, dir_fd=spare)
            try:
                yield Incoming(self, spare, name, file)
            finally:
                os.close(file)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=spare)

    def write(self, path: str, content: bytes, mode: int, mtime: int, expected: Seen | None) -> Seen:
        """Puts a small file there, as `Incoming.put` does."""
        with self.incoming() as incoming:
            incoming.write(content)
            return incoming.put(path, mode, mtime, expected)

    def link(self, path: str, target: str, expected: Seen | None) -> Seen:
        """Puts a symbolic link there. Raises as `Incoming.put`."""
        with self._spares() as spare:
            name = self._spare_name()
            os.symlink(target, name, dir_fd=spare)
            try:
                with self._parent(path, writing=True) as (folder, last):
                    self.place(spare, name, folder, last, expected)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=spare)
        return self._there(path)

    def make_folder(self, path: str, mode: int) -> Seen:
        """Makes a folder. Raises `Changed` if something is there or its own folder is none, `OSError`."""
        with self._parent(path, writing=True) as (folder, name), _changed():
            os.mkdir(name, 0o700, dir_fd=folder)
            made = os.open(name, _OPEN_FOLDER, dir_fd=folder)
            try:
                os.chmod(proc_path(made), mode)
                return seen_of(os.fstat(made))
            finally:
                os.close(made)

    def set_mode(self, path: str, mode: int, expected: Seen) -> Seen:
        """Changes a mode. Raises `Changed`, `OSError`."""
        with self._parent(path) as (folder, name), _changed():
            opened = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                if not seen_of(os.fstat(opened)).is_still(expected) and expected.kind != "directory":
                    raise Changed
                os.chmod(proc_path(opened), mode)  # not by name, which may be another thing's by now
                return seen_of(os.fstat(opened))
            finally:
                os.close(opened)

    def move(self, source: str, target: str, ino: int) -> Seen:
        """Gives something another name that is free. Raises `Changed`, `OSError`."""
        with (
            _changed(),
            self._parent(source, writing=True) as (folder, name),
            self._parent(target, writing=True) as (to_folder, to_name),
        ):
            if os.lstat(name, dir_fd=folder).st_ino & INO_BITS != ino:
                raise Changed
            _rename(folder, name, to_folder, to_name, _NOREPLACE)
        return self._there(target)

    def remove(self, path: str, expected: Seen) -> None:
        """Removes a file, a link or an empty folder. Raises `Changed`, `OSError` (ENOTEMPTY)."""
        with self._parent(path, writing=True) as (folder, name), _changed():
            if expected.kind == "directory":
                os.rmdir(name, dir_fd=folder)
                return
            with self._spares() as spare:
                aside = self._spare_name()
                _rename(folder, name, spare, aside, _NOREPLACE)
                found = _look(spare, aside)
                if found is None or not found.is_still(expected):
                    _rename(spare, aside, folder, name, _NOREPLACE)
                    raise Changed
                os.unlink(aside, dir_fd=spare)

    def entries(self, path: str) -> list[tuple[str, Seen]]:
        """What is in a folder; nothing if it is none. Raises `OSError`."""
        try:
            with self.folder(path) as folder:
                return list_folder(folder)
        except OSError as error:
            if error.errno in NOT_THERE:
                return []
            raise

    def remove_tree(self, path: str) -> None:
        """Removes a folder with all in it, or whatever is there. Raises `OSError`."""
        with contextlib.suppress(FileNotFoundError), self._parent(path, writing=True) as (folder, name):
            trees.remove_tree(folder, name)

    def clean(self) -> None:
        """Removes what a mirror has left that was killed."""
        with contextlib.suppress(OSError):
            self.remove_tree(SPARE)

    def place(self, spare: int, name: str, folder: int, last: str, expected: Seen | None) -> None:
        """Gives what is aside its place. Raises `Changed` if something else than expected is there."""
        with _changed():
            if expected is None:
                _rename(spare, name, folder, last, _NOREPLACE)
                return
            _rename(spare, name, folder, last, _EXCHANGE)
        displaced = _look(spare, name)
        if displaced is None or not displaced.is_still(expected):
            with _changed():
                _rename(spare, name, folder, last, _EXCHANGE)
            raise Changed

    def _there(self, path: str) -> Seen:
        seen = self.look(path)
        if seen is None:
            raise Changed
        return seen

    @contextlib.contextmanager
    def _spares(self) -> Iterator[int]:
        """The folder for what has no place yet; it is there while somebody needs it."""
        with self._lock:
            if self._using == 0:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(SPARE, 0o700, dir_fd=self._root)
                self._spare = os.open(SPARE, _OPEN_FOLDER, dir_fd=self._root)
            self._using += 1
            spare = self._spare
        try:
            yield spare
        finally:
            with self._lock:
                self._using -= 1
                if self._using == 0:
                    os.close(self._spare)
                    with contextlib.suppress(OSError):
                        os.rmdir(SPARE, dir_fd=self._root)

    def _spare_name(self) -> str:
        return str(next(self._names))

    @contextlib.contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A folder, opened without following links. Raises `OSError`."""
        folder = os.dup(self._root)
        try:
            for name in path.split("/") if path else ():
                below = os.open(name, _OPEN_FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _parent(self, path: str, *, writing: bool = False) -> Iterator[tuple[int, str]]:
        """The folder a path is in, and its name there."""
        directory, _, name = path.rpartition("/")
        with self.folder(directory) as folder:
            mode = stat.S_IMODE(os.fstat(folder).st_mode)
            if not writing or mode & 0o300 == 0o300:
                yield folder, name
                return
            # The owner may not write there, but the mirror is to keep it equal all the same.
            os.chmod(proc_path(folder), mode | 0o700)
            try:
                yield folder, name
            finally:
                os.chmod(proc_path(folder), mode)


class Incoming:
    """A file that is written before it gets its place."""

    def __init__(self, disk: Disk, spare: int, name: str, file: int) -> None:
        self._disk = disk
        self._spare = spare
        self._name = name
        self._file = file
        self._size = 0

    def write(self, content: bytes) -> None:
        """Adds to it. Raises `OSError`."""
        self._size += len(content)
        view = memoryview(content)
        while view:
            view = view[os.write(self._file, view) :]

    def put(self, path: str, mode: int, mtime: int, expected: Seen | None) -> Seen:
        """Gives it its place, in which there is `expected`.

        Args:
            mtime: in milliseconds since 1970.

        Raises:
            Changed: something else is there.
            OSError
        """
        modified = mtime * 1_000_000
        os.fchmod(self._file, mode)
        os.utime(self._file, ns=(modified, modified))
        with _changed(), self._disk._parent(path, writing=True) as (folder, name):
            self._disk.place(self._spare, self._name, folder, name, expected)
        seen = seen_of(os.fstat(self._file))
        if (seen.size, seen.mtime) != (self._size, modified):  # somebody has written to it since
            return _uncertain(seen)
        return seen


def proc_path(file: int) -> str:
    """A path that leads to an open file, for what takes a path only."""
    return f"/proc/self/fd/{file}"


def list_folder(folder: int) -> list[tuple[str, Seen]]:
    """What is in an open folder. Raises `OSError`."""
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        names = os.listdir(readable)
        return [(name, seen) for name in names if (seen := _look(readable, name)) is not None]
    finally:
        os.close(readable)


def _look(folder: int, name: str) -> Seen | None:
    try:
        info = os.lstat(name, dir_fd=folder)
        target = os.readlink(name, dir_fd=folder) if stat.S_ISLNK(info.st_mode) else ""
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # no link any more
            return _look(folder, name)
        raise
    return seen_of(info, target)


def steady(before: os.stat_result, file: int) -> Seen:
    """What an open file was that was read, if it was the same all the time and is not just being written."""
    seen = seen_of(os.fstat(file))
    if seen != seen_of(before) or time.time_ns() - seen.ctime < FRESH:
        return _uncertain(seen)
    return seen


def _uncertain(seen: Seen) -> Seen:
    return Seen(seen.kind, seen.mode, seen.ino, seen.size, seen.mtime, UNKNOWN, seen.target)


def _rename(folder: int, name: str, to_folder: int, to_name: str, flags: int) -> None:
    """Renames without replacing anything, or exchanges two names. Raises `OSError`."""
    if _libc.renameat2(folder, os.fsencode(name), to_folder, os.fsencode(to_name), flags) == 0:
        return
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), name)


@contextlib.contextmanager
def _changed() -> Iterator[None]:
    """What the disk answers where something has changed, as `Changed`."""
    try:
        yield
    except OSError as error:
        if error.errno in NOT_THERE or error.errno in (errno.EEXIST, errno.EISDIR):
            raise Changed from None
        raise
