"""Limits on failed sign-ins, counted in the store and so across all gateways.

An attempt is counted before the password is looked at and taken back when it succeeds, so that attempts
made all at once cannot slip past. The count is a sliding window from two counters: this window's, and the
last one's in the part of it that still overlaps (as in Cloudflare's "How we built rate limiting capable of
scaling to millions of domains").
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auth.errors import TooManyAttempts
from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction


@dataclass(frozen=True, slots=True)
class Limits:
    """Failures allowed in any `window` seconds, for one account and from one network address."""

    account: int = 10
    address: int = 50
    window: int = 15 * 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt, to be handed back to `Throttle.succeeded`."""

    window: int
    subjects: Sequence[tuple[str, bytes]]


class Throttle:
    """Counts attempts to sign in.

    Args:
        clock: seconds since 1970.
    """

    def __init__(
        self, database: Database, limits: Limits = Limits(), clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock

    async def attempt(self, *, account: str | None, address: str | None) -> Attempt:
        """Counts an attempt as failed until `succeeded` says otherwise.

        Args:
            account: the account's unique e-mail form, whether or not there is such an account.
            address: the caller's network address if it is known.

        Raises:
            TooManyAttempts: the account or the address has reached its limit; nothing was counted.
        """
        now = self._clock()
        window, passed = divmod(now, self._limits.window)
        attempt = Attempt(int(window), _subjects(account, address))
        overlap = 1 - passed / self._limits.window

        async def body(tr: Transaction) -> bool:
            reads = [
                (kind, tr.get(keyspace.attempts(attempt.window, kind, subject)),
                 tr.get(keyspace.attempts(attempt.window - 1, kind, subject)))
                for kind, subject in attempt.subjects
            ]  # fmt: skip
            for kind, current, last in reads:
                limit = self._limits.account if kind == "account" else self._limits.address
                if _number(await current) + _number(await last) * overlap >= limit:
                    return False
            for kind, subject in attempt.subjects:
                tr.add(keyspace.attempts(attempt.window, kind, subject), 1)
            # Counters of windows that no longer matter; blind, so it costs no read.
            tr.clear_range(keyspace.attempts(), keyspace.attempts(attempt.window - 1))
            return True

        if not await self._database.run(body):
            raise TooManyAttempts(retry_after=max(1, math.ceil(self._limits.window - passed)))
        return attempt

    async def succeeded(self, attempt: Attempt) -> None:
        """Takes the attempt back, and forgets the account's earlier failures."""

        async def body(tr: Transaction) -> None:
            for kind, subject in attempt.subjects:
                current = keyspace.attempts(attempt.window, kind, subject)
                if kind == "account":
                    tr.clear(current)
                    tr.clear(keyspace.attempts(attempt.window - 1, kind, subject))
                else:
                    tr.add(current, -1)

        await self._database.run(body)


def _number(counter: bytes | None) -> int:
    return int.from_bytes(counter or b"", "little", signed=True)


def _subjects(account: str | None, address: str | None) -> Sequence[tuple[str, bytes]]:
    """What is counted: digests, so that a key neither grows nor tells who failed to sign in."""
    subjects = []
    if account is not None:
        subjects.append(("account", hashlib.sha256(account.encode("utf-8", "surrogatepass")).digest()))
    if address is not None:
        subjects.append(("address", hashlib.sha256(_network(address).encode()).digest()))
    return subjects


def _network(address: str) -> str:
    """The address, or for IPv6 its /64: a single customer usually has all of those addresses."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
