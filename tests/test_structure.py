"""Imports point one way: theia_bridge → rpc, auth → fdb_provider."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
ALLOWED = {
    "fdb_provider": {"fdb_provider"},
    "rpc": {"rpc"},
    "auth": {"auth", "fdb_provider"},
    "theia_bridge": {"theia_bridge", "rpc", "auth", "fdb_provider"},
}


def imported(path: Path) -> Iterator[str]:
    """The top-level names of all modules a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    files = list((HERE / package).rglob("*.py"))
    assert files
    for path in files:
        ours = set(imported(path)) & set(ALLOWED) | {"tests"} & set(imported(path))
        assert ours <= ALLOWED[package], path
