"""What can go wrong with stored data, as one tree.

StoreError
├── engine: KeyTooLarge ValueTooLarge TransactionTooLarge TransactionTooOld BodySuspended
│           DatabaseClosed StoreFull StoreInUse StoreUnavailable StoreUnusable
├── FileError: FileExists FileNotFound FileNotADirectory FileIsADirectory DirectoryNotEmpty
│              InvalidPath FileTooLarge NoPermissions
├── search: InvalidPattern SearchUnavailable
└── Conflict ContentDamaged CursorExpired InvalidCursor QuotaExceeded RecordExists RecordNotFound

Codes and HTTP statuses are not decided here but in `theia_bridge.errors`.
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of all. The message names what was wrong and what to do, fit to be shown to the caller."""


class KeyTooLarge(StoreError):
    """A key is longer than `engine.KEY_LIMIT`."""


class ValueTooLarge(StoreError):
    """A value is longer than `engine.VALUE_LIMIT`."""


class TransactionTooLarge(StoreError):
    """One transaction wrote more than `engine.TRANSACTION_LIMIT`."""


class TransactionTooOld(StoreError):
    """One transaction was open for longer than `engine.TRANSACTION_SECONDS`."""


class BodySuspended(StoreError):
    """A transaction body awaited something other than its transaction: an error in the program."""


class DatabaseClosed(StoreError):
    """The database was used after it was closed."""


class StoreFull(StoreError):
    """No room on the disk or in the map; the transaction was not saved."""


class StoreInUse(StoreError):
    """Another process has the embedded store open."""


class StoreUnavailable(StoreError):
    """The store does not answer now; the same call may succeed later."""


class StoreUnusable(StoreError):
    """The store cannot be opened: no C library, a bad URL, a newer format."""


class FileError(StoreError):
    """Base of what the file system refuses."""


class FileExists(FileError):
    """The target is there already."""


class FileNotFound(FileError):
    """Nothing is at that path, or its parent folder is missing."""


class FileNotADirectory(FileError):
    """A folder is needed where a file is."""


class FileIsADirectory(FileError):
    """A file is needed where a folder is."""


class DirectoryNotEmpty(FileError):
    """A folder with entries is deleted only with `recursive`."""


class InvalidPath(FileError):
    """A name or path that the file system refuses."""


class FileTooLarge(FileError):
    """The content is larger than allowed."""


class NoPermissions(FileError):
    """The caller may not do that here."""


class InvalidPattern(StoreError):
    """A pattern or glob to search for that cannot be understood."""


class SearchUnavailable(StoreError):
    """The server cannot search, or not that; the message says why."""


class Conflict(StoreError):
    """The thing has changed since the caller saw it."""


class ContentDamaged(StoreError):
    """Bytes of a file are missing in the store, or are not those that were stored."""


class CursorExpired(StoreError):
    """The feed no longer reaches back to that cursor: read the state anew."""


class InvalidCursor(StoreError):
    """A text that is no cursor of this query."""


class QuotaExceeded(StoreError):
    """It would take the tenant, user or session past its quota."""


class RecordExists(StoreError):
    """A record with that key or unique value exists."""


class RecordNotFound(StoreError):
    """No such record in the caller's scope."""
