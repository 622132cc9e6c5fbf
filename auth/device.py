"""Where a sign-in is used: told to its owner, who may find one that is not theirs."""

from __future__ import annotations

import unicodedata

import msgspec

from fdb_provider.models import AuthSession
from fdb_provider.scope import Actor

AGENT_LIMIT = 300
"""Characters of a `User-Agent` that are kept; those of browsers have up to 200."""
ADDRESS_LIMIT = 64
"""Characters of a network address that are kept; an IPv6 one with its zone has fewer."""


def described(family: AuthSession, actor: Actor, agent: str) -> AuthSession:
    """The sign-in as used now.

    Args:
        agent: the `User-Agent` header, in which a caller says what it likes: a line of it is kept.
    """
    return msgspec.structs.replace(
        family, agent=agent_line(agent), address=_line(actor.address, ADDRESS_LIMIT)
    )


def agent_line(agent: str) -> str:
    """A `User-Agent` header as it is kept."""
    return _line(agent, AGENT_LIMIT)


def _line(text: str, limit: int) -> str:
    """The visible characters. Controls, and what turns the direction of the text after it, are left out."""
    shown = (c for c in text[:limit] if unicodedata.category(c) not in _HIDDEN)
    return "".join(shown).strip()


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
