"""What is told of many changes is as good as all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdb_provider.errors import FileError
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.merge import Merged
from tests.files.test_model import Delete, Make, Operation, Transfer, Tree, Write, below

UPDATED, ADDED, DELETED = ChangeType.UPDATED, ChangeType.ADDED, ChangeType.DELETED


# So few that they often meet in the same places.
PATHS = st.sampled_from(["a", "b", "a/a", "a/b", "b/a", "a/a/a"])
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Write, PATHS, st.sampled_from([b"1", b"2"]), st.just(True), st.just(True)),
    st.builds(Make, PATHS),
    st.builds(Delete, PATHS, st.just(True)),
    st.builds(Transfer, PATHS, PATHS, st.booleans(), st.booleans()),
)


def merged(changes: list[Change]) -> list[Change]:
    all_of_them = Merged()
    for change in changes:
        all_of_them.add(change)
    return all_of_them.take()


def parsed(text: str) -> list[Change]:
    """`+d -d/f` is d added and d/f deleted."""
    types = {"+": ADDED, "-": DELETED, "~": UPDATED}
    return [Change(types[word[0]], word[1:]) for word in text.split()]


@pytest.mark.parametrize(
    ("all_of_them", "told"),
    [
        ("", ""),
        ("~f ~f ~f", "~f"),
        ("+f ~f", "+f"),
        ("-f +f", "~f"),
        ("~f -f", "-f"),
        ("-f +f -f", "-f"),
        ("+f -f +f", "+f"),
        # A listing in between may have shown it, so that it has to be taken back.
        ("+f -f", "-f"),
        ("+d +d/f -d", "-d"),
        ("~d/f -d ~da", "-d ~da"),
        ("~d/f -d-", "~d/f -d-"),
        ("~d/e/f -d/e -d", "-d"),
        # What comes back, or comes with a folder that comes back, is behind the deletion.
        ("-d +d +d/f", "~d +d/f"),
        ("~d -d/f ~d", "-d/f ~d"),
        ("-a/d -a +a ~a/d", "~a ~a/d"),
        ("-a/d ~a/d/f", "-a/d ~a/d/f"),
    ],
)
def test_few_changes_for_many(all_of_them: str, told: str) -> None:
    assert merged(parsed(all_of_them)) == parsed(told)


def changes_of(operation: Operation, before: Tree) -> list[Change]:
    """What the feed tells of an operation that was possible."""
    match operation:
        case Write(path):
            return [Change(UPDATED if path in before else ADDED, path)]
        case Make(path):
            return [Change(ADDED, path)]
        case Delete(path):
            return [Change(DELETED, path)]
        case Transfer(source, target) if source == target:
            return []
        case Transfer(source, target):
            gone = [] if operation.keep else [Change(DELETED, source)]
            return [*gone, Change(UPDATED if target in before else ADDED, target)]


def take_in(picture: Tree, changes: list[Change], present: Tree) -> None:
    """A client follows what it is told, by a look at the tree as it is by then."""
    for change in changes:
        for gone in [change.path, *below(picture, change.path)]:
            picture.pop(gone, None)
        if change.type != DELETED and change.path in present:
            picture |= {path: present[path] for path in [change.path, *below(present, change.path)]}


@settings(max_examples=400, deadline=None)
@given(st.lists(OPERATIONS, min_size=4, max_size=40), st.data())
def test_a_picture_by_merged_changes_is_that_by_all(operations: list[Operation], data: st.DataObject) -> None:
    """Whenever the client looks: it may see what it has not been told of yet."""
    states: list[Tree] = [{}]
    changes: list[list[Change]] = [[]]
    for operation in operations:
        after = dict(states[-1])
        try:
            operation.apply(after)
        except FileError:
            continue
        changes.append(changes_of(operation, states[-1]))
        states.append(after)
    by_all: Tree = {}
    by_merged: Tree = {}
    at = looked = 0
    last = len(states) - 1
    while at < last:
        until = data.draw(st.integers(at + 1, last), "delivered")
        looked = data.draw(st.integers(max(looked, until), last), "looked")
        delivered = [change for some in changes[at + 1 : until + 1] for change in some]
        told = merged(delivered)
        assert len({change.path for change in told}) == len(told) <= len(delivered)
        take_in(by_all, delivered, states[looked])
        take_in(by_merged, told, states[looked])
        assert by_merged == by_all
        at = until
    assert by_merged == states[-1]


def test_what_is_below_many_deletions_is_found_quickly() -> None:
    """Of long paths, a folder in each other: every pair of them would take minutes."""
    folder = "/".join("a" * 1000)
    paths = [folder[: 2 * i + 1] for i in range(1000)]
    changes = [Change(DELETED, path) for path in reversed(paths)]
    assert merged(changes) == [Change(DELETED, "a")]
    changes = [Change(DELETED, path) for path in paths]
    assert merged(changes) == changes
