"""Stores of earlier formats, as the programs of their time have left them.

`tests/fixtures/NAME.gz` is a gzipped MessagePack map: `rows`, all keys and values of the store, and `scopes`,
for each account its tenant, user and session, and `files`, the contents of all its files by their paths as
that program read them. They were made by this script, run with an earlier commit's tree as PYTHONPATH:

    format-1.gz            6c6cbd7, the last one before there were quotas
    format-1-counted.gz    a08239e, the last one before the version was kept; with an interrupted change

    import asyncio, gzip, sys, tempfile

    import msgspec

    from fdb_provider.engine.url import open_database
    from fdb_provider.errors import DatabaseClosed
    from fdb_provider.files.service import FileService
    from fdb_provider.models import AuthSession, new_id, now_ms
    from fdb_provider.repositories import accounts, auth_sessions

    TEXT = b"a line that compresses well\\n" * 5000  # three chunks


    class Cut:
        # A database that is gone after some transactions, in the middle of a change of a large folder.

        def __init__(self, db, runs):
            self.db, self.runs = db, runs
            self.read, self.watch = db.read, db.watch

        async def run(self, body, **options):
            self.runs -= 1
            if self.runs < 0:
                raise DatabaseClosed("gone")
            return await self.db.run(body, **options)


    async def fill(db, name):
        new = accounts.registration(f"{name}@example.com", name.title(), "hash")
        await db.run(lambda tr: accounts.register(tr, new))
        tenant, scope, now = new.tenant.id, new.scope, now_ms()
        family = AuthSession(new_id(), scope.user, scope.session, b"secret", now, now, now + 10**12)
        await db.run(lambda tr: auth_sessions.create(tr, tenant, family))
        files = FileService(db)
        await files.write(scope, "/workspace/small.txt", b"small", idempotency_key="small")
        await files.write(scope, "/workspace/empty", b"")
        await files.create_directory(scope, "/workspace/src")
        await files.write(scope, "/workspace/src/large.txt", TEXT)
        await files.write(scope, "/workspace/src/é\\N{SNOWMAN}", name.encode())
        await files.copy(scope, "/workspace/src", "/workspace/copy")
        await files.write(scope, "/workspace/copy/large.txt", TEXT + b"changed")
        await files.write(scope, "/workspace/gone.txt", b"gone")
        await files.delete(scope, "/workspace/gone.txt")
        await files.rename(scope, "/workspace/small.txt", "/workspace/renamed.txt")
        await files.write(scope, "/home/settings.json", b"{}", idempotency_key="settings")
        if hasattr(files, "trash"):  # not in the first format
            from fdb_provider.files.retention import Retention

            eager = FileService(db, retention=Retention(merge=0))
            await eager.write(scope, "/workspace/renamed.txt", b"a second version")
            await files.create_symlink(scope, "/workspace/link", "renamed.txt")
            await files.write(scope, "/workspace/thrown.txt", TEXT[:70_000])
            await files.delete(scope, "/workspace/thrown.txt", to_trash=True)
            await files.create_directory(scope, "/workspace/many")
            for n in range(8):
                await files.write(scope, f"/workspace/many/{n}", b"%d" % n)
            if name == "bob":
                from fdb_provider.files.steps import Steps

                cut = FileService(Cut(db, 2), steps=Steps(whole=4, entries=3))
                try:
                    await cut.rename(scope, "/workspace/many", "/workspace/moved")
                except DatabaseClosed:
                    pass
        found = {}
        for root in ("/workspace", "/home"):
            for path, entry in await files.walk(scope, root):
                if entry.kind == 0:
                    found[f"{root}/{path}"] = (await files.read(scope, f"{root}/{path}"))[1]
        return {"tenant": tenant, "user": scope.user, "session": scope.session, "files": found}


    async def everything(tr):
        return [row async for row in tr.get_range(b"", b"\\xff")]


    async def make():
        with tempfile.TemporaryDirectory() as folder:
            db = await open_database(f"embedded:{folder}/store")
            scopes = [await fill(db, name) for name in ("ada", "bob")]
            rows = await db.read(everything)
            await db.close()
        return msgspec.msgpack.encode({"rows": rows, "scopes": scopes})


    sys.stdout.buffer.write(gzip.compress(asyncio.run(make()), 9, mtime=0))
"""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec

from fdb_provider.engine import Database, Transaction
from fdb_provider.scope import Scope

FOLDER = Path(__file__).parents[1] / "fixtures"
NAMES = ("format-1", "format-1-counted")
_ROWS = 50


class Account(msgspec.Struct, frozen=True):
    """Whose files these are."""

    tenant: str
    user: str
    session: str
    files: dict[str, bytes]

    @property
    def scope(self) -> Scope:
        return Scope(self.tenant, self.user, self.session)


class Stored(msgspec.Struct, frozen=True):
    """What is in one such store."""

    rows: list[tuple[bytes, bytes]]
    scopes: list[Account]


def read(name: str) -> Stored:
    return msgspec.msgpack.decode(gzip.decompress((FOLDER / f"{name}.gz").read_bytes()), type=Stored)


async def load(database: Database, stored: Stored) -> None:
    """Puts it into an empty store."""
    for start in range(0, len(stored.rows), _ROWS):

        async def body(tr: Transaction, start: int = start) -> None:
            for key, value in stored.rows[start : start + _ROWS]:
                tr.set(key, value)

        await database.run(body)
