"""Searching the files of a caller: what the RPC methods call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from fdb_provider.errors import FileNotADirectory, InvalidPattern, SearchUnavailable
from fdb_provider.files import tree
from fdb_provider.files.entry import DIRECTORY
from fdb_provider.files.paths import Location, parse
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope
from theia_bridge.methods.protocol import (
    FileMatches,
    FoundFiles,
    SearchFilesParams,
    SearchTextParams,
)
from theia_bridge.search import names, ripgrep
from theia_bridge.search.mirror import Mirror, in_thread
from theia_bridge.search.mirrors import Mirrors
from theia_bridge.search.text import Reader

AT_ONCE = max(2, os.cpu_count() or 1)
"""Searches that run side by side on a gateway; others wait."""
OF_ONE_USER = 2
"""Of one user's, so that no one keeps the others waiting for long."""
INLINE = 1 << 14
"""Bytes of output that are read on the event loop; more in a worker thread."""
PATHS_LIMIT = 128 << 20
"""Bytes of all names that are listed."""

Found = Callable[[list[FileMatches]], Awaitable[None]]


class Run(Protocol):
    """A ripgrep that runs, here (`ripgrep.Run`) or elsewhere.

    Attributes:
        code, complaint: once it has ended, its exit code and what it said of errors.
    """

    code: int | None
    complaint: str

    def chunks(self) -> AsyncIterator[bytes]:
        """Its output as it comes; it waits while nobody takes it.

        Raises:
            TimeoutError: it took too long.
            SearchUnavailable: it could not go on.
        """
        ...


Running = Callable[[Sequence[str], str], AbstractAsyncContextManager[Run]]
"""Runs ripgrep with arguments in a folder of the caller's files, given by its path."""


class SearchService:
    """Args:
    files: what is searched.
    mirrors: where ripgrep finds it.
    runtime: where it finds it as well, and what was written there just now: in the caller's workspace, if
        that runs programs at the moment.
    """

    def __init__(
        self, files: FileService, mirrors: Mirrors, runtime: Callable[[Scope], Awaitable[Running | None]]
    ) -> None:
        self._files = files
        self._mirrors = mirrors
        self._runtime = runtime
        self._all = asyncio.Semaphore(AT_ONCE)
        self._users: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()

    async def check(self, scope: Scope, roots: Sequence[str], patterns: Sequence[str]) -> list[Location]:
        """Where to search, each part once.

        Raises:
            FileNotFound, FileNotADirectory: a root is no folder.
            NoPermissions: a root is `/`.
            InvalidPattern: a pattern cannot be passed on.
        """
        for pattern in patterns:
            ripgrep.check(pattern)
        places = [parse(root) for root in dict.fromkeys(roots)]
        for at in places:
            tree.root_of(scope, at)
            if (await self._files.stat(scope, at.path)).kind != DIRECTORY:
                raise FileNotADirectory(f"{at.path} is not a folder")
        # A folder in another one that is searched is searched with it.
        return [at for at in places if not any(other != at and other.contains(at) for other in places)]

    async def find_files(self, scope: Scope, asked: SearchFilesParams) -> FoundFiles:
        """The files whose paths match, the best first. Raises as `check`."""
        places = await self.check(scope, asked.roots, [asked.pattern, *asked.includes, *asked.excludes])
        options = [
            "--files",
            "--null",
            "--hidden",
            *ripgrep.globs(asked.includes, asked.excludes),
            *(["--glob=!.git"] if asked.use_git_ignore else ["--no-ignore"]),
        ]
        listed: list[tuple[str, list[str]]] = []
        async with self._turn(scope):
            for at in places:
                async with self._mirrors.use(scope, at.root) as mirror:
                    await mirror.update(scope, contents=False)
                    listed.append((at.path, await self._list(mirror, at, options)))
        found, more = await in_thread(names.find, asked.pattern, listed, asked.limit, fuzzy=asked.fuzzy)
        return FoundFiles(paths=found, limit_hit=more)

    async def find_text(self, scope: Scope, asked: SearchTextParams, found: Found) -> tuple[bool, int]:
        """Gives what is found to `found` as it is found; the search waits while that takes its time.

        Returns whether there may be more than was given, and how many files were not searched.

        Raises:
            InvalidPattern: the pattern or a glob cannot be understood.
            SearchUnavailable: it took too long or too much memory, or the server cannot search.
            and as `check`.
        """
        places = await self.check(scope, asked.roots, [asked.pattern, *asked.includes, *asked.excludes])
        options = _options(asked)
        left, more, skipped = asked.limit, False, 0
        async with self._turn(scope):
            running = await self._runtime(scope)
            for at in places:
                reader = Reader(at.path, left)
                arguments = [*_bounds(at), *options, "--", asked.pattern, "./"]
                if running is not None:
                    async with running(arguments, at.path) as run:
                        await _read(run, reader, found)
                else:
                    async with self._mirrors.use(scope, at.root) as mirror:
                        await mirror.update(scope, contents=True)
                        skipped += mirror.skipped
                        folder = _folder(mirror, at)
                        if await in_thread(folder.is_dir):
                            async with ripgrep.running(arguments, folder) as run:
                                await _read(run, reader, found)
                left, more = reader.left, more or reader.incomplete
                if left <= 0:
                    return True, skipped
        return more, skipped

    async def _list(self, mirror: Mirror, at: Location, options: list[str]) -> list[str]:
        """The files in a folder that are not left out: paths relative to it, in order."""
        known = mirror.listings.get((at, *options))
        if known is not None and known[0] == mirror.version:
            return known[1]
        folder = _folder(mirror, at)
        version = mirror.version
        if not await in_thread(folder.is_dir):
            return []
        output = bytearray()
        async with ripgrep.running([*options, *_bounds(at), "./"], folder) as run:
            async for chunk in run.chunks():
                output += chunk
                if len(output) > PATHS_LIMIT:
                    raise SearchUnavailable("there are too many files to list: search a folder of them")
            if run.code not in (0, 1) and not output:
                raise _failure(run)
        paths = await in_thread(_paths, output)
        mirror.listings.clear()
        mirror.listings[(at, *options)] = version, paths
        return paths

    @asynccontextmanager
    async def _turn(self, scope: Scope) -> AsyncIterator[None]:
        """Waits until the caller may search."""
        key = scope.tenant, scope.user
        mine = self._users.get(key)
        if mine is None:
            mine = self._users[key] = asyncio.Semaphore(OF_ONE_USER)
        async with mine, self._all:
            yield


async def _read(run: Run, reader: Reader, found: Found) -> None:
    """Gives what a run finds to `found`, until there is no more or as much as was asked for."""
    try:
        async for chunk in run.chunks():
            if len(chunk) + reader.waiting < INLINE:
                files = reader.feed(chunk)
            else:
                files = await in_thread(reader.feed, chunk)
            if files:
                await found(files)
            if reader.left <= 0:
                return
    except TimeoutError:
        raise SearchUnavailable(
            f"the search was stopped after {ripgrep.SECONDS:.0f} s: search fewer files or for less"
        ) from None
    if not reader.complete:
        raise _failure(run)


def _options(asked: SearchTextParams) -> list[str]:
    """ripgrep's options for a text search."""
    return [
        "--json",
        "--hidden",
        f"--max-filesize={asked.max_file_size}",
        f"--max-count={asked.limit + 1}",
        f"--context={asked.context}",
        "--case-sensitive" if asked.match_case else "--ignore-case",
        *([] if asked.regex else ["--fixed-strings"]),
        *(["--word-regexp"] if asked.whole_word else []),
        *(["--multiline"] if asked.multiline else []),
        *([] if asked.use_git_ignore else ["--no-ignore"]),
        *ripgrep.globs(asked.includes, asked.excludes),
    ]


def _bounds(at: Location) -> list[str]:
    """Sees that no ignore file of the server's own disk counts.

    Below a root, those of the folders above count as far as the `.git` beside the root. ripgrep bounds only
    .gitignore so, and its own kinds are left out there.
    """
    if not at.name:
        return ["--no-ignore-global", "--no-ignore-parent", "--no-require-git"]
    return ["--no-ignore-global", "--no-ignore-dot"]


def _folder(mirror: Mirror, at: Location) -> Path:
    return mirror.tree / at.relative if at.name else mirror.tree


def _paths(output: bytearray) -> list[str]:
    return sorted(path.removeprefix("./") for path in output.decode().split("\0") if path)


def _failure(run: Run) -> Exception:
    """Why ripgrep did not do what it was asked."""
    if run.code is not None and run.code < 0:
        return SearchUnavailable(
            "the search took too much memory or time on the server: search fewer files or for less"
        )
    return InvalidPattern(run.complaint.removeprefix("rg: ") or "the pattern cannot be understood")
