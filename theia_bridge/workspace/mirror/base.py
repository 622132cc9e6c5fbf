"""The table of what both sides last agreed on: in memory, and in a file that outlives the runtime.

The file is written without waiting for the disk: after the end of the process it is as it was; after that of
the machine it may be damaged, and is then begun anew, or older than the files, which `part` finds out.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TypeVar

import msgspec

from theia_bridge.workspace.mirror.states import Agreed

_K = TypeVar("_K", int, str)
FORMAT = 1
"""Of the file; one of another format is begun anew."""
_FILE = "base.sqlite"
_TABLES = """
CREATE TABLE agreed (
  path TEXT PRIMARY KEY, kind TEXT, etag TEXT, mode INTEGER, target TEXT, digest BLOB,
  ino INTEGER, size INTEGER, mtime INTEGER, ctime INTEGER, made INTEGER
) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
_ALL = "SELECT path, kind, etag, mode, target, digest, ino, size, mtime, ctime, made FROM agreed"
_PUT = "INSERT OR REPLACE INTO agreed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Base:
    """The table. Changes are kept by `commit`, and by `close`."""

    def __init__(self, folder: Path) -> None:
        """Opens the table in `folder`, or begins it. Raises `sqlite3.Error`, `OSError`."""
        self._rows: dict[str, Agreed] = {}
        self._names: dict[str, set[str]] = {}
        self._inodes: dict[int, set[str]] = {}
        self._etags: dict[str, set[str]] = {}
        self._facts: dict[str, str] = {}
        self._changed: set[str] = set()
        self._file = folder / _FILE
        try:
            self._open()
        except (sqlite3.Error, UnicodeDecodeError):
            self._rows.clear()
            self._facts.clear()
            for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm"):
                with contextlib.suppress(FileNotFoundError):
                    (folder / name).unlink()
            self._open()
        for path, row in self._rows.items():
            self._note(path, row)

    def _open(self) -> None:
        db = sqlite3.connect(self._file, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")
            ((version,),) = db.execute("PRAGMA user_version")
            if version == 0:
                db.executescript(f"BEGIN; {_TABLES} COMMIT;")
            elif version != FORMAT:
                raise sqlite3.DatabaseError(f"the table is of format {version}")
            self._rows = {path: Agreed(*row) for path, *row in db.execute(_ALL)}
            self._facts = dict(db.execute("SELECT name, value FROM facts").fetchall())
        except BaseException:
            db.close()
            raise
        self._db = db

    def close(self) -> None:
        self.commit()
        self._db.close()

    def commit(self) -> None:
        """Keeps what has changed."""
        if not self._changed:
            return
        changed, self._changed = self._changed, set()
        rows = {path: self._rows.get(path) for path in changed}
        self._db.execute("BEGIN")
        self._db.executemany(
            "DELETE FROM agreed WHERE path = ?", [(path,) for path, row in rows.items() if row is None]
        )
        self._db.executemany(
            _PUT, [(path, *msgspec.structs.astuple(row)) for path, row in rows.items() if row is not None]
        )
        self._db.execute("COMMIT")

    def fact(self, name: str) -> str | None:
        """Something that was noted beside the paths."""
        return self._facts.get(name)

    def note(self, name: str, value: str) -> None:
        self._facts[name] = value
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def get(self, path: str) -> Agreed | None:
        return self._rows.get(path)

    def put(self, path: str, agreed: Agreed) -> None:
        self._forget(path)
        self._rows[path] = agreed
        self._note(path, agreed)
        self._changed.add(path)

    def drop(self, path: str) -> None:
        if path in self._rows:
            self._forget(path)
            del self._rows[path]
            self._changed.add(path)
            while path and path not in self._rows and path not in self._names:
                folder, _, name = path.rpartition("/")
                _take(self._names, folder, name)
                path = folder

    def clear(self, folder: str) -> None:
        """Forgets all below a path."""
        for path in self.paths_below(folder):
            self.drop(path)

    def children(self, folder: str) -> list[str]:
        """The paths in a folder, not those further below; also of folders that are not in the table."""
        return [f"{folder}/{name}" for name in self._names.get(folder, ())]

    def paths_below(self, folder: str) -> list[str]:
        """All paths below one, those of folders before what is in them."""
        found = self.children(folder)
        for path in found:
            if path in self._names:
                found += self.children(path)
        return found

    def below(self, folder: str) -> list[tuple[str, Agreed]]:
        """The same with what was agreed on."""
        return [(path, self._rows[path]) for path in self.paths_below(folder) if path in self._rows]

    def with_ino(self, ino: int) -> list[tuple[str, Agreed]]:
        """The paths that have an inode on the disk."""
        return [(path, self._rows[path]) for path in self._inodes.get(ino, ())]

    def with_etag(self, etag: str) -> list[tuple[str, Agreed]]:
        """The paths that have an etag in the store."""
        return [(path, self._rows[path]) for path in self._etags.get(etag, ())]

    def move(self, source: str, target: str) -> None:
        """Gives a path, and all below it, another name."""
        moved = [source, *self.paths_below(source)]
        rows = [(path, self._rows[path]) for path in moved if path in self._rows]
        for path, _ in rows:
            self.drop(path)
        self.clear(target)
        for path, row in rows:
            self.put(target + path[len(source) :], row)

    def _note(self, path: str, row: Agreed) -> None:
        at = path
        while at:
            folder, _, name = at.rpartition("/")
            names = self._names.setdefault(folder, set())
            if name in names:
                break
            names.add(name)
            at = folder
        self._inodes.setdefault(row.ino, set()).add(path)
        self._etags.setdefault(row.etag, set()).add(path)

    def _forget(self, path: str) -> None:
        row = self._rows.get(path)
        if row is None:
            return
        _take(self._inodes, row.ino, path)
        _take(self._etags, row.etag, path)


def _take(index: dict[_K, set[str]], key: _K, value: str) -> None:
    values = index.get(key)
    if values is not None:
        values.discard(value)
        if not values:
            del index[key]
