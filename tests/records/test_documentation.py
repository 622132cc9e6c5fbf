"""docs/records.md tells of every index what it is over and which query it serves."""

from __future__ import annotations

import re
from pathlib import Path

from fdb_provider.indexes.documentation import written
from fdb_provider.repositories import COLLECTIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "records.md"


def test_the_document_is_as_the_indexes_are_declared() -> None:
    text = DOCUMENT.read_text()
    assert written(text) == text, "it is stale: run `make types` and commit it"


def test_every_index_is_named_with_the_query_it_serves() -> None:
    rows = re.findall(r"^\| `(by_\w+)` \| .+ \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    declared = [index for collection in COLLECTIONS for index in collection.indexes.values()]
    assert [name for name, _ in rows] == [index.name for index in declared]
    assert len(declared) >= 21
    for index in declared:
        assert index.serves, f"{index.name} does not say which query it serves"


def test_no_two_collections_have_one_name() -> None:
    assert len({collection.name for collection in COLLECTIONS}) == len(COLLECTIONS)
