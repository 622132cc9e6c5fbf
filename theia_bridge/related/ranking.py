"""Ranks sessions by what they have in common with one of them.

Four kinds of likeness are each told as a number from 0 to 1, and their weighted sum is the score: CombSUM (E.
Fox and J. Shaw, Combination of multiple searches, TREC-2, 1994).

- Forks: one through the length of the way from one session to the other in the tree of forks (R. Rada et al.,
  Development and application of a metric on semantic nets, 1989).
- Contents: the number of contents that are in both, over the geometric mean of the numbers of each (A.
  Ochiai, 1957), so that a small session all of which is in a large one is like it. They are estimated (see
  `sketch`), and each is weighed by how few sessions have it: what every session begins with makes none alike.
- Tags: those of both over those of either (P. Jaccard, 1912), weighed likewise.
- Words: the cosine of the angle between the words of both, in a space where each word is a direction, weighed
  by how often it occurs and how few sessions have it (G. Salton and C. Buckley, Term-weighting approaches in
  automatic text retrieval, 1988).

How few sessions have a thing is its inverse document frequency (K. Spärck Jones, A statistical interpretation
of term specificity, 1972), here from 1 for a thing that one session has down to nearly 0 for what all have.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Final, Literal

import msgspec

from fdb_provider.models import SessionProfile, WorkspaceSession
from theia_bridge.related.sketch import Sketch

Kind = Literal["fork", "contents", "tags", "words"]
WEIGHTS: Final[Mapping[Kind, float]] = {"fork": 0.35, "contents": 0.3, "tags": 0.15, "words": 0.2}
"""Share of each kind in the score. What a user did on purpose, and what cannot be by chance, counts most."""
LEAST: Final = 0.05
"""Likeness of a kind below which it is no reason."""
FARTHEST: Final = 4
"""Steps from fork to fork that still count."""
_TOLD: Final = 5
"""Words or tags that a reason names."""
_PRIOR: Final = 1.0
"""Contents that each session is taken to have besides, which no other has: with little to go by two are not
called alike (additive smoothing)."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a session is compared by.

    Args:
        profile: what sketch and words were taken from, besides the session's own record.
        words: how often each occurs.
    """

    session: WorkspaceSession
    profile: SessionProfile | None
    sketch: Sketch
    words: Mapping[str, int]
    tags: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", frozenset(tag.casefold() for tag in self.session.tags))


class Reason(msgspec.Struct, frozen=True):
    """Why two sessions belong together.

    Args:
        detail: what they have in common, in words for people.
        score: how much of it, from 0 to 1.
    """

    kind: Kind
    detail: str
    score: float


class Related(msgspec.Struct, frozen=True):
    """A session that has something in common with another.

    Args:
        reasons: the weightiest first; at least one.
    """

    session: WorkspaceSession
    score: float
    reasons: tuple[Reason, ...]


class Ranking:
    """Some sessions of one user, ready to be compared. It does not change."""

    def __init__(self, sessions: Iterable[Features]) -> None:
        self._all = {one.session.id: one for one in sessions}
        count = len(self._all)
        self._rarity = [1.0, *(_rarity(count, holders) for holders in range(1, count + 1))]
        self._tags = Counter(tag for one in self._all.values() for tag in one.tags)
        holders = Counter(word for one in self._all.values() for word in one.words)
        self._directions = {
            id: _direction(
                {word: self._rarity[holders[word]] * (1 + math.log(n)) for word, n in one.words.items()}
            )
            for id, one in self._all.items()
        }
        self._speaking: dict[str, list[tuple[str, float]]] = {}
        for id, direction in self._directions.items():
            for word, weight in direction.items():
                self._speaking.setdefault(word, []).append((id, weight))
        self._neighbours: dict[str, list[str]] = {}
        for one in self._all.values():
            if one.session.parent is not None:  # which may be gone, and still leads from one fork to another
                self._neighbours.setdefault(one.session.parent, []).append(one.session.id)
                self._neighbours.setdefault(one.session.id, []).append(one.session.parent)

    def __contains__(self, session: str) -> bool:
        return session in self._all

    def related(self, session: str, limit: int) -> list[Related]:
        """At most so many sessions that have something in common with one, the most alike first."""
        one = self._all[session]
        distances = self._distances(session)
        kinds: dict[Kind, dict[str, float]] = {
            "fork": {id: 1 / distance for id, distance in distances.items()},
            "contents": self._by_contents(one),
            "tags": self._by_tags(one),
            "words": self._by_words(one),
        }
        totals: dict[str, float] = {}
        for kind, scores in kinds.items():
            for id, score in scores.items():
                if score >= LEAST:
                    totals[id] = totals.get(id, 0.0) + WEIGHTS[kind] * score
        # Of equals the one used last.
        order = sorted(totals, key=lambda id: (-totals[id], -self._all[id].session.used_at, id))
        details: dict[Kind, Callable[[Features], str]] = {
            "fork": lambda other: _kinship(one.session, other.session, distances[other.session.id]),
            "contents": lambda other: _files(one.sketch, other.sketch),
            "tags": lambda other: f"Both are tagged {_listed(_in_common(one, other))}",
            "words": lambda other: f"Both speak of {_listed(self._words_of(one, other))}",
        }
        return [
            Related(
                self._all[id].session,
                totals[id],
                tuple(
                    Reason(kind, details[kind](self._all[id]), scores[id])
                    for kind, scores in sorted(
                        kinds.items(), key=lambda pair: -pair[1].get(id, 0) * WEIGHTS[pair[0]]
                    )
                    if scores.get(id, 0) >= LEAST
                ),
            )
            for id in order[:limit]
        ]

    def _distances(self, session: str) -> dict[str, int]:
        """The sessions that can be reached from one by forks, and the steps it takes."""
        found = {session: 0}
        waiting = deque(found)
        while waiting:
            id = waiting.popleft()
            for other in self._neighbours.get(id, ()) if found[id] < FARTHEST else ():
                if other not in found:
                    found[other] = found[id] + 1
                    waiting.append(other)
        return {id: steps for id, steps in found.items() if id in self._all and steps}

    def _by_contents(self, one: Features) -> dict[str, float]:
        mine = one.sketch.hashes
        lookup = frozenset(mine)
        shared = {
            id: contents
            for id, other in self._all.items()
            if other is not one and (contents := lookup.intersection(other.sketch.hashes))
        }
        holders = Counter(chain.from_iterable(shared.values()))
        weight = {content: self._rarity[1 + holders[content]] for content in mine}
        upto = [0.0, *accumulate(weight[content] for content in mine)]
        scores: dict[str, float] = {}
        for id, contents in shared.items():
            other = self._all[id].sketch
            end = min(one.sketch.end, other.end)
            common = [weight[content] for content in contents if content <= end]
            both = sum(common)
            # Of what only the other has nothing is known: each is taken to be rare.
            theirs = both + bisect_right(other.hashes, end) - len(common)
            scores[id] = both / math.sqrt((upto[bisect_right(mine, end)] + _PRIOR) * (theirs + _PRIOR))
        return scores

    def _by_tags(self, one: Features) -> dict[str, float]:
        scores: dict[str, float] = {}
        for id, other in self._all.items():
            if other is not one and (common := one.tags & other.tags):
                both = sum(self._rarity[self._tags[tag]] for tag in one.tags | other.tags)
                scores[id] = sum(self._rarity[self._tags[tag]] for tag in common) / both
        return scores

    def _by_words(self, one: Features) -> dict[str, float]:
        scores: dict[str, float] = {}
        for word, weight in self._directions[one.session.id].items():
            for id, other in self._speaking[word]:
                scores[id] = scores.get(id, 0.0) + weight * other
        scores.pop(one.session.id, None)
        return scores

    def _words_of(self, one: Features, other: Features) -> list[str]:
        """The words that make two sessions alike, the weightiest first."""
        mine, theirs = (self._directions[each.session.id] for each in (one, other))
        return sorted(mine.keys() & theirs.keys(), key=lambda word: (-mine[word] * theirs[word], word))


def _direction(weights: Mapping[str, float]) -> dict[str, float]:
    """The vector of length 1 in the direction of the given one."""
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / length for word, weight in weights.items()}


def _kinship(one: WorkspaceSession, other: WorkspaceSession, distance: int) -> str:
    if one.parent == other.id:
        return "This session was forked from it"
    if other.parent == one.id:
        return "It was forked from this session"
    if other.parent is not None and other.parent == one.parent:
        return "Both were forked from the same session"
    return f"They are {distance} forks apart"


def _in_common(one: Features, other: Features) -> list[str]:
    return [tag for tag in one.session.tags if tag.casefold() in other.tags]


def _files(one: Sketch, other: Sketch) -> str:
    end = min(one.end, other.end)
    sizes = bisect_right(one.hashes, end), bisect_right(other.hashes, end)
    common = len(frozenset(one.hashes[: sizes[0]]).intersection(other.hashes[: sizes[1]]))
    resemblance = common / (sum(sizes) - common)
    number = round((one.size + other.size) * resemblance / (1 + resemblance))
    about = "" if one.whole and other.whole else "About "
    return f"{about}{number:,} files are the same" if number > 1 else "One file is the same"


def _rarity(sessions: int, holders: int) -> float:
    """How much a thing says that so many of the sessions have."""
    return math.log((sessions + 1) / holders) / math.log(sessions + 1)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_TOLD])
