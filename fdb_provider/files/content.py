"""Contents of files: immutable, stored once per tenant, in chunks of at most 64 KiB.

A content is found by its SHA-256. Entries refer to it; a counter counts them with atomic adds, so that
writers of equal contents do not conflict. Whoever gives up a reference leaves a note among the garbage,
and `collect` removes what nobody refers to once `GRACE` has passed: a reader that found the blob in one
transaction may read it in later ones until then.

A content larger than `PART` goes in by parts, each in a transaction of its own, under a blob id that
counts as garbage until the transaction that puts it under a name.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import StoreUnavailable
from fdb_provider.scope import Scope

CHUNK = 64 * 1024
"""Bytes of a chunk: below FoundationDB's 100 kB for a value."""
PART = 4 * 1024 * 1024
"""Bytes read or written in one transaction: well below FoundationDB's 10 MB and 5 s."""
GRACE = 3_600_000
"""Milliseconds an unreferenced content stays readable, and an upload may pause."""
HASH_INLINE = 64 * 1024
"""Bytes up to which hashing on the event loop (0.05 ms) is cheaper than a change of thread."""
EMPTY = hashlib.sha256(b"").digest()


class Content(msgspec.Struct, array_like=True, frozen=True):
    """A stored content: its SHA-256, the blob its chunks are under, and its size in bytes."""

    sha256: bytes
    blob: bytes
    size: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Content).decode


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Prepared:
    """A content on its way in: its bytes, or the blob it was already written to in parts."""

    __slots__ = ("blob", "data", "sha256", "size", "staged")

    def __init__(
        self, sha256: bytes, size: int, data: bytes | None, blob: bytes, staged: bytes | None
    ) -> None:
        self.sha256 = sha256
        self.size = size
        self.data = data
        self.blob = blob
        self.staged = staged
        """The garbage key that keeps a staged blob from being forgotten; cleared when it is in use."""


def whole(data: bytes) -> Prepared:
    """A small content, ready to be acquired."""
    return Prepared(hashlib.sha256(data).digest(), len(data), data, secrets.token_bytes(12), None)


async def prepare(db: Database, scope: Scope, data: bytes) -> Prepared:
    """Makes ready what a transaction can then `acquire`: hashes, and stages what is larger than a part."""
    if len(data) <= HASH_INLINE:
        return whole(data)
    if len(data) <= PART:
        sha256 = (await asyncio.to_thread(hashlib.sha256, data)).digest()
        return Prepared(sha256, len(data), data, secrets.token_bytes(12), None)
    upload = Upload(db, scope)
    for start in range(0, len(data), PART):
        await upload.write(data[start : start + PART])
    return await upload.finish()


class Upload:
    """A content written in parts. Abandoning it at any point is safe: its parts are collected."""

    def __init__(self, db: Database, scope: Scope) -> None:
        self._db = db
        self._tenant = scope.tenant
        self._blob = secrets.token_bytes(12)
        self._hash = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()
        self._staged: bytes | None = None

    async def write(self, data: bytes) -> None:
        """Appends `data`; returns once every full part is durable."""
        if len(data) <= HASH_INLINE:
            self._hash.update(data)
        else:
            await asyncio.to_thread(self._hash.update, data)
        self._size += len(data)
        self._pending += data
        while len(self._pending) >= PART:
            part = bytes(self._pending[:PART])
            del self._pending[:PART]
            await self._store(part, self._size - len(self._pending) - PART)

    async def finish(self) -> Prepared:
        """The content, ready to be acquired."""
        if self._staged is None:
            return Prepared(self._hash.digest(), self._size, bytes(self._pending), self._blob, None)
        if self._pending:
            await self._store(bytes(self._pending), self._size - len(self._pending))
        return Prepared(self._hash.digest(), self._size, None, self._blob, self._staged)

    async def _store(self, part: bytes, offset: int) -> None:
        # The note is renewed with every part: an upload that goes on is never collected.
        previous, self._staged = (
            self._staged,
            keyspace.garbage(self._tenant) + keyspace.pack(now() + GRACE, "blob", self._blob),
        )
        note = self._staged

        async def body(tr: Transaction) -> None:
            if previous is not None:
                tr.clear(previous)
            tr.set(note, b"")
            _write_chunks(tr, self._tenant, self._blob, part, offset // CHUNK)

        await self._db.run(body)


async def acquire(tr: Transaction, tenant: str, prepared: Prepared) -> Content:
    """One more reference to that content, which is stored unless the tenant has it.

    Raises:
        StoreUnavailable: its staged parts were collected, because the upload paused longer than `GRACE`.
    """
    if prepared.size == 0:
        return Content(EMPTY, b"", 0)
    key = keyspace.content(tenant, prepared.sha256)
    found = await tr.get(key)
    tr.add(keyspace.references(tenant, prepared.sha256), 1)
    if found is not None:
        return _decode(found)
    content = Content(prepared.sha256, prepared.blob, prepared.size)
    if prepared.data is not None:
        _write_chunks(tr, tenant, prepared.blob, prepared.data, 0)
    if prepared.staged is not None:
        if await tr.get(prepared.staged) is None:
            raise StoreUnavailable(
                "the upload paused for too long and its parts were collected: send it again"
            )
        tr.clear(prepared.staged)
    tr.set(key, _encode(content))
    return content


def add_reference(tr: Transaction, tenant: str, sha256: bytes) -> None:
    """One more reference to a content that an entry read in this transaction refers to."""
    if sha256 != EMPTY:
        tr.add(keyspace.references(tenant, sha256), 1)


def release(tr: Transaction, tenant: str, sha256: bytes, at: int) -> None:
    """One reference less. `at` is now, in milliseconds: the grace period begins there."""
    if sha256 == EMPTY:
        return
    tr.add(keyspace.references(tenant, sha256), -1)
    tr.set(keyspace.garbage(tenant) + keyspace.pack(at + GRACE, "content", sha256), b"")


async def read(tr: Reader, tenant: str, content: Content, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`, both within the content, of at most `PART` bytes."""
    if length == 0:
        return b""
    blob = keyspace.blob(tenant, content.blob)
    first, last = offset // CHUNK, (offset + length - 1) // CHUNK
    if first == last:
        parts = [await tr.get(keyspace.chunk(blob, first))]
    else:
        pairs = tr.get_range(keyspace.chunk(blob, first), keyspace.chunk(blob, last + 1))
        parts = [value async for _, value in pairs]
    if len(parts) != last - first + 1 or parts[0] is None:
        raise LookupError(f"blob {content.blob.hex()} of tenant {tenant} lacks chunks {first}..{last}")
    data = parts[0] if len(parts) == 1 else b"".join(part for part in parts if part is not None)
    start = offset - first * CHUNK
    return data if start == 0 and len(data) == length else data[start : start + length]


async def read_parts(
    db: Database, tenant: str, content: Content, offset: int, length: int
) -> AsyncIterator[bytes]:
    """The same for any length, a part at a time, each from a transaction of its own."""
    end = offset + length
    while offset < end:
        start, size = offset, min(PART, end - offset)

        async def body(tr: Reader, start: int = start, size: int = size) -> bytes:
            return await read(tr, tenant, content, start, size)

        yield await db.read(body)
        offset += size


async def collect(db: Database, tenant: str, at: int, *, limit: int = 100) -> int:
    """Removes up to `limit` pieces of garbage whose grace has ended at `at`; returns how many."""
    prefix = keyspace.garbage(tenant)

    async def body(tr: Transaction) -> int:
        begin, _ = keyspace.range_of(prefix)
        notes = [key async for key, _ in tr.get_range(begin, prefix + keyspace.pack(at), limit=limit)]
        for note in notes:
            _, kind, name = keyspace.unpack(note, prefix)
            tr.clear(note)
            if kind == "blob":
                _clear_blob(tr, tenant, name)
                continue
            counter = keyspace.references(tenant, name)
            count = await tr.get(counter)
            if count is None or int.from_bytes(count, "little", signed=True) > 0:
                continue
            key = keyspace.content(tenant, name)
            stored = await tr.get(key)
            if stored is not None:
                _clear_blob(tr, tenant, _decode(stored).blob)
            tr.clear(key)
            tr.clear(counter)
        return len(notes)

    return await db.run(body)


def _write_chunks(tr: Transaction, tenant: str, blob: bytes, data: bytes, first: int) -> None:
    key = keyspace.blob(tenant, blob)
    for i, start in enumerate(range(0, len(data), CHUNK), first):
        tr.set(keyspace.chunk(key, i), data[start : start + CHUNK])


def _clear_blob(tr: Transaction, tenant: str, blob: bytes) -> None:
    tr.clear_range(*keyspace.range_of(keyspace.blob(tenant, blob)))
