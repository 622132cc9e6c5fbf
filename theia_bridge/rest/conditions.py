"""Conditional and range headers, as RFC 9110 has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web

_ETAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')
_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII)
_DIGITS = 19
"""Digits of a position that are looked at: a file of more bytes than these cannot be."""


@dataclass(frozen=True, slots=True)
class Etags:
    """The etags of an `If-Match` or `If-None-Match` header; true when there is such a header.

    Args:
        any: it is `*`: any version will do.
        strong, weak: the etags given without and with `W/`.
    """

    given: bool = False
    any: bool = False
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    @classmethod
    def of(cls, request: web.Request, header: str) -> Etags:
        """Reads a header. Raises `HTTPBadRequest` for one that is no list of etags."""
        values = request.headers.getall(header, [])
        if not values:
            return cls()
        text = ",".join(values).strip()
        if text == "*":
            return cls(given=True, any=True)
        found: dict[bool, set[str]] = {True: set(), False: set()}
        at = 0
        while at < len(text):
            match = _ETAG.match(text, at)
            if match is None:
                raise web.HTTPBadRequest(text=f'{header} must be "*" or a list of etags in quotes.')
            found[match[1] is not None].add(match[2])
            at = match.end()
        if not at:
            raise web.HTTPBadRequest(text=f'{header} is empty: it must be "*" or a list of etags in quotes.')
        return cls(given=True, strong=frozenset(found[False]), weak=frozenset(found[True]))

    def __bool__(self) -> bool:
        return self.given

    def match(self, etag: str | None, *, otherwise: bool, weak: bool = False) -> bool:
        """Whether the header names this etag.

        Args:
            etag: None when there is no file.
            otherwise: the answer without such a header.
            weak: compare weakly, as `If-None-Match` does.
        """
        if not self.given:
            return otherwise
        if etag is None:
            return False
        return self.any or etag in self.strong or (weak and etag in self.weak)


class Range(NamedTuple):
    """Bytes from `start` to before `end`; none of them can be given when `start >= end`."""

    start: int
    end: int


def parse_range(header: str | None, size: int) -> Range | None:
    """The range of a file that a `Range` header asks for, or None for the whole file.

    A header that is malformed, or asks for several ranges, is passed over, as RFC 9110 allows.
    """
    match = None if header is None else _RANGE.fullmatch(header)
    if match is None or len(match[1]) > _DIGITS or len(match[2]) > _DIGITS:
        return None
    first, last = match[1], match[2]
    if not first:
        if not last:
            return None
        return Range(max(0, size - int(last)), size) if int(last) else Range(size, size)
    if last and int(last) < int(first):
        return None
    return Range(int(first), min(size, int(last) + 1) if last else size)
