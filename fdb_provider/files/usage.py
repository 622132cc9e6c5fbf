"""How much a session, a user and a tenant keep, and how much they may.

What counts are names: each file, folder and link counts as one, and with the bytes of its content, however
often that content is shared or how small it is stored. So two equal files count twice, which is what a user
sees and can act on, and deleting one frees exactly its size. What lies in the trash counts, as it can be put
back at any time; a file's earlier contents do not: they have limits of their own.

A root has a counter, and its tenant has the sum of all its roots: every write that
changes a size or makes a name adds to them by atomic adds, in its own transaction and without a read, whether
there is a limit or not. So no two writers conflict, saving a file of unchanged size costs nothing, and a
limit can be set at any time.

Where there is a limit, the counter is read as a snapshot, beside the other reads. A writer that takes less
than a `SPREAD`th of what is left does not conflict with others; nearer to the limit it does, so that each of
those sees what all before it took. The limit therefore holds unless `SPREAD` such writers commit during the
life of one transaction (milliseconds, and 5 s at most).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import QuotaExceeded
from fdb_provider.models import UNLIMITED, Limits
from fdb_provider.repositories import accounts
from fdb_provider.scope import Scope

SPREAD = 10_000
"""Writers that may commit beside one without being seen by it, when each takes its part of what is left."""

LIMITS_SECONDS = 30.0
"""How long a tenant's own limits are believed before they are looked up again."""
LIMITS_KEPT = 10_000
"""Tenants whose limits are remembered at a time."""

_WIDTH = 16
"""Bytes of a counter."""
Owner = Literal["session", "user", "tenant"]
OWNERS: tuple[Owner, ...] = ("session", "user", "tenant")
_ROOTS: dict[str, Owner] = {"workspace": "session", "home": "user"}


class Usage(NamedTuple):
    """Bytes of contents, and names."""

    bytes: int
    files: int

    def plus(self, other: Usage) -> Usage:
        return Usage(self.bytes + other.bytes, self.files + other.files)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.bytes - other.bytes, self.files - other.files)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A counter with a limit (0: of that there is none), as it was before the change."""

    owner: Owner
    limit: Usage
    key: bytes
    before: Awaitable[bytes | None]


class Quotas:
    """Which limits a tenant has.

    Args:
        limits: of every tenant whose record has none of its own.
    """

    def __init__(self, db: Database, limits: Limits = UNLIMITED) -> None:
        self._db = db
        self._limits = limits
        self._known: dict[str, tuple[float, Limits]] = {}

    async def of(self, tenant: str) -> Limits:
        """The limits of a tenant, as of at most `LIMITS_SECONDS` ago."""
        now = time.monotonic()
        known = self._known.get(tenant)
        if known is not None and now < known[0]:
            return known[1]
        record = await self._db.read(lambda tr: accounts.tenant(tr, tenant))
        own = record.limits if record is not None else None
        if len(self._known) >= LIMITS_KEPT:
            self._known.clear()
        limits = self._limits if own is None else own
        self._known[tenant] = now + LIMITS_SECONDS, limits
        return limits


def count(tr: Transaction, scope: Scope, root: str, size: int, files: int) -> None:
    """Counts that a root has that many bytes and names more, or less.

    Args:
        root: `workspace` or `home`.
    """
    if size or files:
        add(tr, keyspace.root(scope, root), scope.tenant, Usage(size, files))


def add(tr: Transaction, root: bytes, tenant: str, more: Usage) -> None:
    """The same for the root with that key prefix."""
    for owner in (root, keyspace.tenant(tenant)):
        correct(tr, owner, more)


def correct(tr: Transaction, owner: bytes, more: Usage) -> None:
    """The same for one counter alone: that of a root, or of a tenant."""
    tr.add(keyspace.usage(owner), more.bytes + (more.files << 64), width=_WIDTH)


def issue(tr: Reader, scope: Scope, limits: Limits) -> list[_Counted]:
    """Begins reading the counters that have a limit, before the transaction changes them."""
    if limits.unlimited:
        return []
    counted: list[_Counted] = []
    for owner in OWNERS:
        most = Usage(limits.of(owner, "bytes"), limits.of(owner, "files"))
        if any(most):
            key = keyspace.usage(prefix(scope, owner))
            counted.append(_Counted(owner, most, key, tr.get(key, snapshot=True)))
    return counted


async def check(tr: Transaction, counted: list[_Counted]) -> None:
    """Raises `QuotaExceeded` if what the transaction did takes an owner past a limit."""
    for one in counted:
        before = _decode(await one.before)
        more = _decode(await tr.get(one.key, snapshot=True)) - before
        _refuse_past(one, before, more)
        if any(
            limit and needed > 0 and needed * SPREAD > limit - had
            for limit, had, needed in zip(one.limit, before, more, strict=True)
        ):
            tr.add_read_conflict_key(one.key)


async def check_room(tr: Reader, scope: Scope, root: str, limits: Limits, more: Usage) -> None:
    """Raises `QuotaExceeded` if that much more in a root would go past a limit as things are now."""
    for one in issue(tr, scope, limits):
        if one.owner in ("tenant", _ROOTS[root]):
            _refuse_past(one, _decode(await one.before), more)


async def read(tr: Reader, scope: Scope) -> dict[Owner, Usage]:
    """What each owner of a scope keeps."""
    reads = {owner: tr.get(keyspace.usage(prefix(scope, owner))) for owner in OWNERS}
    return {owner: _decode(await kept) for owner, kept in reads.items()}


async def of(tr: Reader, owner: bytes) -> Usage:
    """What is counted for the root or tenant with that key prefix."""
    return _decode(await tr.get(keyspace.usage(owner)))


async def each(tr: Reader, owners: Sequence[bytes]) -> list[Usage]:
    """The same for several, read together."""
    reads = [tr.get(keyspace.usage(owner)) for owner in owners]
    return [_decode(await kept) for kept in reads]


def prefix(scope: Scope, owner: Owner) -> bytes:
    """The key prefix whose counters are that owner's."""
    if owner == "tenant":
        return keyspace.tenant(scope.tenant)
    return keyspace.root(scope, "workspace" if owner == "session" else "home")


def _refuse_past(one: _Counted, before: Usage, more: Usage) -> None:
    what = f"the {one.owner}'s files"
    if more.bytes > 0 and 0 < one.limit.bytes < before.bytes + more.bytes:
        held = f"{what} take {before.bytes:,} of {one.limit.bytes:,} bytes, and this needs {more.bytes:,}"
    elif more.files > 0 and 0 < one.limit.files < before.files + more.files:
        held = (
            f"{what} and folders are {before.files:,} of {one.limit.files:,}, and this makes {more.files:,}"
        )
    else:
        return
    raise QuotaExceeded(f"{held} more: delete some and empty the trash, or ask for a higher limit")


def _decode(value: bytes | None) -> Usage:
    """A counter is the integer bytes + files * 2**64, so that one atomic add changes both."""
    both = int.from_bytes(value or b"", "little", signed=True)
    size = (both + (1 << 63)) % (1 << 64) - (1 << 63)
    return Usage(size, (both - size) >> 64)
