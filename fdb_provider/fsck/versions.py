"""Earlier contents of files: what they refer to, and whether somebody can get at them."""

from __future__ import annotations

from functools import partial

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.files import content, history
from fdb_provider.fsck.contents import Contents
from fdb_provider.fsck.finding import Finding
from fdb_provider.scan import Tell, pages


class Versions:
    """Looks through the earlier contents of a tenant's files.

    Args:
        expected: ids of files that may have some; to be filled before `look`.
    """

    def __init__(self, db: Database, tenant: str, contents: Contents, tell: Tell) -> None:
        self._db = db
        self._tenant = tenant
        self._contents = contents
        self._tell = tell
        self.expected: set[bytes] = set()
        self.findings: set[Finding] = set()

    async def look(self) -> None:
        doomed = keyspace.doomed_versions(self._tenant)
        async for page in pages(self._db, *keyspace.range_of(doomed)):
            self.expected |= {keyspace.unpack(key, doomed)[0] for key, _ in page}
        prefix = keyspace.all_versions(self._tenant)
        unexpected: set[bytes] = set()
        async for page in pages(self._db, *keyspace.range_of(prefix)):
            for key, value in page:
                file_id, saved, _ = keyspace.unpack(key, prefix)
                self._look_at(f"file {file_id.hex()} of {saved}", key, value)
                if file_id not in self.expected:
                    unexpected.add(file_id)
            self._tell(len(page))
        for file_id in unexpected:
            self.findings.add(
                Finding(
                    self._tenant,
                    "unused version",
                    f"file {file_id.hex()}",
                    "no file has that history",
                    partial(_leave, tenant=self._tenant, file_id=file_id),
                )
            )

    def _look_at(self, subject: str, key: bytes, value: bytes) -> None:
        try:
            version = history.decode(value)
        except msgspec.MsgspecError as error:
            self.findings.add(Finding(self._tenant, "unreadable record", subject, str(error)))
            return
        if self._contents.refer(version.sha256, version.blob) is None:
            self.findings.add(
                Finding(
                    self._tenant,
                    "content missing",
                    subject,
                    f"nothing is stored under {version.sha256.hex()}, once {version.path!r}",
                    partial(_forget, tenant=self._tenant, key=key, was=value),
                )
            )


async def _leave(tr: Transaction, tenant: str, file_id: bytes) -> None:
    """Leaves the versions of a file that is gone to the collector."""
    history.doom(tr, tenant, file_id)


async def _forget(tr: Transaction, tenant: str, key: bytes, was: bytes) -> None:
    """Forgets a version that cannot be restored, once its content is not even to be had from its blob."""
    version = history.decode(was)
    if await tr.get(key) != was or await tr.get(keyspace.content(tenant, version.sha256)) is not None:
        return
    blob = keyspace.blob(tenant, version.blob)
    ends = [tr.get(keyspace.chunk(blob, i)) for i in (0, max(0, version.size - 1) // content.CHUNK)]
    if version.blob and await ends[0] is not None and await ends[1] is not None:
        record = content.Record(version.blob, version.size)
        tr.set(keyspace.content(tenant, version.sha256), content.encode_record(record))
    else:
        tr.clear(key)
