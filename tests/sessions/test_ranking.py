"""Which sessions belong together: sketches of contents, and the ranking of sessions by all they have."""

from __future__ import annotations

import hashlib
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdb_provider.models import WorkspaceSession
from theia_bridge.related import sketch, words
from theia_bridge.related.ranking import LEAST, WEIGHTS, Features, Ranking, Related
from theia_bridge.related.sketch import K, Sketch, Sketching


def hashes(*numbers: int) -> list[bytes]:
    return [hashlib.sha256(b"%d" % number).digest() for number in numbers]


def sketched(*numbers: int) -> Sketch:
    sketching = Sketching()
    for one in hashes(*numbers):
        sketching.add([one])
    return sketching.made()


def features(
    name: str,
    contents: Sketch = Sketch(),  # noqa: B008 - immutable
    said: str = "",
    *,
    tags: tuple[str, ...] = (),
    parent: str | None = None,
    used: int = 0,
) -> Features:
    session = WorkspaceSession(
        id=name, user="ada", name=name, created_at=0, used_at=used, tags=tags, parent=parent
    )
    return Features(session, None, contents, words.most(words.count(said)))


def found(one: str, *others: Features, limit: int = 10) -> dict[str, Related]:
    return {each.session.id: each for each in Ranking(others).related(one, limit)}


def reasons(related: Related) -> dict[str, str]:
    return {reason.kind: reason.detail for reason in related.reasons}


FILLING = [features(f"other {i}", sketched(1000 + i)) for i in range(20)]
"""Sessions that have nothing in common with others."""


@settings(max_examples=50)
@given(st.sets(st.integers(0, 2000), max_size=3 * K), st.sets(st.integers(0, 2000), max_size=3 * K))
def test_a_sketch_has_the_smallest_hashes_in_whatever_order_they_come(one: set[int], more: set[int]) -> None:
    together = sketched(*sorted(one | more))
    shuffled = [*one, *more]
    random.Random(len(one)).shuffle(shuffled)
    assert sketched(*shuffled) == together
    smallest = sorted(int.from_bytes(each[:8], "big") for each in hashes(*(one | more)))[:K]
    assert list(together.hashes) == smallest
    assert together.whole == (len(one | more) < K)
    assert sketch.unpack(sketch.pack(together)) == together
    if together.whole:
        assert together.size == len(one | more)


@pytest.mark.parametrize("size", [K, 1000, 30_000])
def test_a_sketch_tells_about_how_many_there_are(size: int) -> None:
    """Within four standard errors of 1 / sqrt(K - 2)."""
    assert abs(sketched(*range(size)).size / size - 1) < 4 / math.sqrt(K - 2)


@pytest.mark.parametrize("shared", [0, 500, 3000, 9000, 10_000])
def test_large_sets_are_compared_by_their_sketches(shared: int) -> None:
    """Within four standard errors of the true share, and a little more for what is taken to differ."""
    one = features("one", sketched(*range(10_000)))
    other = features("other", sketched(*range(10_000 - shared, 20_000 - shared)))
    true = shared / 10_000
    score = 0.0
    if (related := found("one", one, other, *FILLING).get("other")) is not None:
        score = related.reasons[0].score
    assert abs(score - true) < 4 * math.sqrt(true * (1 - true) / K) + 0.1


def test_equal_contents_are_a_reason_but_not_what_all_have() -> None:
    everywhere = range(5)
    one = features("one", sketched(*everywhere, 10, 11, 12))
    like = features("like", sketched(*everywhere, 10, 11, 13))
    unlike = [features(f"unlike {i}", sketched(*everywhere, 100 + i)) for i in range(30)]
    related = found("one", one, like, *unlike)
    assert list(related) == ["like"]
    assert reasons(related["like"]) == {"contents": "7 files are the same"}
    assert 0.4 < related["like"].reasons[0].score < 0.7


def test_a_small_session_all_of_which_is_in_a_large_one_is_like_it() -> None:
    large, small = features("large", sketched(*range(100))), features("small", sketched(*range(5)))
    partly = features("partly", sketched(*range(5), *range(200, 295)))
    for one, other in (("large", "small"), ("small", "large")):
        related = found(one, large, small, partly, *FILLING)
        assert reasons(related[other]) == {"contents": "5 files are the same"}
        assert related[other].score > 0.15 * WEIGHTS["contents"]
    assert "partly" not in found("large", large, small, partly, *FILLING)


def test_a_single_file_in_common_is_little() -> None:
    many = found("one", features("one", sketched(*range(9))), features("x", sketched(*range(9))), *FILLING)
    few = found("one", features("one", sketched(1)), features("x", sketched(1)), *FILLING)
    assert many["x"].score > 1.5 * few["x"].score
    assert reasons(few["x"]) == {"contents": "One file is the same"}


def test_forks_count_by_their_distance_also_through_one_that_is_gone() -> None:
    family = [
        features("top"),
        features("child", parent="top"),
        features("sister", parent="top"),
        features("grandchild", parent="child"),
        features("orphan", parent="gone"),
        features("other orphan", parent="gone"),
        features("far", parent="grandchild"),
        features("farther", parent="far"),
    ]
    of_child = found("child", *family)
    assert {id: why["fork"] for id, why in ((id, reasons(one)) for id, one in of_child.items())} == {
        "top": "This session was forked from it",
        "grandchild": "It was forked from this session",
        "sister": "Both were forked from the same session",
        "far": "They are 2 forks apart",
        "farther": "They are 3 forks apart",
    }
    assert [of_child[id].reasons[0].score for id in ("top", "sister", "farther")] == [1, 1 / 2, 1 / 3]
    assert list(found("orphan", *family)) == ["other orphan"]
    assert "farther" in found("top", *family)
    assert "farther" not in found("sister", *family)  # five steps


def test_tags_count_by_how_few_have_them_and_in_whatever_case() -> None:
    one = features("one", tags=("Rare", "common"))
    rare, common = features("rare", tags=("rare",)), features("common", tags=("common",))
    crowd = [features(f"crowd {i}", tags=("common",)) for i in range(10)]
    related = found("one", one, rare, common, *crowd, limit=20)
    assert next(iter(related)) == "rare"
    assert reasons(related["rare"]) == {"tags": "Both are tagged Rare"}
    assert related["rare"].score > 2 * related["common"].score
    back = found("rare", one, rare, common, *crowd)["one"]
    assert back.score == pytest.approx(related["rare"].score)


def test_words_count_by_how_few_say_them() -> None:
    one = features("one", said="The parser reads tokens; parseTree builds the tree of a project")
    like = features("like", said="A parser of trees: tokens, then a tree")
    crowd = [features(f"crowd {i}", said=f"project {'abcdefghijkl'[i] * 5}") for i in range(10)]
    related = found("one", one, like, *crowd)
    assert next(iter(related)) == "like"
    assert reasons(related["like"])["words"].startswith("Both speak of tree, parser, tokens")
    assert all(reasons(related[id])["words"] == "Both speak of project" for id in related if id != "like")


def test_the_score_is_the_weighted_sum_and_the_weightiest_reason_comes_first() -> None:
    one = features("one", sketched(1, 2, 3), "parser tokens", tags=("t",))
    same = features("same", sketched(1, 2, 3), "parser tokens", tags=("t",), parent="one")
    related = found("one", one, same, *FILLING)["same"]
    assert {reason.kind for reason in related.reasons} == {"fork", "contents", "tags", "words"}
    shares = [WEIGHTS[reason.kind] * reason.score for reason in related.reasons]
    assert related.score == pytest.approx(sum(shares))
    assert shares == sorted(shares, reverse=True)
    assert 0.9 < related.score <= 1


def test_of_equals_the_one_used_last_comes_first_and_the_limit_holds() -> None:
    others = [features(f"{i}", parent="one", used=i) for i in range(5)]
    assert list(found("one", features("one"), *others, limit=3)) == ["4", "3", "2"]


NUMBERS = st.sets(st.integers(0, 30), max_size=8)
SAID = st.lists(st.sampled_from(["parser", "tokens", "tree", "grammar"]), max_size=4).map(" ".join)
TAGGED = st.lists(st.sampled_from(["x", "X", "y", "z"]), max_size=3, unique=True).map(tuple)


@settings(max_examples=60)
@given(st.lists(st.tuples(NUMBERS, SAID, TAGGED, st.none() | st.integers(0, 6)), min_size=1, max_size=7))
def test_likeness_is_mutual_and_between_0_and_1(
    given_: list[tuple[set[int], str, tuple[str, ...], int | None]],
) -> None:
    """Contents aside, where each session takes what only the other has to be rare."""
    all_ = [
        features(
            str(i), sketched(*contents), said, tags=tags, parent=None if parent in (None, i) else str(parent)
        )
        for i, (contents, said, tags, parent) in enumerate(given_)
    ]
    ranking = Ranking(all_)
    tables = [{one.session.id: one for one in ranking.related(str(i), 100)} for i in range(len(all_))]
    for i, related in enumerate(tables):
        assert str(i) not in related
        for id, one in related.items():
            assert 0 < one.score <= 1 + 1e-9
            for reason in one.reasons:
                assert LEAST <= reason.score <= 1 + 1e-9
                if reason.kind != "contents":
                    back = {why.kind: why.score for why in tables[int(id)][str(i)].reasons}
                    assert back[reason.kind] == pytest.approx(reason.score)


def test_words_of_texts_and_identifiers() -> None:
    assert words.count("The HTTPServer parses; parseTree() and parse_tree, naïve Straße 42 a1 x") == {
        "httpserver": 1,
        "parses": 1,
        "parse": 2,
        "tree": 2,
        "naïve": 1,
        "strasse": 1,
    }
    many = words.count(" ".join(f"{chr(97 + i // 26)}{chr(97 + i % 26)}{'q' * 3}" for i in range(200)))
    assert len(words.most(many)) == words.LIMIT
