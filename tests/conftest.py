"""Fixtures for tests that need a store. Each such test runs once per storage engine."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fdb_provider.engine import Database
from fdb_provider.store import open_store
from tests import fdbserver
from tests.process import UNLIMITED

LONG = ("api/test_conformance.py", "e2e", "workspace", "lsp")
"""What takes longest. Workers take a file at a time, and with one that began last all would wait for it."""

# Run in the background of a shell, all this would ignore interrupts, with every program that is started.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    first = {tests / name for name in LONG}
    items.sort(key=lambda item: first.isdisjoint((item.path, *item.path.parents)))


@pytest.fixture(scope="session", autouse=True)
def unlimited() -> Iterator[None]:
    """Lets servers in this process take as many requests as a test makes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in UNLIMITED.items():
            patch.setenv(f"THEIA_BRIDGE_{name}", str(value))
        yield


@pytest.fixture(scope="session")
def fdb_cluster() -> Iterator[Path]:
    """The cluster file of a running FoundationDB server, shared by the whole test run."""
    if reason := fdbserver.missing():
        pytest.skip(reason)
    with fdbserver.running() as cluster:
        yield cluster


ENGINES = ["embedded", pytest.param("fdb", marks=pytest.mark.fdb)]


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty store that nobody has open: `embedded:DIR`, then `fdb:CLUSTER_FILE`."""
    return empty_store(request, tmp_path)


def empty_store(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty store of the engine that is the fixture's parameter, with its files in a folder."""
    if request.param == "embedded":
        return f"embedded:{folder / 'store'}"
    cluster: Path = request.getfixturevalue("fdb_cluster")
    fdbserver.empty(cluster)
    return f"fdb:{cluster}"


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """An empty store on `store_url`, opened as the program does it; closed after the test."""
    store = await open_store(store_url)
    yield store
    await store.close()
