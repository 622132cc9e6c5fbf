"""How much a session, a user and a tenant keep, and how much they may.

What counts are names: each file, folder and link counts as one, and with the bytes of its content, however
often that content is shared or how small it is stored. So two equal files count twice, which is what a user
sees and can act on, and deleting one frees exactly its size. What lies in the trash counts, as it can be put
back at any time; a file's earlier contents do not: they have limits of their own.

A root has a counter of bytes and one of names, and its tenant has the sum of all its roots: every write that
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
from collections.abc import Awaitable
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

Unit = Literal["bytes", "files"]
UNITS: tuple[Unit, Unit] = ("bytes", "files")
Owner = Literal["session", "user", "tenant"]
OWNERS: tuple[Owner, ...] = ("session", "user", "tenant")
_ROOTS: dict[str, Owner] = {"workspace": "session", "home": "user"}


class Usage(NamedTuple):
    """Bytes of contents, and names."""

    bytes: int
    files: int

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.bytes - other.bytes, self.files - other.files)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A counter with a limit, as it was before the change."""

    owner: Owner
    unit: Unit
    limit: int
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
        for key, delta in zip(keyspace.usage(owner), more, strict=True):
            if delta:
                tr.add(key, delta)


def issue(tr: Reader, scope: Scope, limits: Limits) -> list[_Counted]:
    """Begins reading the counters that have a limit, before the transaction changes them."""
    if limits.unlimited:
        return []
    counted: list[_Counted] = []
    for owner in OWNERS:
        keys = keyspace.usage(prefix(scope, owner))
        for unit, key in zip(UNITS, keys, strict=True):
            limit = limits.of(owner, unit)
            if limit:
                counted.append(_Counted(owner, unit, limit, key, tr.get(key, snapshot=True)))
    return counted


async def check(tr: Transaction, counted: list[_Counted]) -> None:
    """Raises `QuotaExceeded` if what the transaction did takes an owner past a limit."""
    for one in counted:
        before = _decode(await one.before)
        more = _decode(await tr.get(one.key, snapshot=True)) - before
        if more <= 0:
            continue
        _refuse_past(one, before, more)
        if more * SPREAD > one.limit - before:
            tr.add_read_conflict_key(one.key)


async def check_room(tr: Reader, scope: Scope, root: str, limits: Limits, more: Usage) -> None:
    """Raises `QuotaExceeded` if that much more in a root would go past a limit as things are now."""
    for one in issue(tr, scope, limits):
        if one.owner in ("tenant", _ROOTS[root]):
            needed = more.bytes if one.unit == "bytes" else more.files
            if needed > 0:
                _refuse_past(one, _decode(await one.before), needed)


async def read(tr: Reader, scope: Scope) -> dict[Owner, Usage]:
    """What each owner of a scope keeps."""
    reads = {owner: [tr.get(key) for key in keyspace.usage(prefix(scope, owner))] for owner in OWNERS}
    return {owner: Usage(_decode(await size), _decode(await files)) for owner, (size, files) in reads.items()}


def prefix(scope: Scope, owner: Owner) -> bytes:
    """The key prefix whose counters are that owner's."""
    if owner == "tenant":
        return keyspace.tenant(scope.tenant)
    return keyspace.root(scope, "workspace" if owner == "session" else "home")


def _refuse_past(one: _Counted, before: int, more: int) -> None:
    if before + more <= one.limit:
        return
    what = f"the {one.owner}'s files"
    if one.unit == "bytes":
        held = f"{what} take {before:,} of {one.limit:,} bytes, and this needs {more:,} more"
    else:
        held = f"{what} and folders are {before:,} of {one.limit:,}, and this makes {more:,} more"
    raise QuotaExceeded(f"{held}: delete some and empty the trash, or ask for a higher limit")


def _decode(value: bytes | None) -> int:
    return int.from_bytes(value or b"", "little", signed=True)
