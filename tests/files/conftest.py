"""What the tests of the file system share."""

from __future__ import annotations

import pytest

from fdb_provider.engine import Database
from fdb_provider.files import content
from fdb_provider.files.retention import DAY, Retention
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope

KEEPING = Retention(versions=5, history=7 * DAY, merge=0, trash=3 * DAY)
"""Every content that was replaced is kept."""


class Clock:
    """The time as the file system takes it; goes on only when told."""

    def __init__(self) -> None:
        self.now = content.now()

    def pass_by(self, milliseconds: int) -> int:
        self.now += milliseconds
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(content, "now", lambda: clock.now)
    return clock


@pytest.fixture
def scope() -> Scope:
    return Scope(new_id(), new_id(), new_id())


@pytest.fixture
def keeping(database: Database) -> FileService:
    """A file system that keeps every content that was replaced, as `KEEPING` says."""
    return FileService(database, retention=KEEPING)


async def sweep(files: FileService, scope: Scope, now: int | None = None) -> None:
    """All that need not be kept at a time is forgotten."""
    while await files.sweep(scope, now):
        pass
