"""Terminals: real programs in a real sandbox, through the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from rpc import RpcError
from tests.process import Server
from tests.workspace.terminals import Person
from theia_bridge.workspace.terminal.part import LIMIT
from theia_bridge.workspace.terminal.protocol import (
    CloseTerminalParams,
    RenameTerminalParams,
    ResizeTerminalParams,
    TerminalExit,
    TerminalProfiles,
)
from theia_bridge.workspace.terminal.pty import CHUNK
from theia_bridge.workspace.terminal.scrollback import Scrollback
from theia_bridge.workspace.terminal.terminal import AHEAD, SCROLLBACK

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def server(shared_server: Server) -> Server:
    return shared_server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(server: Server) -> AsyncIterator[Person]:
    async with Person.register(server, "ada@example.com") as person:
        yield person


async def test_a_shell_answers(ada: Person) -> None:
    created = await ada.create(env={"WHO": "Grüße"}, title="mine")
    assert created.title == "mine"
    async with ada.attach(created.id) as shell:
        await shell.type("echo $((6*7)) $WHO $TERM [$PWD]\r")
        await shell.until("42 Grüße xterm-256color [/workspace]")
        await shell.type("cd /tmp; sleep 100 | cat &\r")
        await shell.type("tty; jobs; exit 3\r")
        assert "/dev/pts/" in await shell.until("Running")
        assert await shell.to_end() == TerminalExit(code=3)
    await ada.close(created)


async def test_the_size_is_what_was_said_last(ada: Person) -> None:
    created = await ada.create("/bin/bash", "--norc", cols=100, rows=30)
    async with ada.attach(created.id) as shell:
        await shell.type("stty size\r")
        await shell.until("30 100")
        await shell.control(resize=[132, 43])
        await shell.type("stty size\r")
        await shell.until("43 132")
        await ada.client.call("terminal.resize", ResizeTerminalParams(id=created.id, cols=50, rows=20))
        await shell.type("stty size\r")
        await shell.until("20 50")
    assert [(t.cols, t.rows) for t in await ada.list() if t.id == created.id] == [(50, 20)]
    await ada.close(created)


async def test_keys_make_signals(ada: Person) -> None:
    created = await ada.create("/bin/bash", "--norc")
    async with ada.attach(created.id) as shell:
        await shell.type("sh -c 'echo re\"\"ady; exec sleep 1000'\r")
        await shell.until("ready")
        await shell.type("\x03")
        await shell.type("echo code $?.\r")
        await shell.until("code 130.")
        await shell.type("sh -c 'echo re\"\"ady; exec sleep 1000'\r")
        await shell.until("ready")
        await shell.type("\x1a")
        await shell.until("Stopped")
        await shell.type("kill -KILL $$\r")
        assert await shell.to_end() == TerminalExit(signal="SIGKILL")
    await ada.close(created)


async def test_whoever_comes_later_sees_what_was_said(ada: Person) -> None:
    created = await ada.create()
    async with ada.attach(created.id) as first, ada.attach(created.id) as second:
        await first.type("shared=ki''wi; echo to both: $shared\r")
        await first.until("to both: kiwi")
        await second.until("to both: kiwi")
    async with ada.attach(created.id) as again:
        await again.until("to both: kiwi")
        assert again.replay
        await again.type("echo still $shared; exit\r")
        await again.until("still kiwi")
        await again.to_end()
    async with ada.attach(created.id) as after:
        assert await after.to_end() == TerminalExit(code=0)
        assert b"still kiwi" in after.seen
        assert after.replay == len(after.seen)
    await ada.close(created)


async def test_a_program_goes_on_with_nobody_attached(ada: Person) -> None:
    created = await ada.create("/bin/sh", "-c", "yes 0123456789 | head -c 20M; echo; echo all written")
    async for name, params in ada.client.notifications():
        if name == "terminal.didExit" and isinstance(params, dict) and params["id"] == created.id:
            assert params["exit"] == {"code": 0}
            break
    async with ada.attach(created.id) as late:
        await late.to_end()
        assert late.seen.endswith(b"all written\r\n")
        assert late.seen.startswith(b"0123456789\r\n")
        assert SCROLLBACK // 2 < len(late.seen) < SCROLLBACK * 2
    await ada.close(created)


async def test_a_flood_waits_for_a_slow_reader_and_disturbs_nobody(ada: Person) -> None:
    flood = await ada.create(
        "/bin/sh", "-c", "stty -echo; echo on; read go; yes | head -c 10M; echo; echo over"
    )
    other = await ada.create("/bin/bash", "--norc")
    async with ada.attach(flood.id) as slow, ada.attach(other.id) as shell:
        await slow.until("on\r\n")
        await slow.type("\r")
        got = 0
        with contextlib.suppress(TimeoutError):  # none of it is acknowledged: it ends
            while got < 2 * AHEAD:
                message = await slow.socket.receive(timeout=1 if got >= AHEAD else 20)
                got += len(message.data) if message.type is aiohttp.WSMsgType.BINARY else 0
        assert AHEAD <= got <= AHEAD + CHUNK
        for number in range(20):
            await shell.type(f"echo answer $(({number}*7)).\r")
            await shell.until(f"answer {number * 7}.")
        assert next(t for t in await ada.list() if t.id == flood.id).exit is None
        await slow.control(ack=got)
        assert await slow.to_end() == TerminalExit(code=0)
        total = got + len(slow.seen)
        assert total == 3 * (10 * 1024**2 // 2) + len("\r\nover\r\n")
    await ada.close(flood)
    await ada.close(other)


async def test_a_megabyte_is_pasted(ada: Person) -> None:
    created = await ada.create(
        "/bin/sh", "-c", "stty raw -echo; echo ready; head -c 1000000 | sha256sum; sleep 9"
    )
    pasted = "".join(f"line {number:06}\n" for number in range(100_000))[:1_000_000]
    async with ada.attach(created.id) as terminal:
        await terminal.until("ready")
        await terminal.type(pasted)
        await terminal.until(hashlib.sha256(pasted.encode()).hexdigest())
    await ada.close(created)


async def test_a_paste_that_is_echoed_does_not_stall(ada: Person) -> None:
    created = await ada.create("/bin/sh", "-c", "stty raw -echo; echo ready; cat")
    async with ada.attach(created.id) as terminal:
        await terminal.until("ready")
        await terminal.type("x" * 3_000_000 + "the end")
        assert (await terminal.until("the end")).count("x") == 3_000_000
    await ada.close(created)


async def test_terminals_are_named_listed_and_closed(ada: Person) -> None:
    found = await ada.client.call("terminal.profiles", None, TerminalProfiles)
    assert found.default in [profile.name for profile in found.profiles]
    created = await ada.create(profile="sh", cwd="/home")
    assert (created.title, created.cwd, created.exit) == ("sh", "/home", None)
    await ada.client.call("terminal.rename", RenameTerminalParams(id=created.id, title="builds"))
    assert [t.title for t in await ada.list() if t.id == created.id] == ["builds"]
    async with ada.attach(created.id) as terminal:
        await ada.close(created)
        assert await terminal.to_end() == TerminalExit(signal="SIGHUP")
    assert created.id not in [t.id for t in await ada.list()]


async def test_what_does_not_end_is_killed(ada: Person) -> None:
    created = await ada.create("/bin/sh", "-c", "trap '' HUP TERM; echo ready; while :; do sleep 1; done")
    async with ada.attach(created.id) as terminal:
        await terminal.until("ready")
        await ada.client.call("terminal.close", CloseTerminalParams(id=created.id, signal="SIGTERM"))
        assert await terminal.to_end() == TerminalExit(signal="SIGKILL")


async def test_a_signal_without_a_name_is_told(ada: Person) -> None:
    created = await ada.create("/bin/sh", "-c", "kill -40 $$")
    async with ada.attach(created.id) as terminal:
        assert await terminal.to_end() == TerminalExit(signal="SIGRTMIN+6")


@pytest.mark.parametrize(
    ("params", "kind", "told"),
    [
        ({"command": "/no/such/program"}, "ProgramNotStarted", "/no/such/program"),
        ({"command": "/workspace"}, "ProgramNotStarted", "Permission denied"),
        ({"cwd": "/workspace/nowhere"}, "FileNotFound", "/workspace/nowhere"),
        ({"cwd": "/bin/sh"}, "FileNotADirectory", "/bin/sh"),
        ({"cwd": "relative"}, "InvalidPath", "absolute"),
        ({"profile": "cmd.exe"}, "NotFound", "cmd.exe"),
        ({"env": {"A=B": "1"}}, "ProgramNotStarted", "environment"),
        ({"command": "/bin/sh\0"}, "ProgramNotStarted", "null byte"),
    ],
)
async def test_what_cannot_be_started_is_told(
    ada: Person, params: dict[str, object], kind: str, told: str
) -> None:
    before = await ada.list()
    with pytest.raises(RpcError, match=told) as refusal:
        await ada.create(**params)
    assert refusal.value.kind == kind
    assert len(await ada.list()) == len(before)


@pytest.mark.parametrize("frame", ["", "nonsense", '{"resize":[0,5]}', '{"ack":-1}', '{"other":1}', "[]"])
async def test_garbage_closes_the_socket_and_not_the_terminal(ada: Person, frame: str) -> None:
    created = await ada.create("/bin/cat")
    async with ada.attach(created.id) as terminal:
        await terminal.socket.send_str(frame)
        while await terminal.read():
            pass
        assert terminal.socket.close_code == 1003
    async with ada.attach(created.id) as terminal:
        await terminal.type("alive\n")
        await terminal.until("alive\r\nalive\r\n")
    await ada.close(created)


async def test_another_users_terminal_is_not_there(ada: Person, server: Server) -> None:
    created = await ada.create("/bin/cat")
    async with Person.register(server, "eve@example.com") as eve:
        for started in (False, True):
            if started:
                await eve.create("/bin/cat")
            for method, params in (
                ("resize", ResizeTerminalParams(id=created.id, cols=1, rows=1)),
                ("rename", RenameTerminalParams(id=created.id, title="hers")),
                ("close", CloseTerminalParams(id=created.id)),
            ):
                with pytest.raises(RpcError) as refusal:
                    await eve.client.call(f"terminal.{method}", params)
                assert refusal.value.kind == "NotFound"
            assert created.id not in [t.id for t in await eve.list()]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with eve.attach(created.id):
                    pass
            assert refused.value.status == 404
    assert next(t for t in await ada.list() if t.id == created.id).title == "cat"
    await ada.close(created)


async def test_a_thousand_terminals_are_too_many(server: Server) -> None:
    async with Person.register(server, "many@example.com") as many:
        answers = await asyncio.gather(
            *(many.create("/bin/cat") for _ in range(1000)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(answers) - len(refused) == LIMIT
        assert {error.kind for error in refused if isinstance(error, RpcError)} == {"QuotaExceeded"}
        first = (await many.list())[0]
        async with many.attach(first.id) as terminal:
            await terminal.type("\x04")
            await terminal.to_end()
        assert (await many.create("/bin/cat")).id not in [first.id]
        assert first.id not in [t.id for t in await many.list()]


async def test_scrollback_begins_with_a_line() -> None:
    kept = Scrollback(30)
    for number in range(100):
        kept.add(f"{number} ümläut\r\n".encode())
    assert kept.content().decode().startswith("98 ümläut\r\n99")
    short = Scrollback(30)
    short.add(b"no line\nyet")
    assert short.content() == b"no line\nyet"
    assert msgspec.json.encode(TerminalExit(code=0)) == b'{"code":0}'
