"""Keys are those of FoundationDB's tuple encoding."""

from __future__ import annotations

import fdb.tuple
from hypothesis import given
from hypothesis import strategies as st

from fdb_provider import keyspace

PARTS = st.lists(st.one_of(st.text(), st.binary(), st.integers(-(2**63), 2**64 - 1)))


@given(PARTS)
def test_keys_are_packed_as_the_library_packs_them(parts: list[str | bytes | int]) -> None:
    packed = keyspace.pack(*parts)
    assert packed == fdb.tuple.pack(tuple(parts))
    assert keyspace.unpack(b"prefix" + packed, b"prefix") == tuple(parts)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_the_name_of_an_entry(name: str) -> None:
    root = keyspace.pack("tenant", "session", "id")
    begin, end = keyspace.directory(root, "a/b")
    key = keyspace.entry(root, "a/b", name)
    assert begin <= key < end
    assert keyspace.entry_name(key, len(begin) - 1) == name
