"""Limits on failed sign-ins, counted in the store and so across all gateways.

The attempts for one account take turns on a gateway, so that attempts made all at once cannot slip past the
limit, and any number of good ones may be made at once. The count is a sliding window from two counters: this
window's, and the last one's in the part of it that still overlaps (as in Cloudflare's "How we built rate
limiting capable of scaling to millions of domains").
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from auth.errors import TooManyAttempts
from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction


@dataclass(frozen=True, slots=True)
class Limits:
    """Failures allowed in any `window` seconds.

    Args:
        account_address: for one account from one network address. The low one: it stops who guesses, and
            does not lock out the owner, who is elsewhere.
        account: for one account from all addresses together; stops who guesses from many.
        address: from one network address, for all accounts together.
    """

    account_address: int = 10
    account: int = 100
    address: int = 50
    window: int = 15 * 60


Subject = tuple[str, bytes]
"""What is counted: its kind, and a digest, so that a key neither grows nor tells who failed to sign in."""


class Throttle:
    """Counts failures to sign in.

    Args:
        clock: seconds since 1970.
    """

    def __init__(
        self, database: Database, limits: Limits = Limits(), clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def attempt(self, *, account: str | None, address: str | None) -> AsyncIterator[Attempt]:
        """One attempt, to be told how it ended: `async with throttle.attempt(...) as attempt`.

        Args:
            account: the account's unique e-mail form, whether or not there is such an account.
            address: the caller's network address if it is known.

        Raises:
            TooManyAttempts: the account, the address or the two together have reached their limit.
        """
        turn = asyncio.Lock() if account is None else self._turns.setdefault(account, asyncio.Lock())
        async with turn:
            attempt = Attempt(self, _subjects(account, address))
            attempt.clean = await self._check(attempt.subjects)
            yield attempt

    async def _check(self, subjects: Sequence[Subject]) -> bool:
        """Whether there is no failure at all. Raises: TooManyAttempts"""
        window, passed = divmod(self._clock(), self._limits.window)
        overlap = 1 - passed / self._limits.window

        async def body(tr: Reader) -> list[float]:
            reads = [
                [tr.get(keyspace.attempts(int(window) - back, *subject)) for back in (0, 1)]
                for subject in subjects
            ]
            return [_number(await current) + _number(await last) * overlap for current, last in reads]

        counts = await self._database.read(body)
        limits = {
            "account-address": self._limits.account_address,
            "account": self._limits.account,
            "address": self._limits.address,
        }
        if any(count >= limits[kind] for count, (kind, _) in zip(counts, subjects, strict=True)):
            raise TooManyAttempts(retry_after=max(1, math.ceil(self._limits.window - passed)))
        return not any(counts)

    async def _count(self, subjects: Sequence[Subject]) -> None:
        window = int(self._clock() // self._limits.window)

        async def body(tr: Transaction) -> None:
            for subject in subjects:
                tr.add(keyspace.attempts(window, *subject), 1)
            # Counters of windows that no longer matter; blind, so it costs no read.
            tr.clear_range(keyspace.attempts(), keyspace.attempts(window - 1))

        await self._database.run(body)

    async def _forget(self, subjects: Sequence[Subject]) -> None:
        window = int(self._clock() // self._limits.window)

        async def body(tr: Transaction) -> None:
            for subject in subjects:
                tr.clear(keyspace.attempts(window, *subject))
                tr.clear(keyspace.attempts(window - 1, *subject))

        await self._database.run(body)


class Attempt:
    """One attempt. One that is told neither end, as the server was busy, does not count."""

    def __init__(self, throttle: Throttle, subjects: Sequence[Subject]) -> None:
        self._throttle = throttle
        self.subjects = subjects
        self.clean = True

    async def failed(self) -> None:
        """Counts it against the account and the address."""
        await self._throttle._count(self.subjects)

    async def succeeded(self) -> None:
        """Forgets the account's failures from this address. The others' guesses go on counting."""
        if not self.clean:
            own = [subject for subject in self.subjects if subject[0] == "account-address"]
            await self._throttle._forget(own)


def _number(counter: bytes | None) -> int:
    return int.from_bytes(counter or b"", "little", signed=True)


def _subjects(account: str | None, address: str | None) -> Sequence[Subject]:
    subjects: list[Subject] = []
    here = hashlib.sha256(network(address or "").encode()).digest()
    if account is not None:
        who = hashlib.sha256(account.encode("utf-8", "surrogatepass")).digest()
        subjects += [("account-address", hashlib.sha256(who + here).digest()), ("account", who)]
    if address is not None:
        subjects.append(("address", here))
    return subjects


def network(address: str) -> str:
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
