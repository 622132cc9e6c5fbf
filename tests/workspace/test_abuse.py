"""Programs that take what they can, and look for what they should not: the server and others stay well."""

from __future__ import annotations

import asyncio
import os

import pytest

from rpc import RpcError
from tests.server.searching import put
from tests.workspace.conftest import Start
from tests.workspace.inside import ended
from tests.workspace.mirrored import Mirrored, folder_of
from tests.workspace.terminals import Person
from tests.workspace.test_runtimes import DID_CHANGE, children
from theia_bridge.methods.protocol import WorkspaceInfo
from theia_bridge.workspace.handover import OOM_SCORE
from theia_bridge.workspace.protocol import WorkspaceRuntime

FORK_BOMB = "bomb() { bomb | bomb & }; echo begun; bomb; sleep 1000"
HOG = "import sys; x = [bytearray(1 << 20) for _ in range(10**6)]"
LOWER = "(echo 0 > /proc/self/oom_score_adj) 2>/dev/null" if os.geteuid() == 0 else ":"
"""Who is not root cannot forbid that."""
SPY = "for p in 1 2; do cat /proc/$p/environ; cat /proc/$p/mem; ls /proc/$p/fd; done"


async def test_what_takes_all_it_can_leaves_others_well(start: Start) -> None:
    server = await start(
        WORKSPACE_PROCESSES=64, WORKSPACE_MEMORY_BYTES=256 << 20, WORKSPACE_FILE_BYTES=10 << 20
    )
    async with (
        Person.register(server, "ada@example.com") as ada,
        Person.register(server, "bob@example.com") as bob,
    ):
        hog = await ada.create("/usr/bin/env", "python3", "-c", HOG)
        async with ada.attach(hog.id) as attached:
            await attached.until("MemoryError")
        filler = await ada.create(
            "sh", "-c", "head -c 100000000 /dev/zero > big; echo $(stat -c %s big) bytes"
        )
        async with ada.attach(filler.id) as attached:
            assert str(10 << 20) in await attached.until(" bytes")
        (process,) = children(server.pid)
        bomb = await ada.create("sh", "-c", FORK_BOMB)
        async with ada.attach(bomb.id) as attached:
            await attached.until("begun")
            await attached.until("ork")  # "Cannot fork"
            other = await bob.create("cat")
            async with bob.attach(other.id) as well:
                await well.type("hello\n")
                await well.until("hello\r\nhello\r\n")
            assert await bob.client.call("workspace.info", None, WorkspaceInfo)
        stopped = await ada.client.call("workspace.stop", None, WorkspaceRuntime)
        assert stopped.state == "stopped"
        async with asyncio.timeout(20):
            await ended(process)
        again = await ada.create("cat")
        async with ada.attach(again.id) as attached:
            await attached.type("hello\n")
            await attached.until("hello\r\nhello\r\n")


async def test_a_disk_that_takes_no_more_ends_no_shell(start: Start) -> None:
    """The mirror's table becomes larger than files may be, as if the disk were full."""
    server = await start(WORKSPACE_FILE_BYTES=1 << 20)
    async with Person.register(server, "ada@example.com") as ada:
        mirrored = Mirrored(ada, folder_of(server, ada.token))
        shell = await ada.create("/bin/bash", "--norc")
        async with ada.attach(shell.id) as attached:
            told = ada.client.notifications({DID_CHANGE: WorkspaceRuntime})
            await attached.type("for n in {1..6000}; do echo $n > $n; done\r")
            async with asyncio.timeout(30):
                async for _, now in told:
                    if isinstance(now, WorkspaceRuntime) and now.status and now.status.mirror == "failed":
                        break
            with pytest.raises(RpcError, match="disk cannot be used"):
                await mirrored.sync()
            await put(ada.client, "kept.txt", "saved all the same")
            await attached.type("echo still $((6*7))\r")
            await attached.until("still 42")
        assert await mirrored.read("/workspace/kept.txt") == b"saved all the same"


KNOCK = """
import os, socket
def fails(what):
    try:
        what()
    except OSError as error:
        print(type(error).__name__)
folder = "/run/theia-bridge"
fails(lambda: os.rename(f"{folder}/gateway.sock", f"{folder}/other"))
fails(lambda: os.unlink(f"{folder}/runtime.sock"))
fails(lambda: socket.socket(socket.AF_UNIX).bind(f"{folder}/mine"))
many = [socket.socket(socket.AF_UNIX) for _ in range(900)]
for one in many:
    one.connect(f"{folder}/gateway.sock")
print({one.recv(1) for one in many}, "end.")
"""


async def test_the_runtimes_way_to_the_server_is_no_programs(start: Start) -> None:
    """Who took its place would be given its token; who kept connections open, all that there may be."""
    server = await start()
    async with Person.register(server, "ada@example.com") as ada:
        knock = await ada.create("/usr/bin/env", "python3", "-c", KNOCK)
        async with ada.attach(knock.id) as attached:
            said = (await attached.until("end.")).split("\r\n")
        assert said == ["OSError", "OSError", "OSError", "{b''} "]


async def test_the_runtimes_own_memory_is_out_of_reach(start: Start) -> None:
    server = await start()
    async with Person.register(server, "ada@example.com") as ada:
        spy = await ada.create("sh", "-c", f"{SPY}; {LOWER}; cat /proc/self/oom_score_adj; echo done.")
        async with ada.attach(spy.id) as attached:
            said = await attached.until("done.")
        lines = said.split("\r\n")
        assert sum("ermission denied" in line for line in lines) == 6
        assert "TOKEN" not in said
        assert str(OOM_SCORE) in lines
