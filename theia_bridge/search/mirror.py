"""One root of the file system on the disk, for programs that read files.

Names come first and cost little: each file is there, empty. Contents are filled in when text is searched.
What the disk holds is known by etag, so that only what has changed is written. Folders are made for files.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from fdb_provider.errors import SearchUnavailable
from fdb_provider.files.entry import FILE, Entry
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope

FILE_LIMIT = 32 << 20
"""Bytes of the largest file whose text can be searched."""
LINE_LIMIT = 1 << 20
"""Bytes from which on a line makes its file no text: ripgrep tells whole lines."""
BATCH_BYTES = 2 << 20
BATCH_FILES = 64
"""What is read before it is written, so that neither the event loop nor the memory is held for long."""
HEAD = 8000
"""Bytes in which a NUL makes a file binary, as in git."""
DEPTH = 200
"""Folders a file may be deep in: removing a tree takes a step of the stack for each."""
BLOCK = 4096
NAME_COST = 512
"""Bytes a file is counted to take on the disk, beside whole blocks for its content."""
IGNORE_FILES = {".gitignore", ".ignore", ".rgignore"}
REFUSALS = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ELOOP, errno.ENOTDIR, errno.EISDIR}
"""What a disk answers for a name it cannot have. The file is left out; anything else ends the search."""

P = ParamSpec("P")
R = TypeVar("R")


class _Held(NamedTuple):
    """A file on the disk: the etag of its content ("" while it is only a name), and bytes it counts as."""

    etag: str
    cost: int


class Mirror:
    """The files of one root, on the disk.

    Args:
        files: where they are read.
        root: `workspace` or `home`.
        folder: of this mirror alone; made when it is needed.
        reserve: awaited before the mirror grows by up to that many bytes; raises when it may not.
    """

    def __init__(
        self, files: FileService, root: str, folder: Path, reserve: Callable[[int], Awaitable[None]]
    ) -> None:
        self._files = files
        self._root = root
        self._folder = folder
        self._reserve = reserve
        self._lock = asyncio.Lock()
        self._cursor = ""
        self._tree = -1
        self._spare = -1
        self._held: dict[str, _Held] = {}
        self._stale: dict[str, Entry] = {}
        self._made: set[str] = set()
        self._refused: set[str] = set()
        self._unsearched: set[str] = set()
        self.version = 0
        """Rises whenever a name, or a file that says what is to be ignored, has changed."""
        self.cost = 0
        """Bytes it takes on the disk."""
        self.listings: dict[tuple[object, ...], tuple[int, list[str]]] = {}
        """The last list of names that was made of it, by how it was made, and the version it was made of."""
        self.users = 0
        """Who uses it now; it must not be removed meanwhile."""
        self.used_at = time.monotonic()
        """When it was used last."""

    @property
    def tree(self) -> Path:
        """Where the files are. The `.git` beside it ends ripgrep's look for the machine's ignore files."""
        return self._folder / "tree"

    @property
    def skipped(self) -> int:
        """Files whose text is not searched, though they may be text: too large, or refused by the disk."""
        return len(self._refused) + len(self._unsearched)

    async def update(self, scope: Scope, *, contents: bool) -> None:
        """Makes it equal to what is stored now; its files' contents only if asked for.

        Args:
            scope: one whose root this is.

        Raises:
            SearchUnavailable: the disk cannot be written.
            QuotaExceeded: it would take more room than it may.
        """
        async with self._lock:
            if not await in_thread(self._stands):
                self._cursor = ""
            path = f"/{self._root}"
            cursor = (await self._files.watch(scope, path)).cursor
            if cursor != self._cursor:
                # The cursor was taken first: what is committed meanwhile is met again by the next update.
                listing = await self._files.walk(scope, path)
                await self._reserve(NAME_COST * max(0, len(listing) - len(self._held)))
                await self._load(scope, await in_thread(self._compare, listing))
                self._cursor = cursor
            if contents and self._stale:
                await self._load(scope, list(self._stale.items()))

    def abandon(self) -> Path:
        """It is not to be used any more; returns the folder that is to be removed."""
        self._forget()
        return self._folder

    async def _load(self, scope: Scope, wanted: Sequence[tuple[str, Entry]]) -> None:
        """Writes contents, reading the next while the last are written."""
        writing: asyncio.Task[None] | None = None
        try:
            for batch in _batches(wanted):
                await self._reserve(sum(_cost(entry.size) for _, entry in batch if entry.size <= FILE_LIMIT))
                read = await asyncio.gather(*(self._read(scope, entry) for _, entry in batch))
                if writing is not None:
                    await writing
                writing = asyncio.create_task(in_thread(self._write, batch, read))
            if writing is not None:
                await writing
        finally:
            if writing is not None and not writing.done():
                await asyncio.wait([writing])

    async def _read(self, scope: Scope, entry: Entry) -> bytes | None:
        """A file's content as of its entry; None when it is too large or no longer kept."""
        if entry.size > FILE_LIMIT:
            return None
        try:
            return b"".join([part async for part in self._files.parts(scope, entry)])
        except LookupError:
            return None

    # In a worker thread, under the lock.

    def _stands(self) -> bool:
        """Whether the folder is there as it was left; if not, it is made, and nothing is held."""
        if self._tree >= 0:
            try:
                if os.path.samestat(os.stat(self.tree), os.fstat(self._tree)):
                    return True
            except FileNotFoundError:
                pass
            self._forget()
        try:
            for name in ("tree", ".git", "spare"):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._tree = os.open(self.tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._spare = os.open(self._folder / "spare", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(error) from error
        return False

    def _forget(self) -> None:
        for descriptor in (self._tree, self._spare):
            if descriptor >= 0:
                os.close(descriptor)
        self._tree = self._spare = -1
        for held in (self._held, self._stale, self._made, self._refused, self._unsearched):
            held.clear()
        self.cost = 0
        self.version += 1

    def _compare(self, listing: Iterable[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
        """Makes the names those of the listing, and notes whose contents are stale.

        Returns those whose contents are needed to list files: what says what is ignored.
        """
        wanted = {path: entry for path, entry in listing if entry.kind == FILE}
        gone = [path for path in self._held if path not in wanted]
        for path in gone:
            self._drop(path)
        self._refused.clear()
        ignoring = []
        for path, entry in wanted.items():
            held = self._held.get(path)
            if held is None and not self._put(path, b"", ""):
                continue
            if held is None:
                self.version += 1
            elif held.etag == entry.etag:
                self._stale.pop(path, None)
                continue
            self._stale[path] = entry
            if path.rpartition("/")[2] in IGNORE_FILES:
                ignoring.append((path, entry))
        if gone or ignoring:
            self.version += 1
        return ignoring

    def _write(self, batch: Iterable[tuple[str, Entry]], contents: Iterable[bytes | None]) -> None:
        for (path, entry), content in zip(batch, contents, strict=True):
            if content is None or has_giant_line(content):
                self._unsearched.add(path)
                self._put(path, b"", entry.etag)
            else:
                self._unsearched.discard(path)
                self._put(path, b"" if is_binary(content) else content, entry.etag)
            self._stale.pop(path, None)

    def _put(self, path: str, content: bytes, etag: str) -> bool:
        """Puts a file there as a whole; False when the disk refuses the name."""
        held = self._held.get(path)
        if path.count("/") > DEPTH:
            self._refused.add(path)
            return False
        try:
            if held is None or held.cost == NAME_COST:
                self._make_folder(path.rpartition("/")[0])
                _write(path, self._tree, content)
            else:
                # Written aside: a running search sees the old content or the new one. Not where there was
                # none: what replaces something is brought to the disk at once by some, which takes time.
                _write("next", self._spare, content)
                os.rename("next", path, src_dir_fd=self._spare, dst_dir_fd=self._tree)
        except OSError as error:
            if error.errno in REFUSALS:
                self._refused.add(path)
                return False
            raise _unwritable(error) from error
        cost = _cost(len(content))
        self.cost += cost - (0 if held is None else held.cost)
        self._held[path] = _Held(etag, cost)
        return True

    def _make_folder(self, path: str) -> None:
        if not path or path in self._made:
            return
        parent = path.rpartition("/")[0]
        if parent:
            self._make_folder(parent)
        with suppress(FileExistsError):
            os.mkdir(path, 0o700, dir_fd=self._tree)
        self._made.add(path)

    def _drop(self, path: str) -> None:
        """Takes a file away, and the folders that are empty without it."""
        self.cost -= self._held.pop(path).cost
        self._stale.pop(path, None)
        self._unsearched.discard(path)
        try:
            os.unlink(path, dir_fd=self._tree)
            while path := path.rpartition("/")[0]:
                os.rmdir(path, dir_fd=self._tree)
                self._made.discard(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise _unwritable(error) from error


def _write(name: str, folder: int, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)


def is_binary(content: bytes) -> bool:
    """Whether it is no text: it has a NUL near its beginning, and does not begin as UTF-16, which is read."""
    return content.find(b"\0", 0, HEAD) >= 0 and not content.startswith((b"\xff\xfe", b"\xfe\xff"))


def has_giant_line(content: bytes) -> bool:
    """Whether a line of it has more than `LINE_LIMIT` bytes."""
    start = 0
    while len(content) - start > LINE_LIMIT:
        end = content.rfind(b"\n", start, start + LINE_LIMIT + 1)
        if end < 0:
            return True
        start = end + 1
    return False


def _cost(size: int) -> int:
    return NAME_COST + -(-size // BLOCK) * BLOCK


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs a function in a worker thread. It has ended when this returns, also when this is cancelled."""
    running = asyncio.create_task(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _batches(wanted: Sequence[tuple[str, Entry]]) -> Iterable[list[tuple[str, Entry]]]:
    batch: list[tuple[str, Entry]] = []
    size = 0
    for path, entry in wanted:
        if batch and (len(batch) == BATCH_FILES or size + entry.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((path, entry))
        size += entry.size if entry.size <= FILE_LIMIT else 0
    if batch:
        yield batch


def _unwritable(error: OSError) -> SearchUnavailable:
    return SearchUnavailable(
        f"the server's folder for searching (setting `cache`) cannot be written: {error}"
    )
