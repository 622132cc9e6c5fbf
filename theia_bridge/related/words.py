"""The words of a text, as far as they tell what it is about."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

LIMIT = 64
"""Words kept of a session: those it has most often."""
_WORD = re.compile(r"[^\W\d_]{3,40}")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word begins within an identifier such as `parseTree`."""
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """
        about above after again all also and any are because been before being below between both but can
        could did does doing down during each few for from further had has have having her here hers him his
        how into its itself just let like made make many may might more most much must not now off once one
        only other our out over own please same see shall she should some such than that the their them then
        there these they this those through too two under until use used using very want was way were what
        when where which while who whom why will with would yes yet you your
        """,
    )
)
"""Words that say nothing of a text: the usual list of English ones (C. Fox, A stop list for general text,
1989), less those of fewer than three letters, which are not counted anyway."""


def count(text: str) -> Counter[str]:
    """How often each word occurs, in whatever case."""
    folded = unicodedata.normalize("NFKC", _HUMP.sub(" ", text)).casefold()
    return Counter(word for word in _WORD.findall(folded) if word not in _COMMON)


def most(counts: Counter[str]) -> dict[str, int]:
    """The `LIMIT` words that occur most often; of equals the first in the alphabet."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:LIMIT])


def together(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The words of both."""
    return dict(Counter(one) + Counter(other))
