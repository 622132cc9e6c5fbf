"""Every key of the store, and nothing else builds one.

Keys are tuples in FoundationDB's tuple encoding, so both engines hold the same bytes. Each begins with
the tenant; what must be found before the tenant is known (an e-mail address at login), and the engine's
own bookkeeping, belong to the tenant `SYSTEM`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import fdb.tuple

from fdb_provider.scope import Scope

SYSTEM = ""
"""The tenant of what belongs to no tenant. No real tenant id is empty."""


def _text(part: str) -> bytes:
    data = part.encode()
    return b"\x02" + (data.replace(b"\x00", b"\x00\xff") if b"\x00" in data else data) + b"\x00"


def _raw(part: bytes) -> bytes:
    return b"\x01" + (part.replace(b"\x00", b"\x00\xff") if b"\x00" in part else part) + b"\x00"


def _integer(part: int) -> bytes:
    if not 0 <= part < 1 << 63:  # beyond, the encoding changes
        return cast(bytes, fdb.tuple.pack((part,)))
    length = (part.bit_length() + 7) // 8
    return bytes((0x14 + length,)) + part.to_bytes(length, "big")


_PACKERS: dict[type, Callable[[Any], bytes]] = {str: _text, bytes: _raw, int: _integer}


def pack(*parts: str | int | bytes) -> bytes:
    """The key of a tuple: what `fdb.tuple.pack` makes of strings, bytes and integers below 2**64.

    Written out because it was a tenth of a read and half of a write's own time in the library.
    """
    return b"".join([_PACKERS[type(part)](part) for part in parts])


def unpack(key: bytes, prefix: bytes = b"") -> tuple[Any, ...]:
    """The tuple behind `prefix` in `key`."""
    return cast("tuple[Any, ...]", fdb.tuple.unpack(key, len(prefix)))


def range_of(prefix: bytes) -> tuple[bytes, bytes]:
    """Begin and end of all keys that continue the packed tuple `prefix` (not `prefix` itself)."""
    return prefix + b"\x00", prefix + b"\xff"


# --- engine -----------------------------------------------------------------------------------------


def commits() -> bytes:
    """(SYSTEM, "commit", minute, id): a transaction that was committed, until its retry cannot come."""
    return pack(SYSTEM, "commit")


def format_version() -> bytes:
    """(SYSTEM, "format") → format version of the store."""
    return pack(SYSTEM, "format")


def migration() -> bytes:
    """(SYSTEM, "migration") → to which format version the store is being brought, and how far that is."""
    return pack(SYSTEM, "migration")


def first_part(key: bytes, start: int) -> bytes:
    """The packed string or bytes that begins at `start` in a key."""
    end = key.index(b"\x00", start + 1)
    while key[end + 1 : end + 2] == b"\xff":
        end = key.index(b"\x00", end + 2)
    return key[start : end + 1]


# --- records ----------------------------------------------------------------------------------------


def records(tenant: str, collection: str) -> bytes:
    """(tenant, "record", collection, *primary key) → record."""
    return pack(tenant, "record", collection)


def index(tenant: str, collection: str, name: str) -> bytes:
    """(tenant, "index", collection, name, *values, *primary key) → empty, or the key if unique."""
    return pack(tenant, "index", collection, name)


def indexes_kept() -> bytes:
    """(SYSTEM, "indexes-kept", collection) → the indexes that every writer of the collection keeps."""
    return pack(SYSTEM, "indexes-kept")


@lru_cache(maxsize=4096)
def index_complete(collection: str, name: str) -> bytes:
    """(SYSTEM, "index-complete", collection, name) → the index as it is declared, once it has all records."""
    return pack(SYSTEM, "index-complete", collection, name)


def index_work() -> bytes:
    """(SYSTEM, "index-work", collection, name) → how far that index is built, and by whom."""
    return pack(SYSTEM, "index-work")


def revocations() -> bytes:
    """(SYSTEM, "revocation", versionstamp, family) → a token family that was revoked or changed."""
    return pack(SYSTEM, "revocation")


def revocations_head() -> bytes:
    """(SYSTEM, "revocation-head"): a counter that changes with every entry of that feed."""
    return pack(SYSTEM, "revocation-head")


def attempts(*parts: str | int | bytes) -> bytes:
    """(SYSTEM, "attempts", window, kind, subject): a counter of failed sign-ins in one window of time."""
    return pack(SYSTEM, "attempts", *parts)


def rates(*parts: str | int | bytes) -> bytes:
    """(SYSTEM, "rate", minute, budget, subject) → how much was done in which second of that minute."""
    return pack(SYSTEM, "rate", *parts)


def collector() -> bytes:
    """(SYSTEM, "collector") → how far the pass is that forgets what need not be kept, and whose it is."""
    return pack(SYSTEM, "collector")


def gateways() -> bytes:
    """(SYSTEM, "gateway", gateway) → a sign of life of a gateway."""
    return pack(SYSTEM, "gateway")


def windows_of(gateway: str) -> bytes:
    """(SYSTEM, "windows-of", gateway, tenant, session, user, window): a window of that gateway."""
    return pack(SYSTEM, "windows-of", gateway)


def windows(tenant: str, session: str) -> bytes:
    """(tenant, "windows", session, user, window) → a window in which that session is open; without the last
    two it is the signal that they have changed."""
    return pack(tenant, "windows", session)


def indexes(tenant: str, collection: str) -> bytes:
    """Prefix of all indexes of a collection."""
    return pack(tenant, "index", collection)


def sessions_signal(tenant: str, user: str) -> bytes:
    """(tenant, "user", user, "sessions-signal"): a signal that one of the user's sessions has changed.

    It is in the root of their home, and goes with it.
    """
    return pack(tenant, "user", user, "sessions-signal")


def all_message_parts(tenant: str) -> bytes:
    """Prefix of the parts of all messages of a tenant."""
    return pack(tenant, "message")


def message_parts(tenant: str, user: str, conversation: str) -> bytes:
    """(tenant, "message", user, conversation, position, i) → part i of the body of a message."""
    return pack(tenant, "message", user, conversation)


# --- files ------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def tenant(tenant_id: str) -> bytes:
    """Prefix of all that is a tenant's."""
    return pack(tenant_id)


def roots(tenant: str, owner: str) -> bytes:
    """Prefix of the file roots of all sessions (owner `session`) or users (`user`) of a tenant."""
    return pack(tenant, owner)


@lru_cache(maxsize=4096)
def root(scope: Scope, name: str) -> bytes:
    """Prefix of one file root: `workspace` belongs to the session, `home` to the user."""
    if name == "workspace":
        return pack(scope.tenant, "session", scope.session)
    return pack(scope.tenant, "user", scope.user)


def chat_news(scope: Scope) -> bytes:
    """(tenant, "session", session, "chat-news") → the last changes of the session's conversations; it is the
    signal that there was one, too. It goes with the session's files."""
    return root(scope, "workspace") + pack("chat-news")


def trash(root: bytes) -> bytes:
    """(root, "trash", id) → what was deleted, in the order of the time."""
    return root + pack("trash")


def all_trashed(root: bytes) -> bytes:
    """Prefix of the entries of everything that was deleted."""
    return root + pack("trashed")


def trashed(root: bytes, trash_id: str) -> bytes:
    """(root, "trashed", id): prefix of a file root of its own, with the entries of one deleted thing."""
    return root + pack("trashed", trash_id)


@lru_cache(maxsize=4096)
def entries(root: bytes) -> bytes:
    """(root, "files", directory, name) → entry."""
    return root + pack("files")


def entry(root: bytes, directory: str, name: str) -> bytes:
    # As `pack` makes it, at a third of the time: no part of a path has a NUL, so nothing is escaped.
    return b"%b\x02%b\x00\x02%b\x00" % (entries(root), directory.encode(), name.encode())


def lost(root: bytes) -> bytes:
    """(root, "lost", directory, name) → an entry whose content is gone, moved aside by a repair."""
    return root + pack("lost")


def entry_name(key: bytes, prefix_length: int) -> str:
    """The name in the key of an entry, behind a packed prefix of that length.

    The same as unpacking the tuple, at a tenth of its cost: a packed string is 0x02, its UTF-8, and 0x00,
    and only a NUL, which no name has, would be escaped.
    """
    return key[prefix_length + 1 : -1].decode()


def entry_path(key: bytes, prefix_length: int) -> tuple[str, str]:
    """Directory and name in the key of an entry, behind `entries` of that length; as fast as `entry_name`."""
    directory, _, name = key[prefix_length + 1 : -1].partition(b"\x00\x02")
    return directory.decode(), name.decode()


def branch(root: bytes, path: str) -> bytes:
    """What the keys of all entries below the folder `path` begin with, up to the end of its own path.

    Others begin with it too, such as those below `path2`; but a key below the folder becomes that of the same
    name below another when this part of it is exchanged.
    """
    return entries(root) + b"\x02" + path.encode()


def directory(root: bytes, path: str) -> tuple[bytes, bytes]:
    """Range of the entries directly in the folder `path`."""
    return range_of(entries(root) + pack(path))


def below(root: bytes, path: str) -> tuple[bytes, bytes]:
    """Range of the entries in sub-folders of the folder `path` ("" is the root), at any depth."""
    prefix = entries(root)
    if path == "":
        return prefix + pack("")[:-1] + b"\x01", prefix + b"\x03"
    return prefix + pack(path + "/")[:-1], prefix + pack(path + "0")[:-1]


@lru_cache(maxsize=4096)
def feed(root: bytes) -> bytes:
    """(root, "feed") + versionstamp → the changes of one transaction."""
    return root + pack("feed")


@lru_cache(maxsize=4096)
def feed_head(root: bytes) -> bytes:
    """(root, "feed-head"): a counter that changes with every entry of the feed."""
    return root + pack("feed-head")


@lru_cache(maxsize=4096)
def feed_trimmed(root: bytes) -> bytes:
    """(root, "feed-trimmed") → the last versionstamp that was trimmed from the feed."""
    return root + pack("feed-trimmed")


@lru_cache(maxsize=4096)
def feed_cut(root: bytes) -> bytes:
    """(root, "feed-cut") → how many records were trimmed from the feed, ever."""
    return root + pack("feed-cut")


def feed_audited(root: bytes) -> bytes:
    """(root, "feed-audited") → the last versionstamp of the feed that the audit tells of."""
    return root + pack("feed-audited")


@lru_cache(maxsize=4096)
def intent(root: bytes) -> bytes:
    """(root, "intent") → the change of a folder too large for one transaction that is under way there."""
    return root + pack("intent")


def intent_progress(root: bytes) -> bytes:
    """(root, "intent-progress") → how far that change is."""
    return root + pack("intent-progress")


def discarded(root: bytes) -> bytes:
    """(root, "discarded", i) → entries that such a change takes out of the tree, to be released behind it."""
    return root + pack("discarded")


def done(root: bytes, term: int, idempotency_key: str) -> bytes:
    """(root, "done", term, key) → the answer given in that term to that idempotency key."""
    return _done(root, term) + _text(idempotency_key)


@lru_cache(maxsize=4096)
def _done(root: bytes, term: int) -> bytes:
    return root + pack("done", term)


def done_before(root: bytes, term: int) -> tuple[bytes, bytes]:
    """Range of the answers given before a term."""
    prefix = root + pack("done")
    return range_of(prefix)[0], prefix + pack(term)


@lru_cache(maxsize=4096)
def usage(owner: bytes) -> bytes:
    """(owner, "usage"): a counter of what a root keeps, or a tenant in all its roots."""
    return owner + pack("usage")


def blobs(tenant: str) -> bytes:
    """Prefix of all chunks of a tenant."""
    return pack(tenant, "blob")


def blob(tenant: str, blob_id: bytes) -> bytes:
    """(tenant, "blob", blob, i) → chunk i."""
    return pack(tenant, "blob", blob_id)


def chunk(blob_key: bytes, i: int) -> bytes:
    return blob_key + pack(i)


@lru_cache(maxsize=4096)
def contents(tenant: str) -> bytes:
    """Prefix of the records of all contents of a tenant."""
    return pack(tenant, "content")


def content(tenant: str, sha256: bytes) -> bytes:
    """(tenant, "content", sha256) → size of that content, and its bytes or the blob they are in."""
    return contents(tenant) + _raw(sha256)


@lru_cache(maxsize=4096)
def reference_counts(tenant: str) -> bytes:
    """Prefix of the counters of references to all contents of a tenant."""
    return pack(tenant, "references")


def references(tenant: str, sha256: bytes) -> bytes:
    """(tenant, "references", sha256): how many entries refer to that content besides the first."""
    return reference_counts(tenant) + _raw(sha256)


@lru_cache(maxsize=4096)
def garbage(tenant: str) -> bytes:
    """(tenant, "garbage", ms, "blob", blob) or (…, "content", sha256, version): what ends at that time."""
    return pack(tenant, "garbage")


def all_versions(tenant: str) -> bytes:
    """(tenant, "history", file, saved, etag) → an earlier content of that file."""
    return pack(tenant, "history")


def versions(tenant: str, file_id: bytes) -> bytes:
    return pack(tenant, "history", file_id)


def version(tenant: str, file_id: bytes, saved: int, etag: str) -> bytes:
    return pack(tenant, "history", file_id, saved, etag)


def versions_due(tenant: str) -> bytes:
    """(tenant, "history-due", ms, file): when to look which versions of that file have had their time."""
    return pack(tenant, "history-due")


def doomed_versions(tenant: str) -> bytes:
    """(tenant, "doomed-history", file): a file that went for good, whose versions go too."""
    return pack(tenant, "doomed-history")


def forming(tenant: str) -> bytes:
    """(tenant, "forming", root) → until when a root that is being made, and that nobody can reach, is left
    alone: milliseconds since 1970, in 8 bytes."""
    return pack(tenant, "forming")


def doomed_roots(tenant: str) -> bytes:
    """(tenant, "doomed-root", root): a file root whose owner went for good, with all that is in it."""
    return pack(tenant, "doomed-root")


def all_but_entries(root: bytes) -> list[tuple[bytes, bytes]]:
    """Ranges of all that is a root's but the entries of its own and those in its trash."""
    begin, end = range_of(root)
    files, thrown = range_of(entries(root)), range_of(all_trashed(root))
    return [(begin, files[0]), (files[1], thrown[0]), (thrown[1], end)]


def doomed_entries(tenant: str) -> bytes:
    """(tenant, "doomed-entries", root): prefix of a file root nobody can reach, whose entries go."""
    return pack(tenant, "doomed-entries")
