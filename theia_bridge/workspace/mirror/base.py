"""The table of what both sides last agreed on, in a file that outlives the runtime.

It is written without waiting for the disk: after the end of the process it is as it was; after that of the
machine it may be damaged, and is then begun anew, or older than the files, which `reconciler` finds out.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from theia_bridge.methods.protocol import FileType
from theia_bridge.workspace.mirror.states import Agreed

FORMAT = 1
"""Of the file; one of another format is begun anew."""
_FILE = "base.sqlite"
_TABLES = """
CREATE TABLE agreed (
  path TEXT PRIMARY KEY, kind TEXT, etag TEXT, mode INTEGER, target TEXT, digest BLOB,
  ino INTEGER, size INTEGER, mtime INTEGER, ctime INTEGER, made INTEGER
) WITHOUT ROWID;
CREATE INDEX agreed_ino ON agreed (ino);
CREATE INDEX agreed_etag ON agreed (etag);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
_GET = """
SELECT kind, etag, mode, target, digest, ino, size, mtime, ctime, made FROM agreed WHERE path = ?
"""
_BELOW = """
SELECT path, kind, etag, mode, target, digest, ino, size, mtime, ctime, made FROM agreed
WHERE path > ? AND path < ? ORDER BY path
"""
_WITH_INO = """
SELECT path, kind, etag, mode, target, digest, ino, size, mtime, ctime, made FROM agreed WHERE ino = ?
"""
_WITH_ETAG = """
SELECT path, kind, etag, mode, target, digest, ino, size, mtime, ctime, made FROM agreed WHERE etag = ?
"""
_Row = tuple[FileType, str, int, str, bytes, int, int, int, int, int]


class Base:
    """The table. Changes are kept by `commit`, and by `close`."""

    def __init__(self, folder: Path) -> None:
        """Opens the table in `folder`, or begins it. Raises `sqlite3.Error`, `OSError`."""
        self._path = folder / _FILE
        try:
            self._db = self._open()
        except sqlite3.Error:
            for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm"):
                with contextlib.suppress(FileNotFoundError):
                    (folder / name).unlink()
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")
            ((version,),) = db.execute("PRAGMA user_version")
            if version == 0:
                db.executescript(f"BEGIN; {_TABLES} COMMIT;")
            elif version != FORMAT:
                raise sqlite3.DatabaseError(f"the table is of format {version}")
            db.execute("SELECT count(*) FROM agreed").fetchone()
            db.execute("BEGIN")
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        try:
            self._commit()
        finally:
            self._db.close()

    def commit(self) -> None:
        self._commit()
        self._db.execute("BEGIN")

    def _commit(self) -> None:
        if self._db.in_transaction:  # or SQLite has given it up, with an error that tells why
            self._db.execute("COMMIT")

    def fact(self, name: str) -> str | None:
        """Something that was noted beside the paths."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def get(self, path: str) -> Agreed | None:
        row: _Row | None = self._db.execute(_GET, (path,)).fetchone()
        return None if row is None else Agreed(*row)

    def put(self, path: str, agreed: Agreed) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO agreed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                agreed.kind,
                agreed.etag,
                agreed.mode,
                agreed.target,
                agreed.digest,
                agreed.ino,
                agreed.size,
                agreed.mtime,
                agreed.ctime,
                agreed.made,
            ),
        )

    def drop(self, path: str) -> None:
        self._db.execute("DELETE FROM agreed WHERE path = ?", (path,))

    def clear(self, root: str) -> None:
        """Forgets all below a path."""
        self._db.execute("DELETE FROM agreed WHERE path > ? AND path < ?", _below(root))

    def below(self, path: str) -> list[tuple[str, Agreed]]:
        """All below a path, in the order of their paths."""
        rows = self._db.execute(_BELOW, _below(path))
        return [(found, Agreed(*row)) for found, *row in rows]

    def paths_below(self, path: str) -> list[str]:
        return [
            found
            for (found,) in self._db.execute(
                "SELECT path FROM agreed WHERE path > ? AND path < ?", _below(path)
            )
        ]

    def with_ino(self, ino: int) -> list[tuple[str, Agreed]]:
        """The paths that have an inode on the disk."""
        return [(path, Agreed(*row)) for path, *row in self._db.execute(_WITH_INO, (ino,))]

    def with_etag(self, etag: str) -> list[tuple[str, Agreed]]:
        """The paths that have an etag in the store."""
        return [(path, Agreed(*row)) for path, *row in self._db.execute(_WITH_ETAG, (etag,))]

    def move(self, source: str, target: str) -> None:
        """Gives a path, and all below it, another name."""
        self._db.execute("UPDATE OR REPLACE agreed SET path = ? WHERE path = ?", (target, source))
        self._db.execute(
            "UPDATE OR REPLACE agreed SET path = ? || substr(path, ?) WHERE path > ? AND path < ?",
            (target, len(source) + 1, *_below(source)),
        )


def _below(path: str) -> tuple[str, str]:
    return f"{path}/", f"{path}0"  # 0 comes right behind the slash
