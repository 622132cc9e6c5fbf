"""Where files are for language servers, if not where the browser has them: without a sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from theia_bridge.workspace import sandbox


class Places:
    """Puts the URIs of files in messages right.

    Args:
        places: by the browser's path, a program's.
    """

    def __init__(self, places: Mapping[Path, Path]) -> None:
        pairs = [(f'"{one.as_uri()}', f'"{other.as_uri()}') for one, other in places.items() if one != other]
        self._inward = _Replaced(dict(pairs))
        self._outward = _Replaced({other: one for one, other in pairs})

    def inward(self, message: str) -> str:
        """A message of the browser, as the server is to have it."""
        return self._inward.all_of(message)

    def outward(self, message: str) -> str:
        """A message of the server, as the browser is to have it."""
        return self._outward.all_of(message)


class _Replaced:
    """Beginnings of JSON strings that are replaced, where a path or its part ends with them."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._pairs = pairs
        self._pattern = re.compile(f'(?:{"|".join(map(re.escape, pairs))})(?=[/"])') if pairs else None

    def all_of(self, message: str) -> str:
        if self._pattern is None:
            return message
        return self._pattern.sub(lambda found: self._pairs[found[0]], message)


def places(workspace: Path, home: Path) -> Places:
    """Of a session whose folders are these."""
    return Places({sandbox.INSIDE.workspace: workspace, sandbox.INSIDE.home: home})
