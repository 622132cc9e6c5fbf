"""Refresh-token families, and the feed that tells every gateway which of them were revoked."""

from __future__ import annotations

import hmac

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.models import AuthSession, Revocation, now_ms
from fdb_provider.records import Collection, Index
from fdb_provider.repositories import audit
from fdb_provider.scope import Actor, Scope

FAMILIES = Collection(
    "auth-session",
    AuthSession,
    key=("id",),
    indexes=[Index("by_user_expiry", ("user", "expires_at"))],
)
HEAD = keyspace.revocations_head()
"""Changes with every revocation: the key to watch."""
GRACE_MS = 10_000
"""Milliseconds after a rotation in which a token it replaced is traded once more.

A browser's tabs may refresh at the same time, and an answer may be lost with the page that waited for it or
with a gateway: seconds later the same token comes again, and from its owner. Ten are enough for a reload.
"""
SIBLINGS = 64
"""At most so many tokens of a family are valid in each other's stead: more than tabs that refresh at once."""
_SWEEP = 20
"""At most so many of a user's expired families are removed by one sign-in."""


async def create(tr: Transaction, tenant: str, family: AuthSession) -> None:
    """Stores a new family, and removes families of the same user that have expired."""
    oldest = await FAMILIES.by_index(tr, tenant, "by_user_expiry", family.user, limit=_SWEEP)
    for old in oldest:
        if old.expires_at <= family.created_at:
            await FAMILIES.delete(tr, tenant, old.id)
    await FAMILIES.insert(tr, tenant, family)


async def get(tr: Reader, tenant: str, family: str) -> AuthSession | None:
    """The family, or None when it was revoked or never was."""
    return await FAMILIES.get(tr, tenant, family)


def holds(family: AuthSession, secret: bytes) -> bool:
    """Whether a secret (its SHA-256 hash) is one of the family's, as far back as these are known."""
    return _among(secret, (*_valid(family), *family.previous))


async def of_user(tr: Reader, tenant: str, user: str) -> list[AuthSession]:
    """The user's families, the first to expire first."""
    return await FAMILIES.by_index(tr, tenant, "by_user_expiry", user)


async def rotate(
    tr: Transaction,
    tenant: str,
    family: str,
    *,
    used: bytes,
    fresh: bytes,
    now: int,
    expires_at: int,
    actor: Actor,
) -> AuthSession | None:
    """Trades the secret `used` for `fresh` (SHA-256 hashes).

    A `used` that is valid is replaced by `fresh`. One that was replaced within `GRACE_MS` is traded too: its
    `fresh` becomes valid beside its siblings from the same trade, and the first of them to be used replaces
    them all, so that a single one goes on. Any other has been used before, so one of its two holders
    stole it: the family is revoked, as the audit then tells. (Guessing needs
    the family's id, which only holders of its tokens know.)

    Returns:
        The family as it is now; None when it is unknown, expired or, just now or earlier, revoked. The
        caller must commit in either case.
    """
    found = await FAMILIES.get(tr, tenant, family)
    if found is None or found.expires_at <= now:
        return None
    valid = _valid(found)
    if _among(used, valid):
        found = msgspec.structs.replace(
            found, secret_hash=fresh, siblings=(), previous=valid, used_at=now, expires_at=expires_at
        )
    elif _among(used, found.previous) and now - found.used_at <= GRACE_MS and len(valid) < SIBLINGS:
        found = msgspec.structs.replace(found, siblings=(*found.siblings, fresh))
    else:
        await revoke(tr, tenant, family)
        who = actor.within(Scope(tenant, found.user, found.session))
        audit.record(tr, who, "auth.reuse", f"sign-in/{family}")
        return None
    await FAMILIES.put(tr, tenant, found)
    return found


def _valid(family: AuthSession) -> tuple[bytes, ...]:
    return (family.secret_hash, *family.siblings)


def _among(secret: bytes, secrets: tuple[bytes, ...]) -> bool:
    return any(hmac.compare_digest(secret, one) for one in secrets)


async def bind(tr: Transaction, tenant: str, family: AuthSession, session: str) -> None:
    """Makes the family one for another workspace session."""
    await FAMILIES.put(tr, tenant, msgspec.structs.replace(family, session=session))


async def revoke(tr: Transaction, tenant: str, family: str) -> bool:
    """Ends a family and appends it to the feed; False when there was none."""
    if await FAMILIES.delete(tr, tenant, family) is None:
        return False
    entry = msgspec.msgpack.encode(Revocation(tenant=tenant, family=family, at=now_ms()))
    # The family in the key keeps several revocations of one transaction apart.
    tr.set_versionstamped_key(keyspace.revocations(), keyspace.pack(family), entry)
    tr.add(HEAD, 1)
    return True


async def revocations(
    tr: Reader, after: bytes, *, limit: int
) -> tuple[bytes | None, bytes, list[tuple[bytes, Revocation]]]:
    """The feed's head, the cursor behind what is returned, and revocations later than the cursor `after`.

    Args:
        after: a cursor returned earlier, or b"" for the beginning.
        limit: at most this many; if that many come, there may be more.

    Returns:
        The head to hand to `Database.watch`; the cursor; entries with their own cursors.
    """
    prefix = keyspace.revocations()
    begin, end = keyspace.range_of(prefix)
    head = tr.get(HEAD)
    rows = tr.get_range(prefix + after + b"\x00" if after else begin, end, limit=limit)
    found = [
        (key[len(prefix) :], msgspec.msgpack.decode(value, type=Revocation)) async for key, value in rows
    ]
    return await head, found[-1][0] if found else after, found


def forget(tr: Transaction, upto: bytes) -> None:
    """Clears the feed up to and with the cursor `upto`."""
    prefix = keyspace.revocations()
    tr.clear_range(keyspace.range_of(prefix)[0], prefix + upto + b"\x00")
