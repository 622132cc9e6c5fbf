"""What the console knows of files: watches, and the paths there are."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from rich.text import Text

from fdb_provider.files.feed import ChangeType
from rpc.client import Params
from rpc.console.link import Link
from rpc.console.shell import Command, Shell
from rpc.console.words import SyntaxFault, whole_words
from theia_bridge.methods.protocol import DidChange, Directory, DirectoryEntry, Watch

_PATHS = frozenset({"path", "source", "target", "roots", "cwd"})
"""Parameters that are paths."""
_ROOTS = ("/workspace", "/home")
_FOLDER = "folder"
_FRESH_SECONDS = 2.0
"""How long the entries of a folder are remembered, while a path is typed."""
_MARKS = {
    ChangeType.ADDED: ("+", "green"),
    ChangeType.UPDATED: ("~", "yellow"),
    ChangeType.DELETED: ("-", "red"),
}


class Files:
    """The watches that were begun with `watch`, and what `Tab` knows of folders."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._watches: dict[str, Watch] = {}
        self._folder: tuple[str, float, list[DirectoryEntry]] = ("", 0.0, [])

    def of(self, link: Link) -> tuple[Command, ...]:
        """Has it work on a connection; returns its commands."""
        self._link = link
        link.resumed.append(self._resume)
        doc = "Tells of changes below a path, also of those while there was no connection."
        return (
            Command("watch PATH", doc, self._watch, "value"),
            Command("unwatch [PATH]", "Ends a watch, or all.", self._unwatch, "value"),
        )

    async def ways(self, method: str, name: str, typed: str) -> Sequence[tuple[str, str]]:
        """Paths that begin with what is typed, for parameters that are paths."""
        if name not in _PATHS and method != "watch":
            return [(path, "watched") for path in self._watches] if method == "unwatch" else ()
        found = await self._below(typed)
        if found == [(typed, _FOLDER)]:
            found = await self._below(f"{typed}/")
        return found

    async def _below(self, typed: str) -> list[tuple[str, str]]:
        """Paths in the same folder as what is typed, as far as it is; with what they are."""
        folder = typed.rpartition("/")[0]
        if not folder:
            return [(root, _FOLDER) for root in _ROOTS if root.startswith(typed)]
        paths = ((f"{folder}/{entry.name}", entry.stat) for entry in await self._entries(folder))
        return [
            (path, _FOLDER if stat.type == "directory" else f"{stat.type}, {stat.size:,} bytes")
            for path, stat in paths
            if path.startswith(typed)
        ]

    def told(self, params: object) -> Text | None:
        """Puts `fs.didChange` into words."""
        did = msgspec.convert(params, DidChange)
        for path, watch in self._watches.items():
            if watch.watch_id == did.watch_id:
                self._watches[path] = Watch(watch_id=did.watch_id, cursor=did.cursor)
        if not did.changes:
            return None
        text = Text.assemble(("◂ fs.didChange", "cyan"))
        for change in did.changes:
            mark, style = _MARKS[change.type]
            text.append(f"  {mark} {change.path}", style=style)
        return text

    async def _entries(self, folder: str) -> list[DirectoryEntry]:
        known, at, entries = self._folder
        if known != folder or time.monotonic() - at > _FRESH_SECONDS:
            found = await self._ask("fs.readDirectory", {"path": folder})
            entries = msgspec.convert(found, Directory).entries
            self._folder = (folder, time.monotonic(), entries)
        return entries

    async def _ask(self, method: str, params: Params) -> object:
        assert self._link is not None
        return (await self._link.ask(method, params)).value

    async def _watch(self, shell: Shell, rest: str) -> None:
        found = whole_words(rest)
        if len(found) != 1:
            raise SyntaxFault("watch PATH")
        path = found[0].text.removeprefix("path=").rstrip("/") or "/"
        await self._begin(path, {"path": path})
        shell.screen.print(f"watching {path}")

    async def _begin(self, path: str, params: Params) -> None:
        self._watches[path] = msgspec.convert(await self._ask("fs.watch", params), Watch)

    async def _unwatch(self, shell: Shell, rest: str) -> None:
        paths = [word.text.rstrip("/") for word in whole_words(rest)] or list(self._watches)
        for path in paths:
            if path not in self._watches:
                raise SyntaxFault(f"{path} is not watched")
            await self._ask("fs.unwatch", {"watchId": self._watches.pop(path).watch_id})
            shell.screen.print(f"{path} is watched no more")

    async def _resume(self) -> None:
        """After another connection was made: nothing that has happened meanwhile is missed."""
        for path, watch in list(self._watches.items()):
            await self._begin(path, {"path": path, "cursor": watch.cursor})
