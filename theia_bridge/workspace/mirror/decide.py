"""What to do about a path, from what it is on both sides and what it was when they agreed. Pure functions."""

from __future__ import annotations

from enum import Enum, auto

from theia_bridge.workspace.mirror.states import Agreed, Seen, Stored

DEFAULT_MODES = {"file": 0o644, "directory": 0o755, "symlink": 0o777}
"""What a mode is that nobody has chosen."""


class Action(Enum):
    """What makes both sides agree again."""

    NOTHING = auto()
    ADOPT = auto()
    """They agree already, which is to be remembered."""
    FORGET = auto()
    """It is gone on both sides."""
    STORE = auto()
    """The store is to have what the disk has."""
    WRITE = auto()
    """The disk is to have what the store has."""
    DELETE_STORED = auto()
    """It is to go from the store; if something else is on the disk, that is looked at next."""
    DELETE_ON_DISK = auto()
    """It is to go from the disk; likewise."""
    COMPARE = auto()
    """Both have a file: if the contents are equal they agree, else this is a conflict."""
    CONFLICT = auto()
    """Both have changed in different ways: both are to be kept."""


def decide(base: Agreed | None, stored: Stored | None, seen: Seen | None) -> Action:
    """What is to be done. Whoever has changed something has priority over who has not, or has deleted it."""
    if stored is None and seen is None:
        return Action.NOTHING if base is None else Action.FORGET
    if base is not None:
        same_there, same_here = base.is_stored(stored), base.is_on_disk(seen)
        if same_there and same_here:
            return Action.NOTHING
        if same_there:
            gone = seen is None or seen.kind != base.kind
            return Action.DELETE_STORED if gone else Action.STORE
        if same_here:
            gone = stored is None or stored.kind != base.kind
            return Action.DELETE_ON_DISK if gone else Action.WRITE
    if stored is None:
        return Action.STORE
    if seen is None:
        return Action.WRITE
    return _of_both(stored, seen)


def _of_both(stored: Stored, seen: Seen) -> Action:
    if stored.kind != seen.kind:
        return Action.CONFLICT
    if stored.kind == "file":
        return Action.COMPARE
    return Action.ADOPT if stored.kind == "directory" or stored.target == seen.target else Action.CONFLICT


def mode(base: Agreed | None, stored: Stored, seen: Seen) -> int:
    """The mode that both are to have: the one that has changed; if both have, the store's."""
    if base is not None:
        return seen.mode if stored.mode == base.mode else stored.mode
    return seen.mode if stored.mode == DEFAULT_MODES[stored.kind] else stored.mode


def is_older_on_disk(stored: Stored, seen: Seen) -> bool:
    """Of a conflict, whether the disk's is the older one, which is put beside."""
    return seen.mtime // 1_000_000 <= stored.mtime
