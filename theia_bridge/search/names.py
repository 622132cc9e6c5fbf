"""Finding files by parts of their names, ranked as Theia ranks them.

Theia's own service takes what has all parts of the pattern before what has only their letters in order; its
quick open then sorts by how well the name matches, and the path after it. Both are done here, so that of many
the best are kept.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterable

EXACT = 5000
"""Theia's score for a name that has all parts of the pattern."""
PARTIAL = 2000
"""Theia's score for each part a name has."""


def find(
    pattern: str, roots: Iterable[tuple[str, list[str]]], limit: int, *, fuzzy: bool = True
) -> tuple[list[str], bool]:
    """The best matches, best first, and whether there are more.

    Args:
        pattern: parts between white space, letter case ignored; "" and "*" match all.
        roots: each one's path and the paths of its files relative to it, which alone are matched.
        fuzzy: take too what has the letters of each part in order.
    """
    parts = pattern.lower().split()
    if not parts or parts == ["*"]:
        every = [f"{root}/{path}" for root, paths in roots for path in paths[: limit + 1]]
        return every[:limit], len(every) > limit
    in_order = [_letters_in_order(part) for part in parts]
    named: list[str] = []
    placed: list[str] = []
    scattered: list[str] = []
    for root, paths in roots:
        for path in paths:
            lower = path.lower()
            if all(part in lower for part in parts):
                name = lower[lower.rfind("/") + 1 :]
                (named if all(part in name for part in parts) else placed).append(f"{root}/{path}")
            elif fuzzy and all(letters.match(lower) for letters in in_order):
                scattered.append(f"{root}/{path}")
    found: list[str] = []
    for rank in (named, placed, scattered):
        if len(found) < limit:
            found += heapq.nsmallest(limit - len(found), rank, key=lambda path: _rank(path, parts))
    return found, len(named) + len(placed) + len(scattered) > limit


def score(parts: list[str], text: str) -> float:
    """How well a text matches: Theia's formula; `parts` are in lower case."""
    lower = text.lower()
    present = sum(part in lower for part in parts)
    exact = present == len(parts)
    fuzzy = _fuzzy("".join(parts), lower)
    if fuzzy == math.inf and exact:
        return math.inf
    return fuzzy + PARTIAL * present + (EXACT if exact else 0)


def _rank(path: str, parts: list[str]) -> tuple[float, int, str, float, str]:
    """Smaller is better."""
    name = path[path.rfind("/") + 1 :]
    query = " ".join(parts)
    return -score(parts, name), -name.lower().find(query), name.lower(), -score(parts, path), path


def _letters_in_order(part: str) -> re.Pattern[str]:
    """Matches a text that has the letters of a part in order, in a time that its length bounds."""
    return re.compile("".join(f"[^{re.escape(letter)}]*+{re.escape(letter)}" for letter in part), re.DOTALL)


def _fuzzy(letters: str, text: str) -> float:
    """The score of the npm package `fuzzy`: each letter in a run counts twice the one before it.

    0 when the letters are not there in order, infinite when the text is the letters.
    """
    if letters == text:
        return math.inf
    at = total = run = 0
    for letter in text:
        if at < len(letters) and letter == letters[at]:
            at += 1
            run += 1 + run
        else:
            run = 0
        total += run
    return total if at == len(letters) else 0
