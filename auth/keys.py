"""The keys that sign access tokens: a folder with one file for each, shared by all gateways.

A key's id begins with the millisecond it was made, so that ids sort by age and the files need no other
bookkeeping. A new key is published first and signs a settling time later, when every gateway has read it;
the key before it goes on verifying until the last token it signed has expired. So nobody is signed out by
a rotation, and an unknown key id never makes a gateway look at the disk.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

Algorithm = Literal["EdDSA", "HS256"]

SETTLE_SECONDS = 60
"""Seconds between the making of a new key and its first signature."""
RELOADS = 3
"""How many times in the settling time a ring in use looks at its folder."""
LEEWAY_SECONDS = 30
"""Seconds by which the clocks of those who make and check tokens may differ."""

_log = logging.getLogger(__name__)
_SUFFIX: dict[str, Algorithm] = {".pem": "EdDSA", ".hs256": "HS256"}


class KeysUnusable(Exception):
    """The key folder cannot be used as it is. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. What it may be used with is said here and never by a token's header (RFC 8725, 3.1)."""

    kid: str
    algorithm: Algorithm
    signer: Ed25519PrivateKey | bytes = field(repr=False, compare=False)
    verifier: Ed25519PublicKey | bytes = field(repr=False, compare=False)

    @property
    def made_at(self) -> float:
        """Seconds since 1970."""
        return int(self.kid.partition("-")[0]) / 1000


class Jwk(msgspec.Struct, frozen=True):
    """A public key as RFC 8037 writes it; `x` is the key itself."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


@dataclass(frozen=True, slots=True)
class Use:
    """What a key does now.

    Args:
        signs_from: seconds since 1970.
        verifies_until: the same; None while no newer key is there.
    """

    key: Key
    signs: bool
    signs_from: float
    verifies_until: float | None


class KeyRing:
    """The keys in a folder. Use `KeyRing.open`, or `KeyRing.read` to look only.

    Args:
        token_seconds: the longest life of a token; so long a key verifies after its successor signs.
        settle_seconds: between the making of a new key and its first signature.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        *,
        token_seconds: float,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._token_seconds = token_seconds
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._keys: list[Key] = []
        self._loaded_at = float("-inf")

    @classmethod
    def open(
        cls,
        folder: Path,
        algorithm: Algorithm = "EdDSA",
        *,
        token_seconds: float,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> KeyRing:
        """Reads the folder; makes it and a first key when there is none yet. Blocks on the disk.

        Several processes may do this at once: one makes the key and the others read it. When the newest
        key is of another algorithm, a new one is made, as `rotate` does.

        Raises:
            KeysUnusable: the folder or a file in it is open to everybody, unreadable or damaged.
        """
        ring = cls.read(folder, token_seconds=token_seconds, settle_seconds=settle_seconds, clock=clock)
        if not ring._keys or ring._keys[-1].algorithm != algorithm:
            with ring._locked():
                ring._load()
                if not ring._keys or ring._keys[-1].algorithm != algorithm:
                    ring._make(algorithm)
                    ring._load()
        return ring

    @classmethod
    def read(
        cls,
        folder: Path,
        *,
        token_seconds: float,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> KeyRing:
        """Reads the folder, which may be empty or not there. Blocks on the disk. Raises as `open`."""
        ring = cls(folder, token_seconds=token_seconds, settle_seconds=settle_seconds, clock=clock)
        ring._load()
        return ring

    def rotate(self, algorithm: Algorithm | None = None, *, leaked: bool = False) -> Key:
        """Makes a new key, to sign once it has settled, and deletes those no token can need.

        Blocks on the disk.

        Args:
            algorithm: that of the newest key when not given.
            leaked: somebody else may have the keys, so all of them are deleted and the new one signs at
                once. Tokens of the old ones are refused as soon as a gateway looks at the folder.
        """
        with self._locked():
            self._load()
            key = self._make(algorithm or self._keys[-1].algorithm)
            self._load()
            kept = [key] if leaked else self.standing()
            for old in self._keys:
                if old not in kept:
                    self._path(old).unlink(missing_ok=True)
            self._load()
        return key

    async def refresh(self) -> None:
        """Reads the folder again if that was not done lately. A folder that fails changes nothing."""
        if self._clock() - self._loaded_at < self.reload_seconds:
            return
        self._loaded_at = self._clock()
        try:
            await asyncio.to_thread(self._load)
        except KeysUnusable as error:
            _log.error("%s The keys read before stay in use.", error)

    @property
    def signing(self) -> Key:
        """The key to sign with now."""
        ready = [key for key in self._keys if key.made_at + self._settle_seconds <= self._clock()]
        return ready[-1] if ready else self._keys[0]

    def standing(self) -> list[Key]:
        """Keys that sign, will sign, or signed tokens that may still be valid; no token of another is."""
        now = self._clock()
        return [use.key for use in self.uses() if use.verifies_until is None or use.verifies_until > now]

    def uses(self) -> list[Use]:
        """All keys in the folder, the oldest first, and what they do."""
        grace = self._settle_seconds + self._token_seconds + LEEWAY_SECONDS
        signing = self.signing if self._keys else None
        return [
            Use(
                key,
                signs=key is signing,
                signs_from=key.made_at + self._settle_seconds,
                verifies_until=None if successor is None else successor.made_at + grace,
            )
            for key, successor in zip_longest(self._keys, self._keys[1:])
        ]

    def published(self) -> list[Jwk]:
        """The public keys of those that stand. An HS256 key has none: who could check its tokens could
        make them too."""
        return [
            Jwk(key.kid, _base64url(key.verifier.public_bytes(Encoding.Raw, PublicFormat.Raw)))
            for key in self.standing()
            if isinstance(key.verifier, Ed25519PublicKey)
        ]

    @property
    def reload_seconds(self) -> float:
        """How often a ring in use looks at its folder."""
        return self._settle_seconds / RELOADS

    def _path(self, key: Key) -> Path:
        return self.folder / (key.kid + (".pem" if key.algorithm == "EdDSA" else ".hs256"))

    def _load(self) -> None:
        keys: list[Key] = []
        try:
            for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
                if path.suffix in _SUFFIX:
                    with suppress(FileNotFoundError):  # a rotation elsewhere deleted it just now
                        keys.append(_read(path))
        except OSError as error:
            raise KeysUnusable(f"The key folder {self.folder} cannot be read: {error.strerror}.") from error
        if self._keys and not keys:
            raise KeysUnusable(f"The key folder {self.folder} is empty.")
        self._keys = keys
        self._loaded_at = self._clock()

    def _make(self, algorithm: Algorithm) -> Key:
        """Writes a new key. The file appears whole or not at all."""
        newest = int(self._keys[-1].kid.partition("-")[0]) if self._keys else 0
        made = max(int(self._clock() * 1000), newest + 1)
        kid = f"{made:015d}-{secrets.token_hex(4)}"
        if algorithm == "EdDSA":
            content = Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            suffix = ".pem"
        else:
            content = base64.b64encode(secrets.token_bytes(32)) + b"\n"
            suffix = ".hs256"
        path = self.folder / (kid + suffix)
        partial = self.folder / f".{kid}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        return _read(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other processes from writing to the folder."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KeysUnusable(
                f"The key folder {self.folder} cannot be written: {error.strerror}."
            ) from error


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _read(path: Path) -> Key:
    mode = path.stat().st_mode
    if mode & 0o007:
        raise KeysUnusable(f"The key file {path} is open to everybody. Run: chmod 600 '{path}'")
    content = path.read_bytes()
    kid = path.stem
    try:
        int(kid.partition("-")[0])
        if _SUFFIX[path.suffix] == "HS256":
            secret = base64.b64decode(content.strip(), validate=True)
            if len(secret) < 32:  # RFC 7518, 3.2
                raise ValueError
            return Key(kid, "HS256", secret, secret)
        private = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        raise KeysUnusable(f"The key file {path} is damaged. Restore it, or delete it.") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeysUnusable(f"The key file {path} is not an Ed25519 key.")
    return Key(kid, "EdDSA", private, private.public_key())
