"""Earlier contents of files.

Versions are kept under the file's id, so what happens to its name does not concern them. A write that
replaces a content hands its reference over to the version: there is one key to set either way, and no byte
is copied. Which versions have had their time is decided later, by `prune`, where a note says so: a note
lies among the due ones for every file that has versions.
"""

from __future__ import annotations

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.files.content import Content, add_reference, release
from fdb_provider.files.entry import FILE, Entry, new_etag, new_file_id
from fdb_provider.files.retention import DAY, Retention

LONG = 6
"""Saves in quick succession that go on for so many times `Retention.merge` leave a version for each."""
_AT_ONCE = 0


class Version(msgspec.Struct, array_like=True, frozen=True):
    """A content a file had.

    Args:
        saved: when it was written, in milliseconds since 1970.
        etag: the one the file had.
        replaced: when it was replaced.
        path: where the file was then.
    """

    saved: int
    etag: str
    size: int
    mode: int
    blob: bytes
    sha256: bytes
    replaced: int
    path: str

    @property
    def name(self) -> str:
        """Names it among the versions of its file."""
        return f"{self.saved}-{self.etag}"

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.blob, self.size)


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Version).decode


def supersede(
    tr: Transaction,
    tenant: str,
    path: str,
    old: Entry,
    new: Entry,
    retention: Retention,
    now: int,
    *,
    always: bool = False,
) -> Entry:
    """The entry to put where the file `old` is when `new` takes its place.

    It is the same file with another content, and the old one is kept as a version, or given up where that
    is not worth it. (A `new` that was moved here and has versions itself stays the file it is.)

    Args:
        path: of the file.
        always: keep the version however short it was current.
    """
    if new.versions:
        file_id, kept, versions = new.id, new.kept, new.versions
        _forget(tr, tenant, old)
    else:
        file_id, kept, versions = old.id or new_file_id(), old.kept, old.versions
    if retention.versions and old.sha256 != new.sha256 and (always or _settled(old, retention, now)):
        version = Version(old.mtime, old.etag, old.size, old.mode, old.blob, old.sha256, now, path)
        tr.set(keyspace.version(tenant, file_id, old.mtime, old.etag), encode(version))
        if versions == 0 or abs(now - kept) >= DAY:
            # Versions are kept for a day at least: after that time there may be none, and so no note.
            _note(tr, tenant, file_id, now + retention.history)
        elif versions % retention.versions == 0:
            _note(tr, tenant, file_id, _AT_ONCE)
        kept, versions = now, versions + 1
    else:
        release(tr, tenant, old.sha256, old.etag, now)
    return msgspec.structs.replace(
        new,
        ctime=old.ctime,
        mtime=max(new.mtime, old.mtime + 1),
        id=file_id,
        kept=kept,
        versions=versions,
    )


def discard(tr: Transaction, tenant: str, entry: Entry, now: int) -> None:
    """Gives up the content and the versions of an entry that goes for good."""
    if entry.kind == FILE:
        release(tr, tenant, entry.sha256, entry.etag, now)
        _forget(tr, tenant, entry)


def doom(tr: Transaction, tenant: str, file_id: bytes) -> None:
    """All versions of a file that is gone go too, by and by."""
    tr.set(keyspace.doomed_versions(tenant) + keyspace.pack(file_id), b"")


async def listed(tr: Reader, tenant: str, entry: Entry, limit: int) -> list[Version]:
    """Up to `limit` versions of a file, the newest first."""
    if not entry.versions:
        return []
    rows = tr.get_range(
        *keyspace.range_of(keyspace.versions(tenant, entry.id)), limit=max(limit, 1), reverse=True
    )
    return [decode(value) async for _, value in rows]


async def find(tr: Reader, tenant: str, entry: Entry, name: str) -> Version:
    """The version of that name.

    Raises:
        RecordNotFound
    """
    saved, _, etag = name.partition("-")
    if entry.versions and saved.isascii() and saved.isdigit() and len(saved) < 16:
        value = await tr.get(keyspace.version(tenant, entry.id, int(saved), etag))
        if value is not None:
            return decode(value)
    raise RecordNotFound(f"the file has no version {name[:60]!r}, or it is no longer kept")


def revived(tr: Transaction, tenant: str, version: Version, now: int) -> Entry:
    """A new entry with the content of a version, which is kept as it is."""
    add_reference(tr, tenant, version.sha256)
    return Entry(
        FILE, version.size, now, now, version.mode, new_etag(), version.blob, version.sha256, kept=now
    )


async def collect(tr: Transaction, tenant: str, now: int, retention: Retention, limit: int) -> int:
    """Takes away up to about `limit` versions that are due; returns how many notes and versions went."""
    doomed = keyspace.doomed_versions(tenant)
    due = keyspace.versions_due(tenant)
    begin, _ = keyspace.range_of(due)
    reads = (
        tr.get_range(*keyspace.range_of(doomed), limit=1),
        tr.get_range(begin, due + keyspace.pack(now), limit=1),
    )
    async for key, _ in reads[0]:
        return 1 + await _drop(tr, tenant, keyspace.unpack(key, doomed)[0], now, limit)
    async for key, _ in reads[1]:
        tr.clear(key)
        return 1 + await _prune(tr, tenant, keyspace.unpack(key, due)[1], now, retention, limit)
    return 0


async def _drop(tr: Transaction, tenant: str, file_id: bytes, now: int, limit: int) -> int:
    """Takes away all versions of a file, `limit` at a time."""
    count = 0
    rows = tr.get_range(*keyspace.range_of(keyspace.versions(tenant, file_id)), limit=limit)
    for key, value in [row async for row in rows]:
        _give_up(tr, tenant, key, decode(value), now)
        count += 1
    if count < limit:
        tr.clear(keyspace.doomed_versions(tenant) + keyspace.pack(file_id))
    return count


async def _prune(
    tr: Transaction, tenant: str, file_id: bytes, now: int, retention: Retention, limit: int
) -> int:
    """Takes away what is too old or too much, and notes when to look again while any is left."""
    keep = max(retention.versions, 1)
    rows = tr.get_range(
        *keyspace.range_of(keyspace.versions(tenant, file_id)), limit=keep + limit, reverse=True
    )
    count, left = 0, []
    found = [(key, decode(value)) async for key, value in rows]
    for i, (key, version) in enumerate(found):
        expires = version.replaced + retention.history
        if i < keep and expires > now:
            left.append(expires)
        else:
            _give_up(tr, tenant, key, version, now)
            count += 1
    if len(found) == keep + limit:
        _note(tr, tenant, file_id, _AT_ONCE)
    elif left:
        _note(tr, tenant, file_id, min(left))
    return count


def _settled(old: Entry, retention: Retention, now: int) -> bool:
    # Absolute, as another gateway's clock, or this one's after a correction, may be behind.
    return abs(now - old.mtime) >= retention.merge or abs(now - old.kept) >= LONG * retention.merge


def _forget(tr: Transaction, tenant: str, entry: Entry) -> None:
    if entry.versions:
        doom(tr, tenant, entry.id)


def _note(tr: Transaction, tenant: str, file_id: bytes, at: int) -> None:
    tr.set(keyspace.versions_due(tenant) + keyspace.pack(at, file_id), b"")


def _give_up(tr: Transaction, tenant: str, key: bytes, version: Version, now: int) -> None:
    release(tr, tenant, version.sha256, version.etag, now)
    tr.clear(key)
