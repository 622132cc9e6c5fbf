"""The check as a whole: every tenant, once more where something was found, and the repairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.files import doomed, tenant_roots, tree, usage
from fdb_provider.files import roots as whole
from fdb_provider.files.entry import FILE
from fdb_provider.files.tenant_roots import Roots
from fdb_provider.files.usage import Usage
from fdb_provider.fsck import conversations, records
from fdb_provider.fsck import trash as deleted
from fdb_provider.fsck.contents import Contents
from fdb_provider.fsck.finding import Finding
from fdb_provider.fsck.names import Names
from fdb_provider.fsck.versions import Versions
from fdb_provider.repositories import COLLECTIONS, accounts, workspace_sessions
from fdb_provider.scan import Tell, pages, parts

PASSES = 6
"""Passes through a tenant until two in which nobody wrote agree."""
ROUNDS = 4
"""Repairs of a tenant, as one may bring to light another."""


@dataclass
class Report:
    """What a check found.

    Args:
        found: all that was wrong.
        left: what of it is wrong still, all without `repair`.
        unjudged: tenants that were written to all the while.
        names: how many there are, of all tenants.
    """

    found: list[Finding] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    tenants: int = 0
    names: int = 0
    contents: int = 0

    @property
    def clean(self) -> bool:
        return not self.left


async def check(
    db: Database,
    *,
    deep: bool = False,
    repair: bool = False,
    begin: Callable[[str], None] = lambda _: None,
    tell: Tell = lambda _: None,
) -> Report:
    """Looks through the whole store.

    Args:
        deep: read every content too, and compare it with its hash.
        repair: what can be repaired.
        begin: called with the id of each tenant before it is looked through; "" is the store's own part.
        tell: called as things are looked at, see `scan.Tell`.

    Raises:
        StoreUnavailable: the store stopped answering; what was repaired until then stays.
    """
    report = Report()
    async for part in parts(db, b""):
        tenant = keyspace.unpack(part)[0]
        begin(tenant)
        report.tenants += tenant != keyspace.SYSTEM
        found = await _judge(db, tenant, deep, tell, report)
        if found is None:
            report.unjudged.append(tenant)
            continue
        report.found += sorted(found, key=str)
        rounds = 0
        while repair and rounds < ROUNDS and any(one.repair for one in found):
            for one in sorted(found, key=str):
                if one.repair is not None:
                    await db.run(one.repair)
            rounds += 1
            found = await _judge(db, tenant, deep, tell, None) or set()
        report.left += sorted(found, key=str)
    return report


async def _judge(
    db: Database, tenant: str, deep: bool, tell: Tell, report: Report | None
) -> set[Finding] | None:
    """What is wrong with a tenant; None when that could not be told because it was written to."""
    before: set[Finding] | None = None
    for _ in range(PASSES):
        roots = await tenant_roots.of(db, tenant)
        await tenant_roots.finish(db, roots)
        heads = await _heads(db, tenant, roots)
        one = _Pass(db, tenant, deep, tell)
        await one.look(roots)
        if await _heads(db, tenant, roots) != heads:
            continue
        if report is not None and before is None:
            report.names += one.names
            report.contents += one.contents
        if not one.findings:
            return set()
        if before is not None:
            both = {finding for finding in one.findings if finding in before}
            if both == before:
                return both
        before = one.findings
    return None


async def _heads(db: Database, tenant: str, roots: Roots) -> tuple[list[bytes | None], dict[bytes, bytes]]:
    """What moves on with every change of names: feeds, changes of large folders, and roots being made."""

    async def body(tr: Reader) -> tuple[list[bytes | None], dict[bytes, bytes]]:
        keys = (keyspace.feed_head, keyspace.intent, keyspace.intent_progress)
        reads = [tr.get(key(root)) for root in roots for key in keys]
        return [await read for read in reads], await whole.forming(tr, tenant)

    return await db.read(body)


class _Pass:
    """One look at a tenant."""

    def __init__(self, db: Database, tenant: str, deep: bool, tell: Tell) -> None:
        self._db = db
        self._tenant = tenant
        self._deep = deep
        self._tell = tell
        self.findings: set[Finding] = set()
        self.names = 0
        self.contents = 0

    async def look(self, roots: Roots) -> None:
        for collection in COLLECTIONS:
            self.findings |= await records.look(self._db, self._tenant, collection, self._tell)
        if self._tenant == keyspace.SYSTEM:
            self.findings |= await records.look_at_indexes(self._db)
            await self._look_at_accounts()
            return
        await self._look_at_owners(roots)
        self.findings |= await conversations.look(self._db, self._tenant, self._deep, self._tell)
        contents = Contents(self._db, self._tenant, self._deep, self._tell)
        await contents.load()
        versions = Versions(self._db, self._tenant, contents, self._tell)
        total = Usage(0, 0)
        for root, (owner, name) in roots.items():
            label = f"{owner} {name}"
            used = await self._look_at_names(root, label, contents, versions)
            used = used.plus(await self._look_at_trash(root, owner, label, contents, versions))
            await self._look_at_usage(root, label, used)
            total = total.plus(used)
        await self._look_at_usage(keyspace.tenant(self._tenant), "tenant", total)
        for gone in await tenant_roots.unreachable(self._db, self._tenant):
            async for page in pages(self._db, *keyspace.range_of(keyspace.entries(gone))):
                for entry in (tree.decode(value) for _, value in page):
                    if entry.kind == FILE:
                        contents.refer(entry.sha256, entry.blob)
                    versions.expected.add(entry.id)
        await versions.look()
        self.findings |= versions.findings
        await contents.judge()
        self.findings |= contents.findings
        self.contents = len(contents.stored)

    async def _look_at_trash(
        self, root: bytes, owner: usage.Owner, label: str, contents: Contents, versions: Versions
    ) -> Usage:
        ids: set[str] = set()
        for prefix in (keyspace.trash(root), keyspace.all_trashed(root)):
            ids |= {keyspace.unpack(part)[0] async for part in parts(self._db, prefix)}
        unreachable = set(await tenant_roots.unreachable(self._db, self._tenant))
        total = Usage(0, 0)
        mount = "/workspace" if owner == "session" else "/home"
        for trash_id in sorted(ids):
            thrown = keyspace.trashed(root, trash_id)
            if thrown not in unreachable:
                used = await self._look_at_names(thrown, f"{label} trash", contents, versions, root)
                self.findings |= await deleted.look(self._db, self._tenant, root, mount, trash_id, used)
                total = total.plus(used)
        return total

    async def _look_at_names(
        self, root: bytes, label: str, contents: Contents, versions: Versions, owner: bytes | None = None
    ) -> Usage:
        names = Names(self._db, self._tenant, root, label, contents, self._tell, owner)
        await names.look()
        self.findings |= names.findings
        self.names += names.usage.files
        versions.expected |= names.with_versions
        return names.usage

    async def _look_at_usage(self, owner: bytes, label: str, right: Usage) -> None:
        counted = await self._db.read(lambda tr: usage.of(tr, owner))
        if counted != right:
            self.findings.add(
                Finding(
                    self._tenant,
                    "wrong usage",
                    label,
                    f"{counted.bytes} bytes and {counted.files} names are counted, there are {right.bytes} "
                    f"and {right.files}",
                    partial(_set_usage, owner=owner, counted=counted, right=right),
                )
            )

    async def _look_at_owners(self, roots: Roots) -> None:
        tenant = self._tenant

        async def body(tr: Reader) -> list[str]:
            missing = [] if await accounts.tenant(tr, tenant) else ["the tenant itself"]
            gone = {one.root for one in await doomed.listed(tr, tenant)}
            for owner, name in (whose for root, whose in roots.items() if root not in gone):
                collection = workspace_sessions.SESSIONS if owner == "session" else accounts.USERS
                if await collection.get(tr, tenant, name, deleted=True) is None:
                    missing.append(f"{owner} {name}")
            return missing

        for one in await self._db.read(body):
            self.findings.add(Finding(tenant, "owner missing", one, "there is no record of it"))

    async def _look_at_accounts(self) -> None:
        async def body(tr: Reader) -> list[str]:
            listed = await accounts.every(tr)
            return [one.email_key for one in listed if await accounts.user(tr, one.tenant, one.user) is None]

        for email in await self._db.read(body):
            self.findings.add(Finding(self._tenant, "owner missing", email, "the address leads to no user"))


async def _set_usage(tr: Transaction, owner: bytes, counted: Usage, right: Usage) -> None:
    if await usage.of(tr, owner) == counted:
        usage.correct(tr, owner, right - counted)
