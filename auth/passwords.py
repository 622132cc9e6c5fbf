"""Passwords: Argon2id hashes, made and checked in threads of their own."""

from __future__ import annotations

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth.errors import PasswordsBusy

MEMORY_KIB = 19 * 1024
ITERATIONS = 2
LANES = 1
"""Argon2id with 19 MiB, 2 passes, 1 lane: the first choice of the OWASP Password Storage Cheat Sheet
(cheatsheetseries.owasp.org, "Argon2id"). Raising them rehashes each password at its next sign-in."""

THREADS = 2
"""Passwords hashed at a time: bounds the processor time and the memory that sign-ins can take."""
WAITING = 100
"""Passwords that may wait for a thread before further ones are refused."""

T = TypeVar("T")


class Passwords:
    """Makes and checks password hashes without blocking the event loop. Close it when done."""

    def __init__(
        self,
        *,
        memory_kib: int = MEMORY_KIB,
        iterations: int = ITERATIONS,
        lanes: int = LANES,
        threads: int = THREADS,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=iterations, memory_cost=memory_kib, parallelism=lanes, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._pending = 0
        self._limit = threads + WAITING
        # A hash of no password, checked for accounts that do not exist so that they cost the same work.
        salt, digest = (
            base64.b64encode(secrets.token_bytes(n)).rstrip(b"=").decode()
            for n in (self._hasher.salt_len, self._hasher.hash_len)
        )
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${salt}${digest}"

    async def hash(self, password: str) -> str:
        """The encoded hash to store.

        Raises:
            PasswordsBusy: too many are waiting already.
        """
        return await self._in_thread(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one `stored` was made from; for None the same work, and False.

        Raises:
            PasswordsBusy: too many are waiting already.
        """
        hashed = self._nobody if stored is None else stored

        def check() -> bool:
            try:
                return self._hasher.verify(hashed, _normal(password))
            except (VerificationError, InvalidHashError):
                return False

        return await self._in_thread(check) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than today's and should be made anew."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._pending >= self._limit:
            raise PasswordsBusy
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1


def _normal(password: str) -> bytes:
    """The same bytes however a keyboard composes the characters (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
