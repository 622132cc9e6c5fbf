"""A running server for each storage engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.process import Server


@pytest.fixture
async def server(store_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server process on an empty store, which counts requests but has enough of them for everybody,
    and whose metrics are open."""
    most = {f"RATE_{budget}": 1_000_000 for budget in ("REST", "FILES", "SIGN_IN", "ANONYMOUS")}
    running = Server(tmp_path, store_url, METRICS="public", **most)
    await running.start()
    yield running
    await running.kill()
