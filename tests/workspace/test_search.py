"""Searching text in a session whose runtime runs: on its disk, with the same answers as without."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.process import Server
from tests.server.searching import paths, put, search
from tests.workspace.mirrored import Mirrored
from tests.workspace.test_runtimes import children

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEARCHES: tuple[dict[str, object], ...] = (
    {"pattern": "needle"},
    {"pattern": "NEEDLE", "match_case": True},
    {"pattern": "need", "whole_word": True},
    {"pattern": r"n(e+)dle\d?", "regex": True},
    {"pattern": "one\n  needle", "multiline": True},
    {"pattern": "needle", "includes": ["*.py"]},
    {"pattern": "needle", "excludes": ["deep"]},
    {"pattern": "needle", "use_git_ignore": False},
    {"pattern": "needle", "roots": ["/workspace/deep"]},
    {"pattern": "needle", "roots": ["/workspace", "/home"], "context": 1},
    {"pattern": "needle", "limit": 1, "includes": ["a.py"]},
    {"pattern": "not there at all"},
    {"pattern": "needle(", "regex": True},
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(shared_server: Server) -> AsyncIterator[Mirrored]:
    async with Mirrored.start(shared_server) as mirrored:
        yield mirrored


async def test_the_answers_are_those_of_the_store(ada: Mirrored) -> None:
    client = ada.person.client
    await put(client, "a.py", "one\n  needle and needle\nlast\n")
    await put(client, "deep/er/b.txt", "é🐍 needle NEEDLE\n")
    await put(client, "deep/long.txt", "x" * 3000 + "needle" + "y" * 3000)
    await put(client, "binary", b"needle\0needle")
    await put(client, "ignored.log", "needle")
    await put(client, ".gitignore", "*.log\n")
    here = [await search(client, **asked) for asked in SEARCHES]  # type: ignore[arg-type]
    await client.call("workspace.stop", None, object)
    stored = [await search(client, **asked) for asked in SEARCHES]  # type: ignore[arg-type]
    for asked, (files, end), (others, its_end) in zip(SEARCHES, here, stored, strict=True):
        assert files == others, asked
        assert (end.limit_hit, end.error) == (its_end.limit_hit, its_end.error), asked
    assert [len(files) for files, _ in stored[:2]] == [3, 1]
    await client.call("workspace.start", None, object)


async def test_what_a_program_wrote_is_found_at_once(ada: Mirrored) -> None:
    await ada.shell("mkdir -p node_modules src; echo haystack > src/made.txt; echo haystack > node_modules/x")
    assert await paths(ada.person.client, "haystack") == ["src/made.txt"]
    assert await paths(ada.person.client, "haystack", use_git_ignore=False) == ["src/made.txt"]


async def test_no_copy_is_made_for_it(ada: Mirrored) -> None:
    await put(ada.person.client, "kept.txt", "treasure")
    assert await paths(ada.person.client, "treasure") == ["kept.txt"]
    assert "kept.txt" not in names_in(ada.person.server.folder / ".data/cache")


async def test_what_is_not_stored_is_not_found(ada: Mirrored) -> None:
    await ada.shell("echo only-here > $'not-\\xff-utf8'")
    assert await paths(ada.person.client, "only-here") == []
    await ada.shell("rm not-*; echo only-here > there")
    assert await paths(ada.person.client, "only-here") == ["there"]


async def test_it_goes_on_when_the_runtime_is_killed(ada: Mirrored) -> None:
    client = ada.person.client
    await put(client, "outlives.txt", "survivor")
    for process in children(ada.person.server.pid):
        os.kill(process, signal.SIGKILL)
    assert await paths(client, "survivor") == ["outlives.txt"]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}
