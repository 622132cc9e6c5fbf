"""Both sides are changed at random while runtime and gateway are killed: nothing is lost, both are equal."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import random
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

from rpc import ChannelClosed, RpcError
from tests.process import Server
from tests.workspace.mirrored import Mirrored, Tree, folder_of
from tests.workspace.terminals import Person
from tests.workspace.test_runtimes import children
from theia_bridge.methods.protocol import DeleteParams, MoveParams, Stat, WriteFileParams
from theia_bridge.workspace import sandbox

NAMES = ("a", "b", "c", "d.txt", "ü")
NOREPLACE, EXCHANGE = 1, 2
STEPS = 120
_libc = ctypes.CDLL(None, use_errno=True)


class Texts:
    """All texts that were ever written, and those that somebody replaced or deleted who saw them."""

    def __init__(self) -> None:
        self.written: set[bytes] = set()
        self.over: set[bytes] = set()
        self._count = 0

    def new(self) -> bytes:
        self._count += 1
        return f"text {self._count}\n".encode() * (1 + self._count % 7)

    def check(self, tree: Tree) -> None:
        there = {thing.content for thing in tree.values() if thing.kind == "file"}
        lost = self.written - self.over - there
        assert not lost, f"lost: {sorted(lost)}"


class Programs:
    """Changes the disk as programs do, but so that what each change replaces is known for certain."""

    def __init__(self, folder: Path, texts: Texts, chance: random.Random) -> None:
        self._root = folder / "workspace"
        self._aside = folder / "aside"
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir()
        self._texts = texts
        self._chance = chance
        self._count = 0

    def step(self) -> None:
        with contextlib.suppress(OSError):
            self._chance.choice(
                (
                    self._write,
                    self._write,
                    self._write,
                    self._remove,
                    self._rename,
                    self._rename,
                    self._folder,
                    self._mode,
                    self._link,
                )
            )()

    def _path(self) -> Path:
        depth = self._chance.choice((1, 1, 2, 2, 3))
        return self._root.joinpath(*(self._chance.choice(NAMES) for _ in range(depth)))

    def _spare(self) -> Path:
        self._count += 1
        return self._aside / str(self._count)

    def _write(self) -> None:
        path, spare, text = self._path(), self._spare(), self._texts.new()
        spare.write_bytes(text)
        sandbox.give(spare)
        spare.chmod(self._chance.choice((0o644, 0o755, 0o600)))
        if path.is_symlink() or path.is_dir():
            return
        try:
            _move(spare, path, EXCHANGE)
        except FileNotFoundError:
            _move(spare, path, NOREPLACE)
        self._texts.written.add(text)
        self._put_away(spare, path)

    def _put_away(self, spare: Path, path: Path) -> None:
        """What was displaced was seen; a folder is put back."""
        if not spare.is_symlink() and not spare.exists():
            return
        if spare.is_dir() and not spare.is_symlink():
            _move(spare, path, EXCHANGE)
            self._texts.over.add(spare.read_bytes())
        elif not spare.is_symlink():
            self._texts.over.add(spare.read_bytes())
        spare.unlink()

    def _remove(self) -> None:
        path, spare = self._path(), self._spare()
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            return
        _move(path, spare, NOREPLACE)
        if spare.is_dir() and not spare.is_symlink():
            _move(spare, path, NOREPLACE)
            return
        if not spare.is_symlink():
            self._texts.over.add(spare.read_bytes())
        spare.unlink()

    def _rename(self) -> None:
        _move(self._path(), self._path(), NOREPLACE)

    def _folder(self) -> None:
        spare = self._spare()
        spare.mkdir()
        sandbox.give(spare)
        _move(spare, self._path(), NOREPLACE)

    def _mode(self) -> None:
        path = self._path()
        if stat.S_ISREG(path.lstat().st_mode):
            path.chmod(self._chance.choice((0o644, 0o755, 0o700)))

    def _link(self) -> None:
        spare = self._spare()
        spare.symlink_to(self._chance.choice(("/etc/passwd", "nowhere")))
        os.chown(
            spare, sandbox.HOST_UID, sandbox.HOST_UID, follow_symlinks=False
        ) if os.geteuid() == 0 else None
        _move(spare, self._path(), NOREPLACE)


def _move(source: Path, target: Path, flags: int) -> None:
    if _libc.renameat2(-100, os.fsencode(source), -100, os.fsencode(target), flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Editor:
    """Changes the store as the IDE does; what an answer did not come for may have happened."""

    def __init__(self, mirrored: Mirrored, texts: Texts, chance: random.Random) -> None:
        self._work = mirrored
        self._texts = texts
        self._chance = chance

    async def step(self) -> None:
        with contextlib.suppress(RpcError):
            await self._chance.choice(
                (
                    self._write,
                    self._write,
                    self._write,
                    self._delete,
                    self._rename,
                    self._rename,
                    self._folder,
                    self._mode,
                )
            )()

    def _path(self) -> str:
        depth = self._chance.choice((1, 1, 2, 2, 3))
        return "/".join(("/workspace", *(self._chance.choice(NAMES) for _ in range(depth))))

    async def _write(self) -> None:
        path, text = self._path(), self._texts.new()
        old = await self._work.stat(path)
        if old is not None and old.type != "file":
            return
        replaced = None
        if old is not None:
            replaced = await self._work.read(path)
        params = WriteFileParams(
            path=path, content=text, overwrite=old is not None, if_match=old.etag if old else None
        )
        try:
            await self._work.person.client.call("fs.writeFile", params, Stat)
        except ChannelClosed:
            if replaced is not None:
                self._texts.over.add(replaced)
            raise
        self._texts.written.add(text)
        if replaced is not None:
            self._texts.over.add(replaced)

    async def _delete(self) -> None:
        path = self._path()
        old = await self._work.stat(path)
        if old is None or old.type == "symlink":
            return
        content = await self._work.read(path) if old.type == "file" else None
        try:
            await self._work.person.client.call("fs.delete", DeleteParams(path=path, if_match=old.etag))
        except ChannelClosed:
            if content is not None:
                self._texts.over.add(content)
            raise
        if content is not None:
            self._texts.over.add(content)

    async def _rename(self) -> None:
        params = MoveParams(source=self._path(), target=self._path())
        await self._work.person.client.call("fs.rename", params, Stat)

    async def _folder(self) -> None:
        await self._work.make_folder(self._path())

    async def _mode(self) -> None:
        path = self._path()
        old = await self._work.stat(path)
        if old is not None and old.type == "file":
            await self._work.set_mode(path, self._chance.choice((0o644, 0o755, 0o700)))


@contextlib.asynccontextmanager
async def connected(server: Server, token: str) -> AsyncIterator[Mirrored]:
    async with server.connect(token) as client:
        yield Mirrored(Person(server, token, client), folder_of(server, token))


async def edit(server: Server, token: str, texts: Texts, chance: random.Random, steps: int) -> None:
    """Some changes on both sides, with the runtime killed now and then."""
    async with connected(server, token) as work:
        await work.run()
        programs, editor = Programs(work.folder, texts, chance), Editor(work, texts, chance)
        for _ in range(steps):
            programs.step() if chance.random() < 0.5 else await editor.step()
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.05)  # so that some of it is mirrored meanwhile
            if chance.random() < 0.01:
                for process in children(server.pid):
                    os.kill(process, signal.SIGKILL)


async def test_nothing_is_lost(store_url: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("MIRROR_SEED", "7"))
    chance = random.Random(seed)
    texts = Texts()
    server = Server(tmp_path, store_url, WORKSPACE_FOLDER=tmp_path / "workspaces")
    await server.start()
    try:
        token = (await server.register("ada@example.com")).access_token
        for _ in range(3):
            editing = asyncio.create_task(edit(server, token, texts, chance, STEPS // 3))
            if chance.random() < 0.7:
                await asyncio.wait([editing], timeout=chance.random() * 3)
                await server.kill()
                with contextlib.suppress(ChannelClosed, OSError):
                    await editing
                await server.start()
            else:
                await editing
        async with connected(server, token) as work:
            await work.run()
            tree = await work.equal()
            texts.check(tree)
    finally:
        print(await server.stop())  # shown with a failure
