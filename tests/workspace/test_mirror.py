"""The disk of a workspace and its stored files are equal, whoever changes them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.process import Server
from tests.workspace.mirrored import Mirrored, Thing, folder_of
from tests.workspace.terminals import Person
from theia_bridge.methods.protocol import TrashList, TrashListParams


@pytest.fixture
async def work(server: Server) -> AsyncIterator[Mirrored]:
    """A workspace that runs."""
    async with Mirrored.start(server) as mirrored:
        yield mirrored


async def test_what_is_saved_is_on_the_disk_and_what_is_written_is_stored(work: Mirrored) -> None:
    assert "/workspace/README.md" in await work.equal()
    await work.save("/workspace/saved.txt", "saved\n")
    await work.make_folder("/workspace/folder")
    await work.save("/workspace/folder/ümlaut 🙂.txt", "ä\n", mode=0o755)
    await work.link("/workspace/link", "folder/nowhere")
    await work.sync()
    said = await work.shell("cat saved.txt folder/*; readlink link; ls -l folder")
    assert said.split()[:3] == ["saved", "ä", "folder/nowhere"]
    assert "-rwxr-xr-x" in said
    await work.shell(
        "mkdir -p made/deep; echo more >> saved.txt; printf x > made/deep/x; chmod 700 made/deep/x;"
        "ln -s /etc/passwd made/outside; chmod 644 folder/*; rm link"
    )
    tree = await work.equal()
    assert tree["/workspace/saved.txt"] == Thing("file", 0o644, b"saved\nmore\n")
    assert tree["/workspace/made/deep/x"] == Thing("file", 0o700, b"x")
    assert tree["/workspace/made/outside"] == Thing("symlink", None, "/etc/passwd")
    assert tree["/workspace/folder/ümlaut 🙂.txt"] == Thing("file", 0o644, "ä\n".encode())
    assert "/workspace/link" not in tree
    await work.delete("/workspace/made")
    await work.set_mode("/workspace/saved.txt", 0o600)
    tree = await work.equal()
    assert "/workspace/made" not in tree
    assert tree["/workspace/saved.txt"].mode == 0o600


async def test_what_is_renamed_is_renamed_on_the_other_side(work: Mirrored) -> None:
    await work.shell(
        "mkdir -p old/deep; echo 1 > old/deep/file; echo 2 > old/other; touch old/empty; echo 3 > f"
    )
    await work.equal()
    etags = {path: await work.etag(f"/workspace/old/{path}") for path in ("deep/file", "other", "empty")}
    folder = await work.etag("/workspace/old")
    await work.shell("mv old new; mv new/other new/moved; mv f new/f; echo more >> new/deep/file")
    tree = await work.equal()
    assert await work.etag("/workspace/new") == folder
    assert await work.etag("/workspace/new/moved") == etags["other"]
    assert await work.etag("/workspace/new/empty") == etags["empty"]
    assert tree["/workspace/new/deep/file"].content == b"1\nmore\n"
    assert "/workspace/old" not in tree

    inodes = {path: work.on_disk(f"/workspace/new/{path}").stat().st_ino for path in ("", "deep/file", "f")}
    await work.rename("/workspace/new", "/workspace/newer")
    await work.rename("/workspace/newer/f", "/workspace/newer/g")
    await work.save("/workspace/newer/deep/file", "by the IDE\n")
    await work.equal()
    assert work.on_disk("/workspace/newer").stat().st_ino == inodes[""]
    assert work.on_disk("/workspace/newer/g").stat().st_ino == inodes["f"]
    assert not work.on_disk("/workspace/new").exists()


async def test_saves_by_renaming_are_saves(work: Mirrored) -> None:
    await work.save("/workspace/file", "first\n")
    await work.sync()
    made = await work.stat("/workspace/file")
    assert made is not None
    for script in (
        "echo second > .file.tmp; mv .file.tmp file",
        "mv file file~; echo third > file; rm file~",
        "cp file file.bak; echo fourth > file; rm file.bak",
        "for i in $(seq 100); do echo $i > file; done",
    ):
        await work.shell(script)
        tree = await work.equal()
        assert {path for path in tree if "file" in path} == {"/workspace/file"}
        now = await work.stat("/workspace/file")
        assert now is not None
        assert now.ctime == made.ctime, script  # it is the same file
    assert tree["/workspace/file"].content == b"100\n"


async def test_excluded_folders_stay_where_they_are(work: Mirrored) -> None:
    await work.shell(
        "mkdir -p project/node_modules/lib .venv ~/.cache; echo x > project/node_modules/lib/x;"
        "echo x > .venv/x; echo x > project/x;"
        "echo x > ~/.cache/x; echo x > ~/.profile; echo ls > ~/.bash_history"
    )
    await work.sync()
    assert await work.names("/workspace") == ["README.md", "project"]
    assert await work.names("/workspace/project") == ["x"]
    assert await work.names("/home") == [".profile"]
    await work.rename("/workspace/project", "/workspace/renamed")
    await work.sync()
    assert work.on_disk("/workspace/renamed/node_modules/lib/x").exists()
    await work.delete("/workspace/renamed")
    await work.sync()
    assert not work.on_disk("/workspace/renamed").exists()
    assert work.on_disk("/workspace/.venv/x").exists()


async def test_large_files_go_both_ways(work: Mirrored) -> None:
    await work.shell("head -c 20000000 /dev/urandom > large; chmod 755 large; cp large copy")
    tree = await work.equal()
    assert tree["/workspace/large"].mode == 0o755
    assert len(tree["/workspace/large"].content or b"") == 20_000_000
    await work.save("/workspace/large", b"\1" * 3_000_000)
    await work.save("/workspace/new", b"\2" * 3_000_000, mode=0o700)
    await work.equal()


async def test_a_terminal_finds_the_files(server: Server) -> None:
    async with Person.register(server, "ada@example.com") as person:
        work = Mirrored(person, folder_of(server, person.token))
        await work.save("/workspace/hello.sh", "echo hello from $0\n", mode=0o755)
        await work.save("/home/.bashrc", "echo at home\n")
        assert await work.shell("./hello.sh; . ~/.bashrc") == "hello from ./hello.sh\r\nat home\r\n"


async def test_what_programs_make_and_remove_all_the_time_does_not_fill_the_trash(work: Mirrored) -> None:
    await work.shell(
        "mkdir -p made/deep; for i in $(seq 30); do echo $i > made/deep/$i; done; echo x > made/x"
    )
    await work.sync()
    await work.shell("rm -r made; rm README.md")
    tree = await work.equal()
    assert not tree
    assert not (await work.person.client.call("trash.list", TrashListParams(), TrashList)).items
