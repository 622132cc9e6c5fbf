"""What is wrong in the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from fdb_provider.engine import Transaction

Kind = Literal[
    "unreadable record",
    "index entry missing",
    "index entry without record",
    "index not built",
    "value not unique",
    "owner missing",
    "folder missing",
    "content missing",
    "content damaged",
    "wrong size",
    "wrong count of references",
    "unused content",
    "unused blob",
    "unused version",
    "wrong trash",
    "wrong usage",
    "wrong count of messages",
    "messages without conversation",
]

Repair = Callable[[Transaction], Awaitable[None]]
"""A transaction body that repairs, or does nothing when things are not as they were found any more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. Two are equal when they say the same of the same thing.

    Args:
        subject: what it is about, so that it can be found: a path, a hash, a key.
        detail: what was found and what was expected.
        repair: None for what cannot be repaired.
    """

    tenant: str
    kind: Kind
    subject: str
    detail: str
    repair: Repair | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.detail}"
