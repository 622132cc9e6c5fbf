"""The file system: what a user's IDE, the importer and the REST API call.

Every operation is one transaction: it happens whole or not at all, and its changes appear in the feed in
the same commit. An operation repeated with the same idempotency key is applied once and answered alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import FileExists, FileIsADirectory, InvalidPath
from fdb_provider.files import audited, content, doomed, feed, history, once, roots, trash, tree, usage
from fdb_provider.files.changes import Answer, Body
from fdb_provider.files.deleted import Deleted
from fdb_provider.files.entry import (
    DIRECTORY,
    MODE_BITS,
    Entry,
    new_directory,
    new_file,
    new_symlink,
    with_mode,
)
from fdb_provider.files.feed import Change, ChangeType
from fdb_provider.files.followers import Followers
from fdb_provider.files.fork import Fork
from fdb_provider.files.large import Large
from fdb_provider.files.operation import Kind, Operation
from fdb_provider.files.paths import ROOTS, Location, Region, check_length, parse
from fdb_provider.files.reader import FileReader
from fdb_provider.files.retention import RETENTION, Retention
from fdb_provider.files.steps import STEPS, Steps
from fdb_provider.files.versions import Versions
from fdb_provider.files.watch import Watch
from fdb_provider.models import UNLIMITED, Limits
from fdb_provider.scope import Scope

_SWEEP_STEP = 100

T = TypeVar("T")


class FileService(FileReader):
    """The files of every scope in one database.

    Paths are strings as `paths.parse` takes them; `InvalidPath` is raised for others by every method.
    `if_match` is the etag the entry must still have, or the method raises `Conflict`.

    Args:
        history: earlier contents of files.
        trash: what was deleted with `to_trash`.
    """

    def __init__(
        self,
        db: Database,
        limits: Limits = UNLIMITED,
        cache: int = 0,
        steps: Steps = STEPS,
        retention: Retention = RETENTION,
    ) -> None:
        """
        Args:
            limits: of tenants that have none of their own.
            cache: bytes of contents that are kept in memory.
            steps: how much is done in one transaction.
            retention: what is kept of the past.
        """
        super().__init__(db, cache, steps)
        self._quotas = usage.Quotas(db, limits)
        self._retention = retention
        self._followers = Followers(db)
        self._large = Large(db, steps, retention, self._apply)
        self.history = Versions(db, retention, self._change)
        self.trash = Deleted(db, self._large.run)

    async def close(self) -> None:
        """Ends what goes on in the background, before the database is closed."""
        await self._large.close()
        await self._followers.close()

    async def write(
        self,
        scope: Scope,
        path: str,
        data: bytes,
        *,
        create: bool = True,
        overwrite: bool = True,
        mode: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Entry:
        """Puts a whole file under a name, at once, whatever its size.

        Args:
            mode: its permission bits from now on; those it has, or 0644, by default.

        Raises:
            FileNotFound: it is missing and `create` is not given, or its folder is missing.
            FileExists: it is there and `overwrite` is not given.
            FileIsADirectory: a folder is there.
            NoPermissions: it is read-only, or a symbolic link.
            QuotaExceeded
        """
        tree.root_of(scope, parse(path))
        _check_mode(mode)
        if len(data) > content.PART:
            await self.check_room(scope, path, len(data))
        prepared = await content.prepare(self._db, scope, data)
        return await self.put(
            scope,
            path,
            prepared,
            create=create,
            overwrite=overwrite,
            mode=mode,
            if_match=if_match,
            idempotency_key=idempotency_key,
        )

    def upload(self, scope: Scope) -> content.Upload:
        """A content to write in parts, for `put`; close it afterwards."""
        return content.Upload(self._db, scope)

    async def put(
        self,
        scope: Scope,
        path: str,
        prepared: content.Prepared,
        *,
        create: bool = True,
        overwrite: bool = True,
        mode: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Entry:
        """The same for a content that was written in parts."""
        at = parse(path)

        async def body(tr: Transaction, now: int) -> tuple[Entry, list[Change]]:
            reads = tree.issue_parent(tr, scope, at), tree.issue(tr, scope, at)
            known = content.issue(tr, scope.tenant, prepared)
            await tree.check_parent(reads[0], at)
            old = await tree.settle(reads[1])
            tree.check_match(old, at, if_match)
            tree.check_target(old, at, create=create, overwrite=overwrite)
            stored = await content.acquire(tr, scope.tenant, prepared, known)
            if old is None:
                entry = new_file(stored, now, mode)
                tree.put(tr, scope, at, entry, None)
                return entry, [Change(ChangeType.ADDED, at.relative)]
            entry = new_file(stored, now, old.mode if mode is None else mode)
            entry = history.supersede(tr, scope.tenant, at.path, old, entry, self._retention, now)
            tree.put(tr, scope, at, entry, old)
            return entry, [Change(ChangeType.UPDATED, at.relative)]

        entry = await self._change(scope, at, idempotency_key, body)
        assert isinstance(entry, Entry)
        return entry

    async def create_directory(
        self, scope: Scope, path: str, *, mode: int | None = None, idempotency_key: str | None = None
    ) -> Entry:
        """Makes one folder. Raises `FileExists`, or `FileNotFound` when its parent is missing.

        Args:
            mode: its permission bits; 0755 by default. They are kept for exports and mean nothing here.
        """
        at = parse(path)
        _check_mode(mode)
        if not at.name:
            raise FileExists(f"{path} exists already")
        return await self._make(scope, at, lambda now: new_directory(now, mode), idempotency_key)

    async def create_symlink(
        self, scope: Scope, path: str, target: str, *, idempotency_key: str | None = None
    ) -> Entry:
        """Makes a symbolic link. It is kept as it is, and never followed here.

        Args:
            target: where it leads; need not be there, nor be a path of ours.

        Raises:
            FileExists, FileNotFound: as `create_directory`.
            InvalidPath: no link can have that target.
        """
        at = parse(path)
        _check_link_target(target)
        return await self._make(scope, at, lambda now: new_symlink(target, now), idempotency_key)

    async def _make(self, scope: Scope, at: Location, make: Callable[[int], Entry], key: str | None) -> Entry:
        async def body(tr: Transaction, now: int) -> tuple[Entry, list[Change]]:
            reads = tree.issue_parent(tr, scope, at), tree.issue(tr, scope, at)
            await tree.check_parent(reads[0], at)
            if await tree.settle(reads[1]) is not None:
                raise FileExists(f"{at.path} exists already")
            entry = make(now)
            tree.put(tr, scope, at, entry, None)
            return entry, [Change(ChangeType.ADDED, at.relative)]

        entry = await self._change(scope, at, key, body)
        assert isinstance(entry, Entry)
        return entry

    async def set_attributes(
        self,
        scope: Scope,
        path: str,
        *,
        mode: int | None = None,
        readonly: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Entry:
        """Changes the permission bits of a file or folder; its content, times and etag stay.

        Args:
            mode: all of them.
            readonly: takes everybody's right to write, or gives it to the owner. Of files only.

        Raises:
            FileNotFound
            FileIsADirectory: `readonly` is given for a folder.
            NoPermissions: it is a root or a symbolic link, which have none of their own.
        """
        at = parse(path)
        _check_mode(mode)

        async def body(tr: Transaction, now: int) -> tuple[Entry, list[Change]]:
            old = await tree.get_changeable(tr, scope, at, if_match)
            tree.check_no_link(old, at)
            if readonly is not None and old.kind == DIRECTORY:
                raise FileIsADirectory(f"{path} is a folder: only files can be read-only")
            entry = with_mode(old, mode, readonly)
            tree.put(tr, scope, at, entry, old)
            return entry, [Change(ChangeType.UPDATED, at.relative)]

        entry = await self._change(scope, at, idempotency_key, body)
        assert isinstance(entry, Entry)
        return entry

    async def delete(
        self,
        scope: Scope,
        path: str,
        *,
        recursive: bool = False,
        to_trash: bool = False,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Deletes a file or folder, for good or into the trash.

        Raises:
            FileNotFound
            DirectoryNotEmpty: a folder with entries, without `recursive`.
            NoPermissions: a read-only file. (Those in a folder go with it, as on a disk.)
        """
        at = parse(path)
        if to_trash:
            await self.trash.put(scope, at, recursive, if_match, idempotency_key)
        else:
            key = idempotency_key or ""
            await self._large.run(Operation(Kind.DELETE, scope, at, at, recursive, key, if_match))

    async def rename(
        self,
        scope: Scope,
        source: str,
        target: str,
        *,
        overwrite: bool = False,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Entry:
        """Moves a file or folder, also between the roots. Raises as `subtree.transfer`."""
        return await self._transfer(scope, source, target, Kind.MOVE, overwrite, if_match, idempotency_key)

    async def copy(
        self,
        scope: Scope,
        source: str,
        target: str,
        *,
        overwrite: bool = False,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Entry:
        """Copies a file or folder: names only, the contents are shared. Raises as `subtree.transfer`."""
        return await self._transfer(scope, source, target, Kind.COPY, overwrite, if_match, idempotency_key)

    async def _transfer(
        self,
        scope: Scope,
        source: str,
        target: str,
        kind: Kind,
        overwrite: bool,
        if_match: str | None,
        key: str | None,
    ) -> Entry:
        start, end = parse(source), parse(target)
        entry = await self._large.run(Operation(kind, scope, start, end, overwrite, key or "", if_match))
        assert isinstance(entry, Entry)
        return entry

    async def watch(
        self,
        scope: Scope,
        path: str,
        *,
        recursive: bool = True,
        excludes: Iterable[str] = (),
        cursor: str | None = None,
    ) -> Watch:
        """Changes at and below `path`, from `cursor` on, or from now. Raises `CursorExpired`."""
        at = parse(path)
        root = tree.root_of(scope, at)
        if cursor is None:
            cursor = await feed.position(self._db, root)
        else:
            await feed.check(self._db, root, cursor)
        return Watch(self._followers, root, at, recursive, excludes, cursor)

    async def check_room(self, scope: Scope, path: str, size: int) -> None:
        """Looks ahead whether a file of that size can be put at `path`, before its content is sent.

        Raises:
            FileNotFound, FileNotADirectory, NoPermissions: not in that folder.
            FileIsADirectory: a folder is there.
            QuotaExceeded
        """
        at = parse(path)
        limits = await self._quotas.of(scope.tenant)

        async def body(tr: Reader) -> None:
            reads = tree.issue_parent(tr, scope, at), tree.issue(tr, scope, at)
            await tree.check_parent(reads[0], at)
            old = await tree.settle(reads[1])
            tree.check_target(old, at, create=True, overwrite=True)
            more = usage.Usage(size - (old.size if old else 0), 0 if old else 1)
            await usage.check_room(tr, scope, at.root, limits, more)

        await self._db.read(body)

    async def answered(self, scope: Scope, path: str, idempotency_key: str) -> Entry | None:
        """What a change at `path` with that key was answered, if it was made."""
        answer = await once.answered(self._db, [tree.root_of(scope, parse(path))], idempotency_key)
        return answer if isinstance(answer, Entry) else None

    async def limits(self, tenant: str) -> Limits:
        """How much a tenant, its users and its sessions may keep."""
        return await self._quotas.of(tenant)

    async def usage(self, scope: Scope) -> tuple[dict[usage.Owner, usage.Usage], Limits]:
        """What the session, the user and the tenant keep, and how much they may."""
        limits = await self._quotas.of(scope.tenant)
        return await self._db.read(lambda tr: usage.read(tr, scope)), limits

    async def fork(self, scope: Scope, session: str, finish: Callable[[Transaction, int], Awaitable[T]]) -> T:
        """Copies the workspace of a session into that of a new one, as it is at one instant (see `fork`).

        History and trash stay behind; the home is the same anyway.

        Args:
            session: the new one's id, which nobody has used.
            finish: gives the new workspace its owner, in the transaction that ends it and at a time
                (milliseconds since 1970); what it returns is returned. If it raises, no copy was made.

        Raises:
            QuotaExceeded
            StoreUnavailable: see `Fork.fill`.
        """
        limits = await self._quotas.of(scope.tenant)
        target = Scope(scope.tenant, scope.user, session)
        root = keyspace.root(target, "workspace")
        fork = Fork(self._db, scope.tenant, keyspace.root(scope, "workspace"), root, self._steps)

        async def room(tr: Reader) -> None:
            kept = (await usage.read(tr, scope))["session"]
            await usage.check_room(tr, target, "workspace", limits, kept)

        async def end(tr: Transaction) -> T:
            counted = usage.issue(tr, target, limits)
            await fork.complete(tr)
            usage.add(tr, root, scope.tenant, fork.usage)
            await usage.check(tr, counted)
            return await finish(tr, content.now())

        await self._db.read(room)
        await fork.begin()
        try:
            await fork.fill()
            return await self._db.run(end)
        except Exception:
            await fork.give_up()
            raise

    async def sweep(self, scope: Scope, now: int | None = None) -> int:
        """Forgets what need not be kept at a time, by default now: what had its time in history and trash,
        unreferenced contents, old feed records (once the audit tells of them), idempotency keys.

        Returns how much was forgotten; call it again while that is not 0.
        """
        await self.resume(scope)
        tenant, retention = scope.tenant, self._retention
        now = content.now() if now is None else now
        count = 0
        for name in ROOTS:
            root = keyspace.root(scope, name)
            count += await audited.drain(self._db, scope, name)
            count += await feed.trim(self._db, root, now, retention)
            count += await self._db.run(partial(once.forget, root=root, now=now))
            count += await self._db.run(
                partial(trash.forget_until, tenant=tenant, root=root, until=now - retention.trash)
            )
        count += await self._db.run(partial(roots.collect_lapsed, tenant=tenant, now=now))
        for gone in await self._db.read(partial(doomed.listed, tenant=tenant, limit=1)):
            await self._large.resume(gone.root)
            await self.tell_audit(gone.scope, [gone.name])
            count += await self._db.run(partial(roots.collect, root=gone.root, now=now, tenant=tenant))
        count += await self._db.run(partial(trash.collect, tenant=tenant, now=now, limit=_SWEEP_STEP))
        count += await self._db.run(
            partial(history.collect, tenant=tenant, now=now, retention=retention, limit=_SWEEP_STEP)
        )
        return count + await content.collect(self._db, tenant, now, limit=_SWEEP_STEP)

    async def tell_audit(self, scope: Scope, roots: Iterable[str] = ROOTS) -> None:
        """Sees that the audit tells of every change that was made until now."""
        for name in roots:
            while await audited.drain(self._db, scope, name):
                pass

    async def resume(self, scope: Scope) -> None:
        """Finishes or undoes what a gateway has left half done that has ended; waits for one that goes on."""
        for name in ROOTS:
            await self._large.resume(keyspace.root(scope, name))

    def look_after(self, scope: Scope) -> None:
        """Begins to do the same in the background."""
        for name in ROOTS:
            self._large.look_after(keyspace.root(scope, name))

    async def _change(self, scope: Scope, at: Location, key: str | None, body: Body) -> Answer:
        """Runs a change of one name, `at`, once no large change concerns it."""
        region = Region(tree.root_of(scope, at), at.relative, False)
        return await self._large.change(scope, at, key, body, [keyspace.root(scope, at.root)], [region])

    async def _apply(self, scope: Scope, at: Location, key: str | None, body: Body) -> Answer:
        """Runs a change, appends it to the feed, and sees that an idempotency key is applied once."""
        root = tree.root_of(scope, at)
        limits = await self._quotas.of(scope.tenant)

        async def change(tr: Transaction, now: int) -> Answer:
            counted = usage.issue(tr, scope, limits)
            answer, changes = await body(tr, now)
            if counted:
                await usage.check(tr, counted)
            if changes:
                feed.append(tr, root, now, changes)
            return answer

        return await once.run(self._db, root, key, change)


async def write_new(tr: Transaction, scope: Scope, path: str, data: bytes) -> None:
    """Puts a small file under a name in a caller's transaction: the first file of a new session."""
    at = parse(path)
    now = content.now()
    prepared = content.whole(data)
    known = content.issue(tr, scope.tenant, prepared)
    stored = await content.acquire(tr, scope.tenant, prepared, known)
    tree.put(tr, scope, at, new_file(stored, now), None)
    feed.append(tr, tree.root_of(scope, at), now, [Change(ChangeType.ADDED, at.relative)])


def _check_mode(mode: int | None) -> None:
    if mode is not None and mode & ~MODE_BITS:
        raise ValueError(f"the mode {mode:#o} has more than the permission bits {MODE_BITS:#o}")


def _check_link_target(target: str) -> None:
    if not target or "\0" in target:
        raise InvalidPath(f"a symbolic link cannot lead to {target!a}")
    check_length(target)
