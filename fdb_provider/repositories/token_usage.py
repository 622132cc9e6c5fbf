"""Tokens of language models that users have taken, by day and model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.files.retention import DAY
from fdb_provider.models import TokenUse
from fdb_provider.records import Collection, Page
from fdb_provider.scope import Scope

TOKENS = Collection("token-use", TokenUse, key=("user", "day", "model"))
KEPT_DAYS = 400
"""Days after which the use of a day is forgotten: a year can be compared with the one before."""


def day_of(now: int) -> int:
    """The day of a time in milliseconds, counted from 1970 in UTC; it is when budgets are renewed."""
    return now // DAY


async def of_day(tr: Reader, scope: Scope, day: int) -> list[TokenUse]:
    """What the scope's user has taken on a day, by model."""
    return await TOKENS.list(tr, scope.tenant, scope.user, day)


async def page(
    tr: Reader, tenant: str, user: str | None, *, limit: int, after: str | None = None
) -> Page[TokenUse]:
    """What a user has taken, or everybody in the tenant: by user, the last day first.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    of = () if user is None else (user,)
    return await TOKENS.page(tr, tenant, None, *of, limit=limit, after=after, reverse=True)


async def add(
    tr: Transaction, scope: Scope, day: int, model: str, *, completions: int, input: int, output: int
) -> None:
    """Counts what the scope's user has taken; less than nothing takes back what was counted before."""
    found = await TOKENS.get(tr, scope.tenant, scope.user, day, model)
    was = found or TokenUse(user=scope.user, day=day, model=model)
    changed = msgspec.structs.replace(
        was,
        completions=was.completions + completions,
        input=max(0, was.input + input),
        output=max(0, was.output + output),
    )
    await TOKENS.put(tr, scope.tenant, changed)


def forget(tr: Transaction, scope: Scope, day: int) -> None:
    """Clears what the scope's user took too long before a day; blind, so that it costs next to nothing."""
    prefix = keyspace.records(scope.tenant, TOKENS.name) + keyspace.pack(scope.user)
    begin, _ = keyspace.range_of(prefix)
    tr.clear_range(begin, prefix + keyspace.pack(max(0, day - KEPT_DAYS)))


def total(used: Sequence[TokenUse]) -> int:
    """Tokens of all of them."""
    return sum(one.input + one.output for one in used)
