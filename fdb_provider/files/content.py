"""Contents of files: immutable, stored once per tenant.

A content is found by its SHA-256. One of at most a chunk is kept in its own record; a larger one in chunks
under a blob id that the record names. Entries refer to contents. A further reference is an atomic add, so
writers of equal contents do not conflict; a reference is given up by a note among the garbage, and `collect`
takes it away once `GRACE` has passed: until then a reader that found the content may go on reading.

A chunk is compressed where that saves an eighth of it. Nothing marks it: how many bytes a chunk stands for
follows from the size of its content, and a stored value that is shorter is a zstd frame.

A content larger than `PART` goes in by parts, each in a transaction of its own, under a blob id that
counts as garbage until the transaction that puts it under a name.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import ContentDamaged, StoreUnavailable
from fdb_provider.scope import Scope

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 64 * 1024
"""Bytes of a chunk: below FoundationDB's 100 kB for a value."""
PART = 4 * 1024 * 1024
"""Bytes read or written in one transaction: well below FoundationDB's 10 MB and 5 s."""
GRACE = 3_600_000
"""Milliseconds an unreferenced content stays readable, and an upload may pause."""
PLAIN = 4 * 1024
"""Bytes up to which a chunk is not compressed: one page of the disk, and a fifth of the time of a save."""
LEVEL = 3
"""zstd's own default: on source text as fast as 1, and smaller."""
INLINE = 16 * 1024
"""Bytes up to which hashing and compressing on the event loop (0.06 ms) costs less than another thread."""
UNPACK_INLINE = 256 * 1024
"""Bytes up to which decompressing on the event loop (0.4 ms) is."""
PAUSED = "the upload paused for too long and its parts were collected: send it again"
EMPTY = hashlib.sha256(b"").digest()


class Content(msgspec.Struct, frozen=True):
    """A stored content: its SHA-256, its size in bytes, and the blob its chunks are under (b"": none)."""

    sha256: bytes
    blob: bytes
    size: int


class Record(msgspec.Struct, array_like=True, frozen=True):
    """What is stored under a content's SHA-256: where its chunks are, or its bytes themselves."""

    blob: bytes
    size: int
    data: bytes = b""


encode_record = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(Record).decode


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Prepared:
    """A content on its way in: its chunks as they are stored, or the blob that has them already."""

    __slots__ = ("blob", "chunks", "sha256", "size", "staged")

    def __init__(
        self, sha256: bytes, size: int, chunks: list[bytes] | None, blob: bytes, staged: bytes | None
    ) -> None:
        self.sha256 = sha256
        self.size = size
        self.chunks = chunks
        self.blob = blob
        self.staged = staged
        """The garbage key that keeps a staged blob from being forgotten; cleared when it is in use."""


def whole(data: bytes) -> Prepared:
    """A content of at most a part, ready to be acquired. Takes the time of hashing and compressing."""
    blob = secrets.token_bytes(12) if len(data) > CHUNK else b""
    return Prepared(hashlib.sha256(data).digest(), len(data), _pack(data), blob, None)


async def prepare(db: Database, scope: Scope, data: bytes) -> Prepared:
    """Makes ready what a transaction can then `acquire`: hashes, and stages what is larger than a part."""
    if len(data) <= INLINE:
        return whole(data)
    if len(data) <= PART:
        return await asyncio.to_thread(whole, data)
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
        self._stored = 0
        self._pending = bytearray()
        self._staged: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._stored + len(self._pending)

    async def write(self, data: bytes) -> None:
        """Appends `data`; returns once every full part is durable."""
        self._pending += data
        while len(self._pending) >= PART:
            with memoryview(self._pending) as pending:
                part = bytes(pending[:PART])
            del self._pending[:PART]
            await self._store(part)

    async def finish(self) -> Prepared:
        """The content, ready to be acquired."""
        rest = bytes(self._pending)
        if self._staged is None:
            return whole(rest) if len(rest) <= INLINE else await asyncio.to_thread(whole, rest)
        if rest:
            self._pending.clear()
            await self._store(rest)
        return Prepared(self._hash.digest(), self._stored, None, self._blob, self._staged)

    async def close(self) -> None:
        """Frees at once what was stored and is not in use; without it, that is collected after `GRACE`."""
        note, self._staged = self._staged, None

        async def body(tr: Transaction) -> None:
            if note is not None and await tr.get(note) is not None:
                tr.clear(note)
                _clear_blob(tr, self._tenant, self._blob)

        if note is not None:
            await self._db.run(body)

    async def _store(self, part: bytes) -> None:
        chunks = await asyncio.to_thread(self._digest, part)
        first = self._stored // CHUNK
        # The note is renewed with every part: an upload that goes on is never collected.
        previous, note = self._staged, staging_note(self._tenant, self._blob)

        async def body(tr: Transaction) -> None:
            if previous is not None:
                if await tr.get(previous) is None:
                    raise StoreUnavailable(PAUSED)
                tr.clear(previous)
            tr.set(note, b"")
            _write_chunks(tr, self._tenant, self._blob, chunks, first)

        await self._db.run(body)
        self._staged = note
        self._stored += len(part)

    def _digest(self, part: bytes) -> list[bytes]:
        self._hash.update(part)
        return _pack(part)


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
        return Content(prepared.sha256, decode_record(found).blob, prepared.size)
    key = keyspace.content(tenant, prepared.sha256)
    if prepared.chunks is not None:
        if prepared.size <= CHUNK:
            tr.set(key, encode_record(Record(b"", prepared.size, prepared.chunks[0])))
            return Content(prepared.sha256, b"", prepared.size)
        _write_chunks(tr, tenant, prepared.blob, prepared.chunks, 0)
    if prepared.staged is not None:
        if await tr.get(prepared.staged) is None:
            raise StoreUnavailable(PAUSED)
        tr.clear(prepared.staged)
    tr.set(key, encode_record(Record(prepared.blob, prepared.size)))
    return Content(prepared.sha256, prepared.blob, prepared.size)


def add_reference(tr: Transaction, tenant: str, sha256: bytes, count: int = 1) -> None:
    """So many more references to a content that an entry refers to, or did less than `GRACE` ago."""
    if sha256 != EMPTY:
        tr.add(keyspace.references(tenant, sha256), count)


def release(tr: Transaction, tenant: str, sha256: bytes, version: str, at: int) -> None:
    """Gives up the reference of an entry.

    Args:
        version: the entry's etag: no two references have the same.
        at: now, in milliseconds; the grace period begins there.
    """
    if sha256 != EMPTY:
        note = keyspace.pack(at + GRACE, "content", sha256, version)
        tr.set(keyspace.garbage(tenant) + note, b"")


def clip(size: int, offset: int, length: int | None) -> tuple[int, int]:
    """Where a range begins and how long it is, within a content of `size` bytes; None is to its end."""
    start = min(max(offset, 0), size)
    rest = size - start
    return start, rest if length is None else min(max(length, 0), rest)


@dataclass(frozen=True, slots=True)
class Stored:
    """A range of a content as it was read: chunks, perhaps compressed.

    Args:
        content: what it is a part of.
        first: the number of the first chunk.
        chunks: as they are stored.
        start: where the range begins in the first chunk.
        length: bytes of the range.
    """

    content: Content
    first: int
    chunks: list[bytes]
    start: int
    length: int

    async def unpack(self) -> bytes:
        """The bytes. Outside of a transaction, as it takes time. Raises `ContentDamaged`."""
        small = len(self.chunks) * CHUNK <= UNPACK_INLINE
        return self.unpack_now() if small else await asyncio.to_thread(self.unpack_now)

    def unpack_now(self) -> bytes:
        """The same on the caller's thread: a millisecond for half a megabyte."""
        if not self.chunks:
            return b""
        whole = [
            unpack(chunk, min(CHUNK, self.content.size - i * CHUNK))
            for i, chunk in enumerate(self.chunks, self.first)
        ]
        data = whole[0] if len(whole) == 1 else b"".join(whole)
        return data if len(data) == self.length else data[self.start : self.start + self.length]


async def read(tr: Reader, tenant: str, content: Content, offset: int, length: int) -> Stored:
    """`length` bytes from `offset`, both within the content, of at most `PART` bytes.

    Raises:
        ContentDamaged: not all of it is stored.
    """
    if length == 0:
        return Stored(content, 0, [], 0, 0)
    if not content.blob:
        stored = await tr.get(keyspace.content(tenant, content.sha256))
        if stored is None:
            raise ContentDamaged(f"content {content.sha256.hex()} is not stored: run `theia-bridge fsck`")
        return Stored(content, 0, [decode_record(stored).data], offset, length)
    blob = keyspace.blob(tenant, content.blob)
    first, last = offset // CHUNK, (offset + length - 1) // CHUNK
    if first == last:
        value = await tr.get(keyspace.chunk(blob, first))
        chunks = [] if value is None else [value]
    else:
        pairs = tr.get_range(keyspace.chunk(blob, first), keyspace.chunk(blob, last + 1))
        chunks = [value async for _, value in pairs]
    if len(chunks) != last - first + 1:
        raise ContentDamaged(
            f"blob {content.blob.hex()} lacks some of its chunks {first} to {last}: run `theia-bridge fsck`"
        )
    return Stored(content, first, chunks, offset - first * CHUNK, length)


async def read_parts(
    db: Database, tenant: str, content: Content, offset: int, length: int
) -> AsyncIterator[bytes]:
    """The same for any length, a part at a time, each from a transaction of its own."""
    end = offset + length
    while offset < end:
        # To the end of a part, so that no chunk is unpacked twice.
        start, size = offset, min(PART - offset % PART, end - offset)

        async def body(tr: Reader, start: int = start, size: int = size) -> Stored:
            return await read(tr, tenant, content, start, size)

        yield await (await db.read(body)).unpack()
        offset += size


def unpack(chunk: bytes, size: int) -> bytes:
    """The `size` bytes that a stored chunk stands for. Raises `ContentDamaged`."""
    if len(chunk) == size:
        return chunk
    try:
        data = zstd.decompress(chunk)
    except zstd.ZstdError as error:
        raise ContentDamaged(f"a chunk cannot be read ({error}): run `theia-bridge fsck`") from None
    if len(data) != size:
        raise ContentDamaged(f"a chunk has {len(data)} bytes instead of {size}: run `theia-bridge fsck`")
    return data


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
    if stored is not None and (blob := decode_record(stored).blob):
        _clear_blob(tr, tenant, blob)
    tr.clear(key)
    tr.clear(counter)


def _pack(data: bytes) -> list[bytes]:
    """The chunks of a content or part, as they are stored."""
    if len(data) <= CHUNK:
        return [_pack_chunk(data)]
    return [_pack_chunk(data[start : start + CHUNK]) for start in range(0, len(data), CHUNK)]


def _pack_chunk(data: bytes) -> bytes:
    if len(data) <= PLAIN:
        return data
    packed = zstd.compress(data, LEVEL)
    return packed if len(packed) <= len(data) - len(data) // 8 else data


def staging_note(tenant: str, blob: bytes) -> bytes:
    """The garbage key by which a blob ends in `GRACE`, unless a content is in it by then."""
    return keyspace.garbage(tenant) + keyspace.pack(now() + GRACE, "blob", blob)


def _write_chunks(tr: Transaction, tenant: str, blob: bytes, chunks: list[bytes], first: int) -> None:
    key = keyspace.blob(tenant, blob)
    for i, chunk in enumerate(chunks, first):
        tr.set(keyspace.chunk(key, i), chunk)


def _clear_blob(tr: Transaction, tenant: str, blob: bytes) -> None:
    tr.clear_range(*keyspace.range_of(keyspace.blob(tenant, blob)))
