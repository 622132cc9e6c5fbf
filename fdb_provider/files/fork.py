"""A root copied into a new one, as it is at one instant, however large it is and whoever writes to it.

Nobody is held up, and no transaction is long. Each folder's names are read page by page, every page as at a
moment of its own. The feed then tells which paths were changed since the first of these moments; they are
read anew, which takes less time, and so leaves fewer changes, each time. Once the rest is small, one snapshot
shows both the changes up to it and what is at their paths: with these, the copy is what the root is in that
very snapshot. (A path that was not changed between the moment it was read and that snapshot is as it was
read; one that was is read in the snapshot.)

This is how a virtual machine is moved while it runs ("pre-copy": Clark et al., Live Migration of Virtual
Machines, NSDI 2005), but that the last round needs no standstill, as a snapshot is one.

Contents are shared. References to them are added without looking at them: what an entry referred to when it
was read stays for `content.GRACE`, and the note that holds the new root (`roots`) ends long before that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import CursorExpired, StoreUnavailable
from fdb_provider.files import content, feed, roots, subtree, tree
from fdb_provider.files.content import add_reference
from fdb_provider.files.entry import DIRECTORY, FILE, Entry, encode, forked
from fdb_provider.files.steps import Rows, Steps, within
from fdb_provider.files.usage import Usage

ROUNDS = 100
"""How often changes made meanwhile are looked at. A handful will do; this many only if a cluster of gateways
writes to the one root faster than it can be read."""
_BUSY = "the session's files change faster than they can be copied: try again when less is going on"

Found = list[tuple[bytes, Entry]]
"""Keys and entries of the root that is copied."""


@dataclass(frozen=True, slots=True)
class _Changes:
    """What was changed behind a stamp, as one snapshot shows it.

    Args:
        stamp: of the last change that is among them.
        paths: what was changed, with all below it. None is below another.
        found: what is at them, and below those that are not `large`.
        large: those with too much below them for one snapshot.
        last: there are no further changes in the snapshot.
    """

    stamp: bytes
    paths: list[str]
    found: Found
    large: list[str]
    last: bool


class Fork:
    """One copy: call `begin` and `fill`, then `complete` in the transaction that gives the new root an owner,
    or `give_up`. Abandoning it at any point is safe: what is there of it goes by and by.

    Args:
        source: the key prefix of the root that is copied.
        target: that of the new one, under which nothing is.
    """

    def __init__(self, db: Database, tenant: str, source: bytes, target: bytes, steps: Steps) -> None:
        self._db = db
        self._tenant = tenant
        self._source = source
        self._target = target
        self._steps = steps
        self._now = content.now()
        self._cut = len(keyspace.entries(source))
        # Folders in which there are, or were, names of the copy.
        self._parents: set[bytes] = set()
        self.usage = Usage(0, 0)
        """Of the copy."""

    async def begin(self) -> None:
        async def body(tr: Transaction) -> None:
            roots.begin(tr, self._tenant, self._target)

        await self._db.run(body)

    async def fill(self) -> None:
        """Makes the copy.

        Raises:
            StoreUnavailable: the root is written to so fast that it cannot be caught up with.
        """
        stamp = feed.parse(await feed.position(self._db, self._source))
        await self._copy_below("")
        for _ in range(ROUNDS):
            try:
                changes = await self._changes(stamp)
            except CursorExpired:
                raise StoreUnavailable(_BUSY) from None
            await self._clear(changes.paths)
            await self._write(changes.found)
            for path in changes.large:
                await self._copy_below(path)
            if changes.last:
                return
            stamp = changes.stamp
        raise StoreUnavailable(_BUSY)

    async def complete(self, tr: Transaction) -> None:
        """Lets go of the new root, which from here on is what its owner makes of it. Its usage is still to be
        counted. Raises as `roots.hold`."""
        await roots.complete(tr, self._tenant, self._target)

    async def give_up(self) -> None:
        async def body(tr: Transaction) -> None:
            await roots.give_up(tr, self._tenant, self._target)

        await self._db.run(body)

    # --- reading ------------------------------------------------------------------------------------

    async def _copy_below(self, path: str) -> None:
        """Copies all names below a folder, if one is there."""
        after: bytes | None = None
        while True:

            async def page(tr: Reader, after: bytes | None = after) -> tuple[Found, bytes | None]:
                limit = self._steps.page
                rows = await tree.below(tr, self._source, path, after, limit)()
                return await tree.seen(tr, self._source, rows), rows[-1][0] if len(rows) == limit else None

            found, after = await self._db.read(page)
            await self._write(found)
            if after is None:
                return

    async def _changes(self, stamp: bytes) -> _Changes:
        async def body(tr: Reader) -> _Changes:
            page = await feed.records(tr, self._source, stamp, feed.PAGE)
            paths = _topmost({change.path for _, record in page for change in record.changes})
            reads = [(key, tr.get(key)) for key in (self._key(self._source, path) for path in paths)]
            rows = [(key, value) for key, read in reads if (value := await read) is not None]
            found = await tree.seen(tr, self._source, rows)
            large: list[str] = []
            room = self._steps.whole
            for path in [self._path(key) for key, entry in found if entry.kind == DIRECTORY]:
                rows = await tree.below(tr, self._source, path, None, room + 1)()
                if len(rows) > room:
                    large.append(path)
                else:
                    found += await tree.seen(tr, self._source, rows)
                    room -= len(rows)
            last = len(page) < feed.PAGE and not large
            return _Changes(page[-1][0] if page else stamp, paths, found, large, last)

        return await self._db.read(body)

    # --- writing ------------------------------------------------------------------------------------

    async def _write(self, found: Found) -> None:
        """Puts names where there are none, each referring to its content once more."""
        prefix = keyspace.entries(self._target)
        rows = [(prefix + key[self._cut :], encode(forked(entry, self._now))) for key, entry in found]
        start = 0
        while start < len(rows):
            batch, _ = within(rows[start : start + self._steps.entries], self._steps)
            written = found[start : start + len(batch)]
            contents = Counter(entry.sha256 for _, entry in written if entry.kind == FILE)

            async def body(tr: Transaction, batch: Rows = batch, contents: Counter[bytes] = contents) -> None:
                await roots.hold(tr, self._tenant, self._target)
                for key, value in batch:
                    tr.set(key, value)
                for sha256, count in contents.items():
                    add_reference(tr, self._tenant, sha256, count)

            await self._db.run(body)
            self.usage = self.usage.plus(Usage(sum(entry.size for _, entry in written), len(written)))
            for key, _ in written:
                self._add_parent(key[self._cut + 1 :].partition(b"\x00\x02")[0])
            start += len(batch)

    async def _clear(self, paths: list[str]) -> None:
        """Takes away what is at and below these paths in the copy."""
        for start in range(0, len(paths), self._steps.entries):
            keys = [self._key(self._target, path) for path in paths[start : start + self._steps.entries]]

            async def body(tr: Transaction, keys: list[bytes] = keys) -> Usage:
                await roots.hold(tr, self._tenant, self._target)
                reads = [(key, tr.get(key)) for key in keys]
                return self._discard(
                    tr, [(k, value) for k, read in reads if (value := await read) is not None]
                )

            self.usage -= await self._db.run(body)
        for path in paths:
            if path.encode() in self._parents:
                await self._clear_below(path)

    async def _clear_below(self, path: str) -> None:
        async def body(tr: Transaction) -> tuple[Usage, bool]:
            await roots.hold(tr, self._tenant, self._target)
            rows = await tree.below(tr, self._target, path, None, self._steps.entries)()
            rows, ended = within(rows, self._steps)
            return self._discard(tr, rows), ended

        ended = False
        while not ended:
            gone, ended = await self._db.run(body)
            self.usage -= gone

    def _discard(self, tr: Transaction, rows: Rows) -> Usage:
        for key, _ in rows:
            tr.clear(key)
        return subtree.discard(tr, self._tenant, (value for _, value in rows), content.now())

    # --- keys ---------------------------------------------------------------------------------------

    def _key(self, root: bytes, path: str) -> bytes:
        directory, _, name = path.rpartition("/")
        return keyspace.entry(root, directory, name)

    def _path(self, key: bytes) -> str:
        directory, name = keyspace.entry_path(key, self._cut)
        return f"{directory}/{name}" if directory else name

    def _add_parent(self, directory: bytes) -> None:
        while directory and directory not in self._parents:
            self._parents.add(directory)
            directory = directory.rpartition(b"/")[0]


def _topmost(paths: Iterable[str]) -> list[str]:
    """Those that are not below another of them."""
    found: list[str] = []
    # NUL is in no name and before all else, so what is below a folder comes right behind it.
    for path in sorted(paths, key=lambda path: path.replace("/", "\0")):
        if not found or not path.startswith(found[-1] + "/"):
            found.append(path)
    return found
