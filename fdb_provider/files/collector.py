"""Forgets what need not be kept, for every account of the store, connected or not.

A pass goes through the accounts in the order of their addresses, one small step at a time with a pause
between. How far it is is kept in the store with a lease: so one gateway at a time does the work, and another
goes on where it ended. Nothing depends on that: each step is right by itself, whoever makes it and whoever
reads or writes meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.erasure import Eraser
from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.files import content
from fdb_provider.files.retention import DAY, RETENTION, Retention
from fdb_provider.files.service import FileService
from fdb_provider.models import Account, Erasure
from fdb_provider.records import Collection
from fdb_provider.repositories import (
    COLLECTIONS,
    accounts,
    audit,
    erasures,
    purge,
    rates,
    workspace_sessions,
)
from fdb_provider.repositories.accounts import USERS
from fdb_provider.scope import Actor, Scope

EVERY = 300.0
"""Seconds from the end of a pass to the next one."""
PAUSE = 0.02
"""Seconds between two steps: whoever is working has the store for most of the time."""
LEASE = 60_000
"""Milliseconds without a sign after which another gateway takes over."""
AUDIT_DAYS = 365
"""Days the audit is kept, where the settings do not say."""
_AUDIT_STEP = 200
"""Entries of the audit that are forgotten in one transaction."""
BURST = 50
"""Steps for one account in a row; what is left then has its turn in the next pass."""
_NONE = "none"
"""Stands for a session where a user has none, but a home."""

_log = logging.getLogger(__name__)


class _State(msgspec.Struct, array_like=True, frozen=True):
    """How far the pass is.

    Args:
        holder: who makes it.
        until: when the lease ends, in milliseconds since 1970.
        after: the account that was dealt with last; "" before the first.
        ended: when the last pass ended.
    """

    holder: bytes = b""
    until: int = 0
    after: str = ""
    ended: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


class Collector:
    """One gateway's part of the work."""

    def __init__(
        self,
        db: Database,
        files: FileService,
        retention: Retention = RETENTION,
        *,
        also: Callable[[Scope], Awaitable[object]] | None = None,
        audit_days: int = AUDIT_DAYS,
        every: float = EVERY,
        pause: float = PAUSE,
    ) -> None:
        """
        Args:
            also: what else is to be done for each session on a pass.
        """
        self._db = db
        self._files = files
        self._also = also
        self._retention = retention
        self._eraser = Eraser(db, files)
        self._audit = audit_days * DAY
        self._every = every
        self._pause = pause
        self._id = secrets.token_bytes(8)

    async def run(self) -> None:
        """Works until it is cancelled; while the store does not answer, it waits."""
        while True:
            try:
                more = await self.step()
            except DatabaseClosed:
                return
            except StoreError as error:
                _log.warning("what need not be kept stays until the next time: %s", error)
                more = False
            # Not all at once, where gateways were started together.
            await asyncio.sleep(self._pause if more else self._every * (0.5 + secrets.randbelow(1000) / 1000))

    async def step(self) -> bool:
        """Deals with the next account; False when the pass has ended, or is another gateway's."""
        state = await self._db.run(self._take)
        if state is None:
            return False
        if not state.after:
            await self._eraser.run_all()
            await self._repeat(partial(self._forget_audit, keyspace.SYSTEM))
        page = await self._db.read(partial(accounts.after, email_key=state.after, limit=1))
        if not page:
            await self._db.run(partial(self._advance, before=state, after=None))
            return False
        try:
            await self._tidy(page[0])
        except DatabaseClosed:
            raise
        except StoreError as error:
            # The pass must get past an account with which something is wrong.
            _log.warning("what need not be kept of %s stays: %s", page[0].tenant, error)
        return await self._db.run(partial(self._advance, before=state, after=page[0].email_key))

    async def _tidy(self, account: Account) -> None:
        for session in await self._db.read(partial(_sessions, account=account)):
            scope = Scope(account.tenant, account.user, session)
            await self._repeat(partial(self._files.sweep, scope))
            if self._also is not None and session != _NONE:
                await self._also(scope)
        await self._repeat(partial(self._forget_audit, account.tenant))
        for collection in COLLECTIONS:
            if collection.soft_delete and collection is not USERS:
                await self._repeat(partial(self._purge, account.tenant, collection))
        await self._repeat(partial(self._erase_removed, account.tenant))

    async def _erase_removed(self, tenant: str) -> int:
        """Erases a member who was removed and has had the time in which that can be undone."""
        now = content.now()

        # In one transaction, so that nobody is erased who has just been restored.
        async def begin(tr: Transaction) -> Erasure | None:
            due = await USERS.purgeable(tr, tenant, before=now - self._retention.trash, limit=1)
            return await erasures.begin(tr, Actor(Scope(tenant, "", "")), due[0], now) if due else None

        erasure = await self._db.run(begin)
        if erasure is None:
            return 0
        await self._eraser.run(erasure.id)
        return 1

    async def _forget_audit(self, tenant: str) -> int:
        before = content.now() - self._audit
        return await self._db.run(partial(audit.forget, tenant=tenant, before=before, limit=_AUDIT_STEP))

    async def _purge(self, tenant: str, collection: Collection[Any]) -> int:
        return await purge.step(self._db, collection, tenant, content.now() - self._retention.trash)

    async def _repeat(self, step: Callable[[], Awaitable[int]]) -> None:
        """Takes a step until it finds nothing to do, or as often as is one account's turn."""
        for _ in range(BURST):
            if not await step():
                return
            await asyncio.sleep(self._pause)

    async def _take(self, tr: Transaction) -> _State | None:
        """The lease, if it is free and a pass is due."""
        now = content.now()
        state = await _read(tr)
        if state.holder != self._id and now < state.until:
            return None
        if not state.after and now < state.ended + self._every * 1000:
            return None
        state = msgspec.structs.replace(state, holder=self._id, until=now + LEASE)
        tr.set(keyspace.collector(), _encode(state))
        return state

    async def _advance(self, tr: Transaction, *, before: _State, after: str | None) -> bool:
        """Notes what was dealt with, None for all; False if another gateway has taken over meanwhile."""
        state = await _read(tr)
        if (state.holder, state.after) != (self._id, before.after):
            return False
        now = content.now()
        if after is None:
            state = _State(self._id, 0, "", now)
        else:
            state = msgspec.structs.replace(state, until=now + LEASE, after=after)
        tr.set(keyspace.collector(), _encode(state))
        rates.forget(tr, now / 1000)
        return True


async def _read(tr: Reader) -> _State:
    value = await tr.get(keyspace.collector())
    return _State() if value is None else _decode(value)


async def _sessions(tr: Reader, *, account: Account) -> list[str]:
    found = await workspace_sessions.recent(tr, account.tenant, account.user)
    return [session.id for session in found] or [_NONE]
