"""Ranking of file names: properties of any input, and what Theia does with some."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from theia_bridge.search import names

# Few letters, so that patterns match often.
PATHS = st.lists(
    st.text("abA/ ._", min_size=1, max_size=12).map(lambda path: path.strip("/") or "a"), max_size=30
)
PATTERNS = st.text("abAB ._", max_size=6)


def in_order(letters: str, text: str) -> bool:
    """What `fuzzy` tests, said another way."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


@given(PATTERNS, PATHS, st.booleans())
def test_found_is_what_matches(pattern: str, paths: list[str], fuzzy: bool) -> None:
    parts = pattern.lower().split()
    found, more = names.find(pattern, [("/w", paths)], 1000, fuzzy=fuzzy)
    expected = [
        path
        for path in paths
        if parts == [] or all(in_order(p, path.lower()) if fuzzy else p in path.lower() for p in parts)
    ]
    assert sorted(found) == sorted(f"/w/{path}" for path in expected)
    assert not more


@given(PATTERNS, PATHS, st.integers(1, 10))
def test_a_limit_keeps_the_best(pattern: str, paths: list[str], limit: int) -> None:
    every, _ = names.find(pattern, [("/w", paths)], 1000)
    best, more = names.find(pattern, [("/w", paths)], limit)
    assert best == every[:limit]
    assert more == (len(every) > limit)


def test_as_theia_ranks() -> None:
    paths = [
        "lib/other/readme.txt",
        "read/me/x",
        "src/app.py",
        "app",
        "docs/my-app.md",
        "apples/index.ts",
        "a/p/p",
    ]
    found, _ = names.find("app", [("/workspace", paths)], 10)
    assert found == [
        "/workspace/app",
        "/workspace/docs/my-app.md",
        "/workspace/src/app.py",
        "/workspace/apples/index.ts",
        "/workspace/a/p/p",
    ]
    found, _ = names.find("READ me", [("/workspace", paths)], 10)
    assert found == ["/workspace/lib/other/readme.txt", "/workspace/read/me/x"]
    assert names.find("workspace", [("/workspace", paths)], 10) == ([], False)
    assert names.find("*", [("/a", ["x"]), ("/b", ["x"])], 1) == (["/a/x"], True)


def test_scores_are_theias() -> None:
    # Taken from the npm package `fuzzy` 0.1.3 and QuickFileSelectService's formula.
    assert names.score(["app"], "app") == math.inf
    assert names.score(["app"], "App.py") == 2000 + 5000 + 1 + 3 + 7
    assert names.score(["app"], "a-p-p") == 1 + 1 + 1
    assert names.score(["x"], "app") == 0
    assert names.score(["app", "py"], "app.c") == 2000
