"""Paths as the mirror has them: `/workspace/...` and `/home/...`; of the disk's, names may be any bytes."""

from __future__ import annotations

from collections.abc import Container
from enum import Flag, auto


class Side(Flag):
    """Where something may have changed."""

    STORE = auto()
    DISK = auto()
    BOTH = STORE | DISK


def is_text(path: str) -> bool:
    """Whether it can be stored: a name on the disk may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def same_root(one: str, other: str) -> bool:
    return one.split("/", 2)[1] == other.split("/", 2)[1]


def is_below(path: str, folders: Container[str]) -> bool:
    """Whether a path is in one of some folders, at any depth."""
    while path := path.rpartition("/")[0]:
        if path in folders:
            return True
    return False
