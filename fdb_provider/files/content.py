"""Contents of files: immutable, stored once per tenant.

A content is found by its SHA-256. One of at most a chunk is kept in its own record; a larger one in chunks
under a blob id that the record names. Entries refer to contents. A further reference is an atomic add, so
writers of equal contents do not conflict; a reference is given up by a note among the garbage, and `collect`
takes it away once `GRACE` has passed: until then a reader that found the content may go on reading.

A content larger than `PART` goes in by parts, each in a transaction of its own, under a blob id that
counts as garbage until the transaction that puts it under a name.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable

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


class Content(msgspec.Struct, frozen=True):
    """A stored content: its SHA-256, its size in bytes, and the blob its chunks are under (b"": none)."""

    sha256: bytes
    blob: bytes
    size: int


class _Record(msgspec.Struct, array_like=True, frozen=True):
    """What is stored under a content's SHA-256: where its chunks are, or its bytes themselves."""

    blob: bytes
    size: int
    data: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


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


def issue(tr: Reader, tenant: str, prepared: Prepared) -> Awaitable[bytes | None] | None:
    """Begins looking whether the tenant has that content, so that other reads can be issued beside it."""
    return None if prepared.size == 0 else tr.get(keyspace.content(tenant, prepared.sha256))


async def acquire(
    tr: Transaction, tenant: str, prepared: Prepared, read: Awaitable[bytes | None] | None
) -> Content:
    """One more reference to that content, which is stored unless the tenant has it (`read`, by `issue`).

    Raises:
        StoreUnavailable: its staged parts were collected, because the upload paused longer than `GRACE`.
    """
    if read is None:
        return Content(EMPTY, b"", 0)
    found = await read
    if found is not None:
        tr.add(keyspace.references(tenant, prepared.sha256), 1)
        return Content(prepared.sha256, _decode(found).blob, prepared.size)
    key = keyspace.content(tenant, prepared.sha256)
    if prepared.size <= CHUNK and prepared.data is not None:
        tr.set(key, _encode(_Record(b"", prepared.size, prepared.data)))
        return Content(prepared.sha256, b"", prepared.size)
    if prepared.data is not None:
        _write_chunks(tr, tenant, prepared.blob, prepared.data, 0)
    if prepared.staged is not None:
        if await tr.get(prepared.staged) is None:
            raise StoreUnavailable(
                "the upload paused for too long and its parts were collected: send it again"
            )
        tr.clear(prepared.staged)
    tr.set(key, _encode(_Record(prepared.blob, prepared.size)))
    return Content(prepared.sha256, prepared.blob, prepared.size)


def add_reference(tr: Transaction, tenant: str, sha256: bytes) -> None:
    """One more reference to a content that an entry read in this transaction refers to."""
    if sha256 != EMPTY:
        tr.add(keyspace.references(tenant, sha256), 1)


def release(tr: Transaction, tenant: str, sha256: bytes, version: str, at: int) -> None:
    """Gives up the reference of an entry.

    Args:
        version: the entry's etag: no two references have the same.
        at: now, in milliseconds; the grace period begins there.
    """
    if sha256 != EMPTY:
        note = keyspace.pack(at + GRACE, "content", sha256, version)
        tr.set(keyspace.garbage(tenant) + note, b"")


async def read(tr: Reader, tenant: str, content: Content, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`, both within the content, of at most `PART` bytes."""
    if length == 0:
        return b""
    if not content.blob:
        stored = await tr.get(keyspace.content(tenant, content.sha256))
        if stored is None:
            raise LookupError(f"content {content.sha256.hex()} of tenant {tenant} is not stored")
        data = _decode(stored).data
        return data if length == content.size else data[offset : offset + length]
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
            _, kind, name = keyspace.unpack(note, prefix)[:3]
            tr.clear(note)
            if kind == "blob":
                _clear_blob(tr, tenant, name)
            else:
                await _give_up(tr, tenant, name)
        return len(notes)

    return await db.run(body)


async def _give_up(tr: Transaction, tenant: str, sha256: bytes) -> None:
    """Takes a reference away; with the last one goes the content."""
    counter = keyspace.references(tenant, sha256)
    key = keyspace.content(tenant, sha256)
    reads = tr.get(counter), tr.get(key)
    further = int.from_bytes(await reads[0] or b"", "little", signed=True)
    if further > 0:
        tr.add(counter, -1)
        return
    stored = await reads[1]
    if stored is not None and (blob := _decode(stored).blob):
        _clear_blob(tr, tenant, blob)
    tr.clear(key)
    tr.clear(counter)


def _write_chunks(tr: Transaction, tenant: str, blob: bytes, data: bytes, first: int) -> None:
    key = keyspace.blob(tenant, blob)
    for i, start in enumerate(range(0, len(data), CHUNK), first):
        tr.set(keyspace.chunk(key, i), data[start : start + CHUNK])


def _clear_blob(tr: Transaction, tenant: str, blob: bytes) -> None:
    tr.clear_range(*keyspace.range_of(keyspace.blob(tenant, blob)))
