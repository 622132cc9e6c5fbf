"""The names of one file root: folders they are in, contents they stand for, and how much they count."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.files import content, feed, mark, tree, usage
from fdb_provider.files.content import Content
from fdb_provider.files.entry import DIRECTORY, FILE, Entry, encode, new_directory
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.usage import Usage
from fdb_provider.fsck.contents import Contents
from fdb_provider.fsck.finding import Finding, Kind, Repair
from fdb_provider.scan import Tell, pages


@dataclass(frozen=True, slots=True)
class _Where:
    """A root that is repaired.

    Args:
        owner: the root whose usage counter and feed it belongs to.
    """

    tenant: str
    root: bytes
    owner: bytes

    def changed(self, tr: Transaction, now: int, changes: list[Change], more: Usage) -> None:
        """Tells watchers and counters what was done, once in a transaction."""
        if any(more):
            usage.add(tr, self.owner, self.tenant, more)
        if changes and self.root == self.owner:
            feed.append(tr, self.root, now, changes)


class Names:
    """Looks through one root.

    Args:
        root: its key prefix.
        label: how it is told, such as `session ID`.
        owner: the prefix of the root whose usage counter and feed it belongs to; itself, unless it is a part
            of the trash.
    """

    def __init__(
        self,
        db: Database,
        tenant: str,
        root: bytes,
        label: str,
        contents: Contents,
        tell: Tell,
        owner: bytes | None = None,
    ) -> None:
        self._db = db
        self._tenant = tenant
        self._root = root
        self._where = _Where(tenant, root, root if owner is None else owner)
        self._label = label
        self._contents = contents
        self._tell = tell
        self._folders: set[str] = {""}
        self._parents: set[str] = set()
        self.findings: set[Finding] = set()
        self.usage = Usage(0, 0)
        self.with_versions: set[bytes] = set()
        """Ids of the files that have, or had, earlier contents."""

    async def look(self) -> None:
        """Goes through all entries."""
        prefix = keyspace.entries(self._root)
        size = files = 0
        async for page in pages(self._db, *keyspace.range_of(prefix)):
            for key, value in page:
                directory, name = keyspace.unpack(key, prefix)
                path = f"{directory}/{name}" if directory else name
                files += 1
                self._parents.add(directory)
                try:
                    entry = tree.decode(value)
                except msgspec.MsgspecError as error:
                    self._report("unreadable record", path, str(error))
                    continue
                if value[0] == mark.MARK:
                    self._report("unreadable record", path, "it belongs to a change of a folder that is gone")
                size += entry.size
                if entry.kind == DIRECTORY:
                    self._folders.add(path)
                elif entry.kind == FILE:
                    self._look_at_content(path, key, value, entry)
                if entry.versions:
                    self.with_versions.add(entry.id)
            self._tell(len(page))
            await asyncio.sleep(0)
        self.usage = Usage(size, files)
        for path in sorted(self._parents - self._folders):
            self._report(
                "folder missing",
                path,
                "there are names in it, but it is not there, or is no folder",
                partial(_make_folder, where=self._where, path=path),
            )
        # What a repair moved aside still holds its content, if that is there.
        lost = keyspace.lost(self._root)
        async for page in pages(self._db, *keyspace.range_of(lost)):
            for _, value in page:
                entry = tree.decode(value)
                self._contents.refer(entry.sha256, entry.blob)
                self.with_versions.add(entry.id)

    def _look_at_content(self, path: str, key: bytes, value: bytes, entry: Entry) -> None:
        found = self._contents.refer(entry.sha256, entry.blob)
        if found is None:
            self._report(
                "content missing",
                path,
                f"nothing is stored under {entry.sha256.hex()} ({entry.size} bytes)",
                partial(_restore_or_move, where=self._where, path=path, key=key, was=value),
            )
        elif (found.size, found.blob) != (entry.size, entry.blob):
            self._report(
                "wrong size",
                path,
                f"it says {entry.size} bytes in blob {entry.blob.hex() or '-'}, its content has {found.size} "
                f"in {found.blob.hex() or '-'}",
                partial(_correct, where=self._where, path=path, key=key, was=value, right=found),
            )

    def _report(self, kind: Kind, path: str, detail: str, repair: Repair | None = None) -> None:
        self.findings.add(Finding(self._tenant, kind, f"{self._label}: {path!r}", detail, repair))


async def _make_folder(tr: Transaction, where: _Where, path: str) -> None:
    """Makes a folder with all it is in; a file in the way gets another name."""
    now = content.now()
    made = 0
    changes: list[Change] = []
    directory = ""
    for name in path.split("/"):
        key = keyspace.entry(where.root, directory, name)
        here = f"{directory}/{name}" if directory else name
        value = await tr.get(key)
        if value is None or tree.decode(value).kind != DIRECTORY:
            if value is not None:
                other = await _free_name(tr, where.root, directory, name)
                tr.set(keyspace.entry(where.root, directory, other), value)
                changes.append(Change(ChangeType.ADDED, f"{directory}/{other}" if directory else other))
            tr.set(key, encode(new_directory(now)))
            changes.append(Change(ChangeType.ADDED, here))
            made += 1
        directory = here
    where.changed(tr, now, changes, Usage(0, made))


async def _free_name(tr: Transaction, root: bytes, directory: str, name: str) -> str:
    """A name like `name` that nothing has."""
    number = 1
    while await tr.get(keyspace.entry(root, directory, f"{name[:50]}.found-{number}")) is not None:
        number += 1
    return f"{name[:50]}.found-{number}"


async def _restore_or_move(tr: Transaction, where: _Where, path: str, key: bytes, was: bytes) -> None:
    """Makes the record of a content anew by its blob, if that is there; else moves the entry aside."""
    entry = tree.decode(was)
    record = keyspace.content(where.tenant, entry.sha256)
    if await tr.get(key) != was or await tr.get(record) is not None:
        return
    blob = keyspace.blob(where.tenant, entry.blob)
    ends = [tr.get(keyspace.chunk(blob, i)) for i in (0, max(0, entry.size - 1) // content.CHUNK)]
    if entry.blob and await ends[0] is not None and await ends[1] is not None:
        tr.set(record, content.encode_record(content.Record(entry.blob, entry.size)))
        return
    tr.clear(key)
    tr.set(keyspace.lost(where.root) + key[len(keyspace.entries(where.root)) :], was)
    where.changed(tr, content.now(), [Change(ChangeType.DELETED, path)], Usage(-entry.size, -1))


async def _correct(tr: Transaction, where: _Where, path: str, key: bytes, was: bytes, right: Content) -> None:
    """Makes an entry say what is known of its content."""
    if await tr.get(key) == was:
        entry = tree.decode(was)
        tr.set(key, encode(msgspec.structs.replace(entry, size=right.size, blob=right.blob)))
        where.changed(
            tr, content.now(), [Change(ChangeType.UPDATED, path)], Usage(right.size - entry.size, 0)
        )
