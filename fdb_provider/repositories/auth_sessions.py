"""Refresh-token families, and the feed that tells every gateway which of them were revoked or changed."""

from __future__ import annotations

import hmac

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.models import AuthSession, Revocation, now_ms
from fdb_provider.records import Collection, Index, Page

FAMILIES = Collection(
    "auth-session",
    AuthSession,
    key=("id",),
    indexes=[
        Index(
            "by_user_expiry",
            ("user", "expires_at"),
            serves="Where a user is signed in; the sign-ins that have expired, or are one too many.",
        )
    ],
)
HEAD = keyspace.revocations_head()
"""Changes with every entry of the feed: the key to watch."""
GRACE_MS = 10_000
"""Milliseconds after a rotation in which a token it replaced is traded once more.

A browser's tabs may refresh at the same time, and an answer may be lost with the page that waited for it or
with a gateway: seconds later the same token comes again, and from its owner. Ten are enough for a reload.
"""
SIBLINGS = 64
"""At most so many tokens of a family are valid in each other's stead: more than tabs that refresh at once."""
SIGN_INS = 500
"""Families a user may have. One more ends the one that would expire first, as a rule the one used longest
ago. It bounds what is listed, and what `revoke_all` does in one transaction."""


async def create(tr: Transaction, tenant: str, family: AuthSession) -> None:
    """Stores a new family; removes those of the user that have expired, and ends one beyond `SIGN_INS`."""
    families = await FAMILIES.by_index(tr, tenant, "by_user_expiry", family.user, limit=SIGN_INS)
    expired = [old for old in families if old.expires_at <= family.created_at]
    for old in expired:
        await FAMILIES.delete(tr, tenant, old.id)
    if not expired and len(families) == SIGN_INS:
        await revoke(tr, tenant, families[0].id)
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


async def page(
    tr: Reader, tenant: str, user: str, now: int, *, limit: int, after: str | None = None
) -> Page[AuthSession]:
    """The user's families that have not expired, the last to expire first. Raises `InvalidCursor`."""
    return await FAMILIES.page(
        tr, tenant, "by_user_expiry", user, limit=limit, after=after, reverse=True, least=now
    )


def rotated(
    family: AuthSession, *, used: bytes, fresh: bytes, now: int, expires_at: int
) -> AuthSession | None:
    """The family after the secret `used` was traded for `fresh` (SHA-256 hashes).

    A `used` that is valid is replaced by `fresh`. One that was replaced within `GRACE_MS` is traded too: its
    `fresh` becomes valid beside its siblings from the same trade, and the first of them to be used replaces
    them all, so that a single one goes on. For any other there is none: it has been used before, so one of
    its two holders stole it, and the caller must revoke the family. (Guessing needs the family's id, which
    only holders of its tokens know.)
    """
    valid = _valid(family)
    if _among(used, valid):
        return msgspec.structs.replace(
            family, secret_hash=fresh, siblings=(), previous=valid, used_at=now, expires_at=expires_at
        )
    if _among(used, family.previous) and now - family.used_at <= GRACE_MS and len(valid) < SIBLINGS:
        return msgspec.structs.replace(family, siblings=(*family.siblings, fresh))
    return None


def _valid(family: AuthSession) -> tuple[bytes, ...]:
    return (family.secret_hash, *family.siblings)


def _among(secret: bytes, secrets: tuple[bytes, ...]) -> bool:
    return any(hmac.compare_digest(secret, one) for one in secrets)


async def put(tr: Transaction, tenant: str, family: AuthSession) -> None:
    """Replaces the family of that id."""
    await FAMILIES.put(tr, tenant, family)


async def revoke(tr: Transaction, tenant: str, family: str) -> bool:
    """Ends a family and appends it to the feed; False when there was none."""
    if await FAMILIES.delete(tr, tenant, family) is None:
        return False
    _append(tr, Revocation(tenant=tenant, family=family, at=now_ms()))
    return True


async def revoke_all(tr: Transaction, tenant: str, user: str, *, keep: str | None) -> list[str]:
    """Ends all families of a user but `keep`, and returns their ids."""
    ended = [family.id for family in await of_user(tr, tenant, user) if family.id != keep]
    for family in ended:
        await revoke(tr, tenant, family)
    return ended


async def review(tr: Transaction, tenant: str, user: str) -> None:
    """Has every gateway look again at what the user's open channels may do.

    To be called in the transaction that changes it: the user's role, or that a workspace session is theirs.
    What is not open yet is looked at by the gate in any case.
    """
    for family in await of_user(tr, tenant, user):
        _append(tr, Revocation(tenant=tenant, family=family.id, at=now_ms(), ended=False))


def _append(tr: Transaction, entry: Revocation) -> None:
    # The family in the key keeps several entries of one transaction apart.
    suffix = keyspace.pack(entry.family)
    tr.set_versionstamped_key(keyspace.revocations(), suffix, msgspec.msgpack.encode(entry))
    tr.add(HEAD, 1)


async def revocations(
    tr: Reader, after: bytes, *, limit: int
) -> tuple[bytes | None, bytes, list[tuple[bytes, Revocation]]]:
    """The feed's head, the cursor behind what is returned, and entries later than the cursor `after`.

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
