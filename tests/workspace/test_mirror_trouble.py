"""The mirror when both sides change at once, when it was not there, and with what cannot be mirrored."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal

from rpc import RpcError
from rpc.client import Client
from tests.process import Server
from tests.workspace.conftest import Start
from tests.workspace.mirrored import Mirrored
from tests.workspace.test_runtimes import children, it_ends
from theia_bridge.workspace.mirror.protocol import MirrorConflict, MirrorRefusal

LONG_AGO = 1_000_000_000
DOWN = "import os; [(os.mkdir(name), os.chdir(name)) for name in 1200 * (str(1),)]"


async def stop(client: Client) -> None:
    await client.call("workspace.stop", None, object)


async def test_of_two_texts_both_are_kept_and_the_user_is_told(server: Server) -> None:
    async with Mirrored.start(server) as work:
        client = work.person.client
        await work.shell("echo base | tee older newer same gone.store gone.disk; mkdir kind")
        await work.sync()
        await stop(client)
        for name in ("older", "newer", "gone.store"):
            work.on_disk(f"/workspace/{name}").write_text("by a program\n")
        work.on_disk("/workspace/same").write_text("equal\n")
        work.on_disk("/workspace/gone.disk").unlink()
        os.utime(work.on_disk("/workspace/older"), (LONG_AGO, LONG_AGO))
        await work.delete("/workspace/gone.store")
        for name in ("older", "newer", "gone.disk"):
            await work.save(f"/workspace/{name}", "by the IDE\n")
        await work.save("/workspace/same", "equal\n")
        soon = work.on_disk("/workspace/newer").stat().st_mtime + 10
        os.utime(work.on_disk("/workspace/newer"), (soon, soon))
        told = client.notifications({"mirror.didConflict": MirrorConflict})
        await work.run()
        tree = await work.equal()
        conflicts: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for _, news in told:
                if isinstance(news, MirrorConflict):
                    conflicts[news.path] = news.kept
                if len(conflicts) == 2:
                    break
        assert conflicts["/workspace/older"] == "/workspace/older.conflict-20010909-014640"
        texts = {path: thing.content for path, thing in tree.items() if thing.kind == "file"}
        assert texts["/workspace/older"] == b"by the IDE\n"
        assert texts[conflicts["/workspace/older"]] == b"by a program\n"
        assert texts["/workspace/newer"] == b"by a program\n"
        assert texts[conflicts["/workspace/newer"]] == b"by the IDE\n"
        assert texts["/workspace/gone.store"] == b"by a program\n"  # what was changed is not deleted
        assert texts["/workspace/gone.disk"] == b"by the IDE\n"
        assert texts["/workspace/same"] == b"equal\n"
        assert len(texts) == 8


async def test_what_happened_while_it_was_not_there_is_seen_as_what_it_was(server: Server) -> None:
    async with Mirrored.start(server) as work:
        client = work.person.client
        await work.shell(
            "mkdir -p folder/deep; echo 1 > folder/deep/one; echo 2 > two; echo 3 > three; echo 4 > four"
        )
        await work.sync()
        etags = {path: await work.etag(f"/workspace/{path}") for path in ("folder", "folder/deep/one", "two")}
        inode = work.on_disk("/workspace/three").stat().st_ino
        (process,) = children(server.pid)
        os.kill(process, signal.SIGKILL)
        await it_ends(process)
        work.on_disk("/workspace/folder").rename(work.on_disk("/workspace/renamed"))
        work.on_disk("/workspace/two").rename(work.on_disk("/workspace/renamed/two"))
        work.on_disk("/workspace/four").unlink()
        await work.rename("/workspace/three", "/workspace/drei")
        await work.run()
        tree = await work.equal()
        assert await work.etag("/workspace/renamed") == etags["folder"]
        assert await work.etag("/workspace/renamed/deep/one") == etags["folder/deep/one"]
        assert await work.etag("/workspace/renamed/two") == etags["two"]
        assert work.on_disk("/workspace/drei").stat().st_ino == inode
        assert "/workspace/four" not in tree

        # What is written last is stored before it ends.
        await work.shell("echo last > last")
        await stop(client)
        assert await work.read("/workspace/last") == b"last\n"

        # Without its table it takes equal files to be equal.
        (work.folder / "mirror" / "base.sqlite").write_bytes(b"not a database")
        before = await work.stored_tree()
        await work.run()
        assert await work.equal() == before

        # The folder can be made anew.
        await stop(client)
        shutil.rmtree(work.folder)
        await work.run()
        assert await work.equal() == before


async def test_what_cannot_be_stored_stays_and_is_told(start: Start) -> None:
    server = await start(QUOTA_SESSION_BYTES=100_000)
    async with Mirrored.start(server) as work:
        told = work.person.client.notifications({"mirror.didRefuse": MirrorRefusal})
        await work.shell(
            r"touch $'\xff' $'new\nline' 'back\slash' ' space ' $(printf 'x%.0s' $(seq 255));"
            "head -c 200000 /dev/zero > big; echo secret > closed; chmod 0 closed; mkfifo pipe;"
            r"mkdir -p $'a\xff/b'; echo fine > fine"
        )
        settled = await work.sync()
        refused = {refusal.path: refusal.reason for refusal in settled.refusals}
        assert set(refused) == {
            f"/workspace/{name}" for name in ("\ufffd", "a\ufffd", "pipe", "big", "closed")
        }
        names = set(await work.names("/workspace"))
        assert names == {"README.md", "new\nline", "back\\slash", " space ", "x" * 255, "fine"}
        seen: set[str] = set()
        async with asyncio.timeout(10):
            async for _, news in told:
                if isinstance(news, MirrorRefusal):
                    seen.add(news.path)
                if seen == set(refused):
                    break
        await work.shell(r"chmod 644 closed; rm pipe $'\xff'; rm -r $'a\xff'; head -c 1000 /dev/zero > big")
        assert (await work.sync()).refused == 0
        await work.equal()


async def test_links_in_the_way_lead_nowhere(server: Server) -> None:
    async with Mirrored.start(server) as work:
        await work.shell("mkdir -p folder ~/.cache/outside; echo x > folder/file")
        await work.sync()
        attack = asyncio.create_task(
            work.shell(
                "for i in $(seq 150); do mv -T folder aside; ln -sT ~/.cache/outside folder;"
                "rm folder; mv -T aside folder; done; true",
                strict=False,
            )
        )
        count = 0
        while not attack.done():
            count += 1
            path = "/workspace/folder/file" if count % 2 else f"/workspace/folder/{count}"
            with contextlib.suppress(RpcError):  # the folder may be away
                await work.save(path, "by the IDE\n")
        await attack
        assert not list(work.on_disk("/home/.cache/outside").iterdir())
        await work.sync()  # the last moves may be noticed after a first look
        await work.equal()


async def test_more_news_than_the_system_keeps(server: Server) -> None:
    async with Mirrored.start(server) as work:
        await work.shell("echo first | tee one two")
        await work.sync()
        (sandbox,) = children(server.pid)
        (first,) = children(sandbox)
        (runtime,) = children(first)
        os.kill(runtime, signal.SIGSTOP)
        try:
            for number in range(4500):  # two events each time; the system keeps 16,384
                for name in ("one", "two"):
                    work.on_disk(f"/workspace/{name}").write_text(f"{number}\n")
            work.on_disk("/workspace/README.md").unlink()
            work.on_disk("/workspace/three").write_text("never told of\n")
        finally:
            os.kill(runtime, signal.SIGCONT)
        tree = await work.equal()
        assert set(tree) == {f"/workspace/{name}" for name in ("one", "two", "three")}
        assert tree["/workspace/two"].content == b"4499\n"


async def test_a_folder_made_anew_is_filled_though_it_looks_like_the_former(server: Server) -> None:
    """A file system gives the number of a folder that was deleted to the next one."""
    async with Mirrored.start(server) as work:
        await work.save("/workspace/kept.txt", "kept")
        await work.sync()
        await work.person.client.call("workspace.stop", None, object)
        folder = work.on_disk("/workspace")
        for name in os.listxattr(folder):
            os.removexattr(folder, name)
        for file in folder.iterdir():
            file.unlink()
        await work.run()
        assert (await work.equal())["/workspace/kept.txt"].content == b"kept"


async def test_times_far_away_and_folders_far_down(server: Server) -> None:
    """Of 2262 no more nanoseconds fit in 64 bits; Python does not call itself so many times."""
    async with Mirrored.start(server) as work:
        await work.shell("for n in 1910 2400; do echo $n > $n; touch -d $n-01-01 $n; done")
        await work.equal()
        await work.shell("echo later > 2400; touch -d 2401-01-01 2400")
        assert (await work.equal())["/workspace/2400"].content == b"later\n"
        await work.shell(f"mkdir -p top/.venv; cd top/.venv; python3 -c '{DOWN}'")
        await work.sync()
        await work.delete("/workspace/top")
        await work.equal()


async def test_a_folder_that_was_closed_is_followed_once_it_is_open(server: Server) -> None:
    async with Mirrored.start(server) as work:
        await work.shell("mkdir -p shut/in; echo 1 > shut/in/file; chmod 000 shut")
        await work.sync()
        await stop(work.person.client)
        await work.run()
        await work.shell("chmod 755 shut; echo 2 > shut/in/file")
        assert (await work.equal())["/workspace/shut/in/file"].content == b"2\n"


async def test_a_log_that_grows_is_not_stored_all_the_time(server: Server) -> None:
    async with Mirrored.start(server) as work:
        await work.shell("head -c 8000000 /dev/zero > log")
        for _ in range(3):  # after the first it is stored; whether it has changed meanwhile is seen then
            await work.sync()
        first = await work.etag("/workspace/log")
        await work.shell("for n in {1..9}; do echo $n >> log; sleep 0.1; done")
        await work.save("/workspace/other", "other")
        assert await work.etag("/workspace/log") == first
        await work.sync()
        assert (await work.read("/workspace/log")).endswith(b"8\n9\n")


async def test_a_large_file_that_finds_no_room_holds_nobody_up(start: Start) -> None:
    async with Mirrored.start(await start(QUOTA_SESSION_BYTES=1_000_000)) as work:
        await work.shell("head -c 2000000 /dev/zero > large; echo small > small")
        assert (await work.sync()).refused == 1
        assert await work.read("/workspace/small") == b"small\n"
        await work.shell("truncate -s 500000 large")
        assert (await work.sync()).refused == 0
        await work.equal()


async def test_a_program_that_writes_all_the_time_keeps_nobody_waiting(server: Server) -> None:
    async with Mirrored.start(server) as work:
        log = "head -c 600000 /dev/zero > log; while :; do echo $RANDOM > small; echo $RANDOM >> log; done"
        writer = await work.person.create("/bin/bash", "-c", log)
        await work.shell("until [ -s small ]; do sleep 0.01; done")
        for number in range(5):
            await work.save(f"/workspace/saved-{number}", f"{number}")
            await work.shell(f"echo {number} > made-{number}")
            await work.sync()
            assert work.on_disk(f"/workspace/saved-{number}").read_text() == f"{number}"
            assert await work.read(f"/workspace/made-{number}") == b"%d\n" % number
        await work.person.close(writer)
        await work.sync()
        for name in ("small", "log"):
            assert await work.read(f"/workspace/{name}") == work.on_disk(f"/workspace/{name}").read_bytes()
