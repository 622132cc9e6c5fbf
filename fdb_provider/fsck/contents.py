"""Contents, the blobs they are in, and how often they are referred to."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from functools import partial

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import ContentDamaged
from fdb_provider.files import content
from fdb_provider.files.content import Content
from fdb_provider.fsck.finding import Finding
from fdb_provider.scan import LARGE_PAGE, Tell, pages, parts


class Contents:
    """A tenant's contents as they are stored, and the references to them that were met.

    Args:
        deep: read every content and compare it with its hash.
    """

    def __init__(self, db: Database, tenant: str, deep: bool, tell: Tell) -> None:
        self._db = db
        self._tenant = tenant
        self._deep = deep
        self._tell = tell
        self._blobs: set[bytes] = set()
        self._staged: set[bytes] = set()
        self._claimed: set[bytes] = set()
        self._met: Counter[bytes] = Counter()
        self.stored: dict[bytes, Content] = {}
        self.findings: set[Finding] = set()

    async def load(self) -> None:
        """Reads what is stored. Blobs first: what is staged after that is not taken for unused."""
        prefix = keyspace.blobs(self._tenant)
        async for part in parts(self._db, prefix):
            self._blobs.add(keyspace.unpack(part)[0])
            self._tell(1)
        await self._load_notes()
        prefix = keyspace.contents(self._tenant)
        async for page in pages(self._db, *keyspace.range_of(prefix), rows=LARGE_PAGE):
            for key, value in page:
                await self._load_content(keyspace.unpack(key, prefix)[0], key, value)
            self._tell(len(page))
            await asyncio.sleep(0)

    def refer(self, sha256: bytes, blob: bytes) -> Content | None:
        """Counts a reference, and returns what it is to.

        Args:
            blob: where the reference says that the content is.
        """
        if sha256 == content.EMPTY:
            return Content(sha256, b"", 0)
        found = self.stored.get(sha256)
        if found is not None:
            self._met[sha256] += 1
        else:
            # What is left of a lost content may be all there is to restore it from.
            self._claimed.add(blob)
        return found

    async def judge(self) -> None:
        """Compares what is stored with the references that were met, of which there must be no more."""
        counted: dict[bytes, int] = {}
        prefix = keyspace.reference_counts(self._tenant)
        async for page in pages(self._db, *keyspace.range_of(prefix)):
            for key, value in page:
                counted[keyspace.unpack(key, prefix)[0]] = int.from_bytes(value, "little", signed=True)
        for sha256 in self.stored:
            self._judge_count(sha256, counted.pop(sha256, 0))
        for sha256, count in counted.items():
            # Of a content that is gone: one that is missed is found by the names it has.
            if count:
                self._report_count(sha256, count, 0)
        used = {one.blob for one in self.stored.values() if one.blob}
        for blob in self._blobs - used - self._staged - self._claimed:
            self.findings.add(
                Finding(
                    self._tenant,
                    "unused blob",
                    blob.hex(),
                    "no content is in it and no upload is writing it",
                    partial(_leave_blob, tenant=self._tenant, blob=blob),
                )
            )

    async def _load_notes(self) -> None:
        prefix = keyspace.garbage(self._tenant)
        async for page in pages(self._db, *keyspace.range_of(prefix)):
            for key, _ in page:
                _, kind, name = keyspace.unpack(key, prefix)[:3]
                if kind == "blob":
                    self._staged.add(name)
                else:
                    self._met[name] += 1

    async def _load_content(self, sha256: bytes, key: bytes, value: bytes) -> None:
        try:
            record = content.decode_record(value)
        except msgspec.MsgspecError as error:
            self._damaged(sha256, f"its record cannot be read: {error}")
            return
        one = Content(sha256, record.blob, record.size)
        self.stored[sha256] = one
        try:
            if not record.blob:
                data = content.unpack(record.data, record.size)
                if self._deep and hashlib.sha256(data).digest() != sha256:
                    raise ContentDamaged("its bytes are not those that were stored")
            elif self._deep:
                await self._read(one)
            else:
                await self._look(one)
        except ContentDamaged as error:
            # Not when it was collected meanwhile.
            if await self._db.read(lambda tr: tr.get(key)) == value:
                self._damaged(sha256, str(error))

    async def _look(self, one: Content) -> None:
        """Whether the first and the last chunk of a blob are there, and none behind."""
        begin, end = keyspace.range_of(keyspace.blob(self._tenant, one.blob))

        async def ends(tr: Reader) -> list[bytes]:
            rows = [tr.get_range(begin, end, limit=1, reverse=last) for last in (False, True)]
            return [key for found in rows for key in [key async for key, _ in found]]

        blob = keyspace.blob(self._tenant, one.blob)
        last = (one.size - 1) // content.CHUNK
        if await self._db.read(ends) != [keyspace.chunk(blob, 0), keyspace.chunk(blob, last)]:
            raise ContentDamaged(f"blob {one.blob.hex()} has not the chunks 0 to {last}")

    async def _read(self, one: Content) -> None:
        digest = hashlib.sha256()
        async for part in content.read_parts(self._db, self._tenant, one, 0, one.size):
            await asyncio.to_thread(digest.update, part)
            self._tell(1)
        if digest.digest() != one.sha256:
            raise ContentDamaged("its bytes are not those that were stored")

    def _damaged(self, sha256: bytes, detail: str) -> None:
        self.findings.add(Finding(self._tenant, "content damaged", sha256.hex(), detail))

    def _judge_count(self, sha256: bytes, further: int) -> None:
        met = self._met[sha256]
        if met == 0:
            self.findings.add(
                Finding(
                    self._tenant,
                    "unused content",
                    sha256.hex(),
                    f"nobody refers to it, {further + 1} references are counted",
                    partial(_leave_content, tenant=self._tenant, sha256=sha256, further=further),
                )
            )
        elif met != further + 1:
            self._report_count(sha256, further, met - 1)

    def _report_count(self, sha256: bytes, further: int, right: int) -> None:
        self.findings.add(
            Finding(
                self._tenant,
                "wrong count of references",
                sha256.hex(),
                f"{further} besides the first are counted, there are {right}",
                partial(_set_count, tenant=self._tenant, sha256=sha256, further=further, right=right),
            )
        )


async def _set_count(tr: Transaction, tenant: str, sha256: bytes, further: int, right: int) -> None:
    counter = keyspace.references(tenant, sha256)
    if int.from_bytes(await tr.get(counter) or b"", "little", signed=True) == further:
        if right:
            tr.add(counter, right - further)
        else:
            tr.clear(counter)


async def _leave_content(tr: Transaction, tenant: str, sha256: bytes, further: int) -> None:
    """Leaves a content to the collector, as the release of its last reference would."""
    counter, key = keyspace.references(tenant, sha256), keyspace.content(tenant, sha256)
    reads = tr.get(counter), tr.get(key)
    if int.from_bytes(await reads[0] or b"", "little", signed=True) == further and await reads[1] is not None:
        tr.clear(counter)
        content.release(tr, tenant, sha256, "fsck", content.now())


async def _leave_blob(tr: Transaction, tenant: str, blob: bytes) -> None:
    """Leaves a blob to the collector, as that of an upload that was given up."""
    tr.set(content.staging_note(tenant, blob), b"")
