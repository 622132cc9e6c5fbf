"""File roots as a whole: those that are being made, and those whose owner is gone for good.

A root is made over many transactions, while nobody can reach it. A note holds it meanwhile: with every step
it is renewed, and the last one takes it away. A note that is not renewed was left by a gateway that has
ended, and what it had made goes.

A root whose owner is gone goes by and by too: its trash, then all else, then its entries.
"""

from __future__ import annotations

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import StoreUnavailable
from fdb_provider.files import content, doomed, subtree, trash, usage
from fdb_provider.files.usage import Usage

LEASE = 600_000
"""Milliseconds without a step after which a root that is being made is given up. Far less than
`content.GRACE`, in which what it refers to stays; far more than one transaction takes."""
_PAGE = 1000
_FOREVER = 1 << 47
"""Milliseconds since 1970 that no clock of ours will show."""


def begin(tr: Transaction, tenant: str, root: bytes) -> None:
    """Holds a root that is going to be made."""
    tr.set(_forming(tenant, root), _until())


async def hold(tr: Transaction, tenant: str, root: bytes) -> None:
    """Holds it further; a part of every transaction that writes to it.

    Raises:
        StoreUnavailable: it was given up meanwhile.
    """
    note = _forming(tenant, root)
    until = await tr.get(note)
    if until is None or int.from_bytes(until, "big") < content.now():
        raise StoreUnavailable("the copy stood still for too long and was given up: begin it again")
    tr.set(note, _until())


async def complete(tr: Transaction, tenant: str, root: bytes) -> None:
    """It is made, and belongs to an owner from here on. Raises as `hold`."""
    await hold(tr, tenant, root)
    tr.clear(_forming(tenant, root))


async def give_up(tr: Transaction, tenant: str, root: bytes) -> None:
    """It is not going to be made: what is there of it goes. Nothing happens if it was completed."""
    note = _forming(tenant, root)
    if await tr.get(note) is not None:
        tr.clear(note)
        _doom_entries(tr, tenant, root)


async def forming(tr: Reader, tenant: str) -> dict[bytes, bytes]:
    """The roots that are being made, each with something that changes with every step of it."""
    prefix = keyspace.forming(tenant)
    rows = tr.get_range(*keyspace.range_of(prefix))
    return {keyspace.unpack(key, prefix)[0]: value async for key, value in rows}


async def collect_lapsed(tr: Transaction, tenant: str, now: int) -> int:
    """Gives up the roots that were left half made; returns how many."""
    held = await forming(tr, tenant)
    lapsed = [root for root, until in held.items() if int.from_bytes(until, "big") < now]
    for root in lapsed:
        await give_up(tr, tenant, root)
    return len(lapsed)


async def collect(tr: Transaction, root: bytes, now: int, *, tenant: str) -> int:
    """Makes one step with a doomed root in which nothing is under way; returns how much went, at least 1."""
    note = doomed.note(tenant, root)
    if await tr.get(note) is None:
        return 1
    gone = await trash.forget_until(tr, tenant, root, _FOREVER)
    if gone == trash.PAGE:
        return gone
    lost = [row async for row in tr.get_range(*keyspace.range_of(keyspace.lost(root)), limit=_PAGE)]
    subtree.discard(tr, tenant, (value for _, value in lost), now)
    for key, _ in lost:
        tr.clear(key)
    if len(lost) == _PAGE:
        return gone + len(lost)
    # What has just left the trash is taken off this counter already.
    usage.correct(tr, keyspace.tenant(tenant), Usage(0, 0) - await usage.of(tr, root))
    for begin, end in keyspace.all_but_entries(root):
        tr.clear_range(begin, end)
    tr.clear(note)
    _doom_entries(tr, tenant, root)
    return gone + len(lost) + 1


def _doom_entries(tr: Transaction, tenant: str, root: bytes) -> None:
    tr.set(keyspace.doomed_entries(tenant) + keyspace.pack(root), b"")


def _forming(tenant: str, root: bytes) -> bytes:
    return keyspace.forming(tenant) + keyspace.pack(root)


def _until() -> bytes:
    return (content.now() + LEASE).to_bytes(8, "big")
