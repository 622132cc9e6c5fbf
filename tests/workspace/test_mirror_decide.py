"""What the mirror decides, for all that a path can be on both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from theia_bridge.workspace.mirror.decide import Action, decide, mode
from theia_bridge.workspace.mirror.states import Agreed, Seen, Stored

KINDS = st.sampled_from(["file", "directory", "symlink"])
MODES = st.sampled_from([0o644, 0o755, 0o600])
VERSIONS = st.integers(1, 3)
TARGETS = st.sampled_from(["here", "there"])


def a_stored(kind: str, version: int, mode: int, target: str) -> Stored:
    link = kind == "symlink"
    return Stored(kind, f"{version}{target if link else ''}", mode, version, 0, 0, target if link else "")  # type: ignore[arg-type]


def a_seen(kind: str, version: int, mode: int, target: str) -> Seen:
    return Seen(kind, mode, version, version, version, version, target if kind == "symlink" else "")  # type: ignore[arg-type]


STORED = st.builds(a_stored, KINDS, VERSIONS, MODES, TARGETS)
SEEN = st.builds(a_seen, KINDS, VERSIONS, MODES, TARGETS)


@st.composite
def bases(draw: st.DrawFn) -> Agreed:
    kind, target = draw(KINDS), draw(TARGETS)
    stored = a_stored(kind, draw(VERSIONS), draw(MODES), target)
    return Agreed.on(stored, a_seen(kind, draw(VERSIONS), stored.mode, target), b"")


@given(st.none() | bases(), st.none() | STORED, st.none() | SEEN)
def test_nobody_loses_what_they_have_changed(
    base: Agreed | None, stored: Stored | None, seen: Seen | None
) -> None:
    changed_there = base is None or not base.is_stored(stored)
    changed_here = base is None or not base.is_on_disk(seen)
    action = decide(base, stored, seen)
    if stored is None and seen is None:
        assert action is (Action.NOTHING if base is None else Action.FORGET)
        return
    match action:
        case Action.NOTHING:
            assert not changed_there
            assert not changed_here
        case Action.STORE:  # the store's is replaced: nobody has changed that, or it is gone
            assert seen is not None
            assert stored is None or (not changed_there and stored.kind == seen.kind)
            assert changed_here
        case Action.WRITE:
            assert stored is not None
            assert seen is None or (not changed_here and stored.kind == seen.kind)
            assert changed_there
        case Action.DELETE_STORED:
            assert stored is not None
            assert not changed_there
            assert seen is None or seen.kind != stored.kind
        case Action.DELETE_ON_DISK:
            assert seen is not None
            assert not changed_here
            assert stored is None or seen.kind != stored.kind
        case Action.ADOPT:
            assert stored is not None
            assert seen is not None
            assert stored.kind == seen.kind != "file"
            assert stored.kind == "directory" or stored.target == seen.target
        case Action.COMPARE | Action.CONFLICT:
            assert stored is not None
            assert seen is not None
            assert changed_there
            assert changed_here
            assert (stored.kind == seen.kind == "file") == (action is Action.COMPARE)
        case Action.FORGET:
            raise AssertionError("one side has something")


@given(bases(), STORED, SEEN)
def test_the_mode_that_was_changed_counts(base: Agreed, stored: Stored, seen: Seen) -> None:
    wanted = mode(base, stored, seen)
    assert wanted in (stored.mode, seen.mode)
    if stored.mode == base.mode:
        assert wanted == seen.mode
    if stored.mode != base.mode:
        assert wanted == stored.mode
