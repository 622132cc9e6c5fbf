"""The diagnostics of all engines for a document, published as one list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

Item = dict[str, object]
Publish = Callable[["Published"], None]

GATHER_SECONDS = 0.25
"""How long the first engine that has looked at a text is waited with for the others."""
DOCUMENTS = 10_000
"""Documents of which something is kept."""
INSTEAD = {
    "F821": ("unknown-name", "unresolved-reference", "reportUndefinedVariable"),
    "reportUnusedImport": ("F401",),
    "reportUnusedVariable": ("F841",),
    "unused-import": ("F401",),
    "unused-parameter": ("ARG001",),
    "unused-variable": ("F841",),
}
"""Codes of which another engine says the same better, by these: only that is shown where both begin alike."""


class Published(msgspec.Struct, omit_defaults=True):
    """Params of `textDocument/publishDiagnostics`."""

    uri: str
    diagnostics: list[Item]
    version: int | None = None


class _Document:
    """What is said of one document.

    Attributes:
        version: of the text in the editor; None if it is not open.
        said: by engine, the version it has looked at, and what it has found.
    """

    def __init__(self) -> None:
        self.version: int | None = None
        self.said: dict[str, Published] = {}
        self.timer: asyncio.TimerHandle | None = None


class Diagnostics:
    """Gathers what engines publish.

    When an editor has changed a text, the engines answer one after the other. What they say is published once
    all have said something of the new text, or after `GATHER_SECONDS`; then with what a slower one has said
    of the text before.

    Args:
        expected: the names of the engines that publish, at the moment.
        publish: tells the editor.
    """

    def __init__(self, expected: Callable[[], Iterable[str]], publish: Publish) -> None:
        self._expected = expected
        self._publish = publish
        self._documents: dict[str, _Document] = {}
        self._sources: dict[str, set[str]] = {}

    def changed(self, uri: str, version: int) -> None:
        """The editor has opened a document, or changed its text."""
        self._documents.setdefault(uri, _Document()).version = version

    def closed(self, uri: str) -> None:
        if (document := self._documents.get(uri)) is not None:
            document.version = None

    def told(self, engine: str, params: msgspec.Raw) -> None:
        """An engine has published. What it said of an older text later is dropped.

        Raises:
            msgspec.ValidationError: these are no such params.
        """
        said = msgspec.json.decode(params, type=Published)
        sources = self._sources.setdefault(engine, set())
        for item in said.diagnostics:
            sources.add(str(item.setdefault("source", engine)))
        if said.uri not in self._documents and len(self._documents) >= DOCUMENTS:
            return
        document = self._documents.setdefault(said.uri, _Document())
        before = document.said.get(engine)
        if before is not None and _older(said.version, before.version):
            return
        if _older(said.version, document.version) and before is not None:
            return
        document.said[engine] = said
        if document.version is None or self._complete(document):
            self._tell(said.uri)
        elif document.timer is None:
            loop = asyncio.get_running_loop()
            document.timer = loop.call_later(GATHER_SECONDS, self._tell, said.uri)

    def forget(self, engine: str) -> None:
        """An engine says nothing any more."""
        for uri, document in list(self._documents.items()):
            if document.said.pop(engine, None) is not None:
                self._tell(uri)

    def of(self, engine: str, items: Iterable[object]) -> Sequence[object]:
        """Those of the editor's diagnostics that may be from an engine."""
        mine = self._sources.get(engine, set())
        others = {source for name, known in self._sources.items() if name != engine for source in known}
        foreign = others - mine
        return [item for item in items if not isinstance(item, dict) or item.get("source") not in foreign]

    def _complete(self, document: _Document) -> bool:
        """Whether all have looked at the text that is in the editor."""
        for engine in self._expected():
            said = document.said.get(engine)
            if said is None or _older(said.version, document.version):
                return False
        return True

    def _tell(self, uri: str) -> None:
        document = self._documents[uri]
        if document.timer is not None:
            document.timer.cancel()
            document.timer = None
        items = [item for said in document.said.values() for item in said.diagnostics]
        versions = [said.version for said in document.said.values() if said.version is not None]
        version = max(versions, default=None) if document.version is not None else None
        if document.version is None and not items:
            del self._documents[uri]
        self._publish(Published(uri=uri, diagnostics=_without_doubles(items), version=version))


def _older(one: int | None, other: int | None) -> bool:
    """Whether a version is older than another; those that are not known are not."""
    return one is not None and other is not None and one < other


def _without_doubles(items: Sequence[Item]) -> list[Item]:
    there = {(item.get("code"), _start(item)) for item in items}
    return [
        item
        for item in items
        if not any((code, _start(item)) in there for code in INSTEAD.get(str(item.get("code")), ()))
    ]


def _start(item: Item) -> tuple[object, object]:
    match item.get("range"):
        case {"start": {"line": line, "character": character}}:
            return line, character
    return None, None
