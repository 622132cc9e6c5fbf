"""A session with its files on both sides: the store as the IDE sees it, and the disk as its programs do."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
from msgspec import Struct

from rpc import RpcError
from tests.process import Server
from tests.workspace.terminals import PATIENCE, Person
from theia_bridge.methods.protocol import (
    CreateDirectoryParams,
    CreateSymlinkParams,
    DeleteParams,
    Directory,
    DirectoryEntry,
    FileContent,
    MoveParams,
    PathParams,
    ReadDirectoryParams,
    ReadFileParams,
    SetAttributesParams,
    Stat,
    WriteFileParams,
)
from theia_bridge.workspace.mirror.protocol import MirrorSettled

MODES = 0o777


class Thing(Struct, frozen=True):
    """What a path stands for, on either side; `mode` is None for a link."""

    kind: str
    mode: int | None
    content: bytes | str | None = None


Tree = dict[str, Thing]


class Mirrored:
    """A person whose workspace runs."""

    def __init__(self, person: Person, folder: Path) -> None:
        self.person = person
        self.folder = folder

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, server: Server, email: str = "ada@example.com") -> AsyncIterator[Mirrored]:
        """A new account with its workspace running, and both sides equal."""
        async with Person.register(server, email) as person:
            mirrored = cls(person, folder_of(server, person.token))
            await mirrored.run()
            yield mirrored

    async def sync(self) -> MirrorSettled:
        """Waits until both sides are equal."""
        async with asyncio.timeout(PATIENCE):
            return await self.person.client.call("workspace.sync", None, MirrorSettled)

    async def run(self) -> None:
        """Has the workspace run, also if it has just crashed, and both sides equal."""
        while True:
            try:
                await self.person.client.call("workspace.start", None, object)
                await self.sync()
            except RpcError as error:
                if error.kind != "Unavailable":
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def shell(self, script: str, *, strict: bool = True) -> str:
        """What a script says that is run in `/workspace`; `strict` ends it at the first error."""
        terminal = await self.person.create("/bin/bash", "-ec" if strict else "-c", script)
        async with self.person.attach(terminal.id) as attached:
            end = await attached.to_end()
        await self.person.close(terminal)
        said = attached.seen.decode(errors="replace")
        assert end.code == 0, said
        return said

    def on_disk(self, path: str) -> Path:
        """Where a path is on this machine."""
        return self.folder / path.removeprefix("/")

    # As the IDE does it

    async def save(self, path: str, content: bytes | str, **given: object) -> Stat:
        data = content.encode() if isinstance(content, str) else content
        params = WriteFileParams(path=path, content=data, **given)  # type: ignore[arg-type]
        return await self.person.client.call("fs.writeFile", params, Stat)

    async def read(self, path: str) -> bytes:
        found = await self.person.client.call("fs.readFile", ReadFileParams(path=path), FileContent)
        return found.content

    async def stat(self, path: str) -> Stat | None:
        try:
            return await self.person.client.call("fs.stat", PathParams(path=path), Stat)
        except RpcError as error:
            if error.kind not in ("FileNotFound", "FileNotADirectory"):
                raise
            return None

    async def etag(self, path: str) -> str:
        found = await self.stat(path)
        assert found is not None, path
        return found.etag

    async def make_folder(self, path: str) -> None:
        await self.person.client.call("fs.createDirectory", CreateDirectoryParams(path=path), Stat)

    async def link(self, path: str, target: str) -> None:
        params = CreateSymlinkParams(path=path, target=target)
        await self.person.client.call("fs.createSymlink", params, Stat)

    async def rename(self, source: str, target: str) -> None:
        await self.person.client.call("fs.rename", MoveParams(source=source, target=target), Stat)

    async def set_mode(self, path: str, mode: int) -> None:
        await self.person.client.call("fs.setAttributes", SetAttributesParams(path=path, mode=mode), Stat)

    async def delete(self, path: str) -> None:
        await self.person.client.call("fs.delete", DeleteParams(path=path, recursive=True))

    async def names(self, path: str) -> list[str]:
        return [entry.name for entry in await self._entries(path)]

    async def _entries(self, path: str) -> list[DirectoryEntry]:
        found: list[DirectoryEntry] = []
        after: str | None = ""
        while after is not None:
            params = ReadDirectoryParams(path=path, after=after)
            page = await self.person.client.call("fs.readDirectory", params, Directory)
            found += page.entries
            after = page.next
        return found

    # Both

    async def stored_tree(self, path: str = "/workspace") -> Tree:
        """All that is stored below a folder."""
        found: Tree = {}
        for entry in await self._entries(path):
            below, info = f"{path}/{entry.name}", entry.stat
            if info.type == "directory":
                found[below] = Thing("directory", info.mode)
                found |= await self.stored_tree(below)
            elif info.type == "symlink":
                found[below] = Thing("symlink", None, info.target)
            else:
                found[below] = Thing("file", info.mode, await self.read(below))
        return found

    def disk_tree(self, path: str = "/workspace") -> Tree:
        """All that is on the disk below a folder."""
        found: Tree = {}
        for at in sorted(self.on_disk(path).iterdir()):
            below, info = f"{path}/{at.name}", at.lstat()
            mode = stat.S_IMODE(info.st_mode) & MODES
            if stat.S_ISDIR(info.st_mode):
                found[below] = Thing("directory", mode)
                found |= self.disk_tree(below)
            elif stat.S_ISLNK(info.st_mode):
                found[below] = Thing("symlink", None, str(at.readlink()))
            else:
                found[below] = Thing("file", mode, at.read_bytes())
        return found

    async def equal(self, path: str = "/workspace") -> Tree:
        """Waits until both sides are equal, makes sure of it, and tells what they are."""
        await self.sync()
        stored, there = await self.stored_tree(path), self.disk_tree(path)
        different = {
            path: (stored.get(path), there.get(path))
            for path in stored.keys() | there.keys()
            if stored.get(path) != there.get(path)
        }
        assert not different, different
        return stored


def folder_of(server: Server, token: str) -> Path:
    """The folder of a session on this machine."""
    claims = jwt.decode(token, options={"verify_signature": False})
    root = Path(str(server.settings["WORKSPACE_FOLDER"]))
    return root / str(claims["tid"]) / str(claims["sid"])
