"""Roots whose owner is gone for good, to be collected: see `roots`.

On its own, as repositories use it too, and what collects them uses repositories.
"""

from __future__ import annotations

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.scope import Scope


class Doomed(msgspec.Struct, array_like=True, frozen=True):
    """A root whose owner is gone: `name` is `workspace` or `home`."""

    scope: Scope
    name: str

    @property
    def root(self) -> bytes:
        return keyspace.root(self.scope, self.name)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Doomed).decode


def doom(tr: Transaction, scope: Scope, name: str) -> None:
    """The scope's session (`workspace`) or user (`home`) goes for good in this transaction: all that is in
    the root goes too, by and by, once the audit tells of what was done there."""
    tr.set(note(scope.tenant, keyspace.root(scope, name)), _encode(Doomed(scope, name)))


async def listed(tr: Reader, tenant: str, limit: int = 0) -> list[Doomed]:
    """The doomed roots of a tenant, at most `limit` of them; 0 means all."""
    rows = tr.get_range(*keyspace.range_of(keyspace.doomed_roots(tenant)), limit=limit)
    return [_decode(value) async for _, value in rows]


def note(tenant: str, root: bytes) -> bytes:
    """The key that says that a root is doomed."""
    return keyspace.doomed_roots(tenant) + keyspace.pack(root)
