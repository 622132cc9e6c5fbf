"""Contents that were read lately, in memory: they never change, so none of them can be out of date."""

from __future__ import annotations

from collections import OrderedDict

SHARE = 32
"""A content larger than this part of the cache is not kept: it would push out too many others."""


class ContentCache:
    """Whole contents by tenant and SHA-256; what was not used for longest goes first.

    Equal contents of two tenants are kept apart, so that the time of an answer does not tell one tenant what
    another has.

    Args:
        limit: bytes kept at most; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self._size

    def get(self, tenant: str, sha256: bytes) -> bytes | None:
        """The content, if it is kept."""
        key = (tenant, sha256)
        data = self._kept.get(key)
        if data is not None:
            self._kept.move_to_end(key)
        return data

    def takes(self, size: int) -> bool:
        """Whether a content of that size would be kept."""
        return 0 < size <= self._limit // SHARE

    def put(self, tenant: str, sha256: bytes, data: bytes) -> None:
        """Keeps a content."""
        key = (tenant, sha256)
        if key in self._kept or not self.takes(len(data)):
            return
        self._kept[key] = data
        self._size += len(data)
        while self._size > self._limit:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone)
