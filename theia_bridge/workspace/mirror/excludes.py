"""What the mirror leaves alone."""

from __future__ import annotations

from collections.abc import Iterable

SPARE = ".theia-bridge"
"""A folder in each root in which the mirror prepares files; it is there only while it does."""
OF_HOME = (
    ".bash_history",
    ".cache",
    ".cargo/registry",
    ".conda/pkgs",
    ".gnupg",
    ".gradle",
    ".ipython/profile_default/history.sqlite",
    ".lesshst",
    ".local/share",
    ".local/state",
    ".m2/repository",
    ".node_repl_history",
    ".npm",
    ".nvm",
    ".psql_history",
    ".python_history",
    ".rustup",
    ".sqlite_history",
    ".ssh/agent",
    ".viminfo",
    ".wget-hsts",
    ".yarn",
    ".zsh_history",
    "go/pkg",
)
"""What in a home is a program's own, and can be had again, or is written to by all sessions at once."""


class Excludes:
    """What is neither stored nor written to the disk.

    Args:
        names: of folders and files, wherever they are.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._paths = frozenset(
            {f"/home/{path}" for path in OF_HOME} | {f"/{root}/{SPARE}" for root in ROOTS}
        )

    def has(self, path: str) -> bool:
        """Whether a path, or a folder it is in, is excluded."""
        parts = path.split("/")
        if not self._names.isdisjoint(parts[2:]):
            return True
        at = ""
        for part in parts[1:5]:
            at = f"{at}/{part}"
            if at in self._paths:
                return True
        return False

    def has_entry(self, path: str, name: str) -> bool:
        """Whether a path is excluded, whose last part is `name` and whose folder is not."""
        return name in self._names or path in self._paths


ROOTS = ("workspace", "home")
