"""`theia-bridge rpc` and `theia-bridge console`, as people and scripts use them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.process import PASSWORD, Server, command, environment
from tests.server.terminal import END, ENTER, STOP, TAB, Terminal
from theia_bridge.commands import outcomes
from theia_bridge.methods.protocol import Stat, WriteFileParams

in_module = pytest.mark.asyncio(loop_scope="module")

EMAIL = "ada@example.com"
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server with an account that has some files."""
    folder = tmp_path_factory.mktemp("server")
    running = Server(folder, f"embedded:{folder / 'store'}")
    await running.start()
    async with running.connect((await running.register(EMAIL)).access_token) as client:
        for path in ("/workspace/notes.md", "/workspace/a file.txt"):
            await client.call("fs.writeFile", WriteFileParams(path=path, content=b"Hello\n"), Stat)
    yield running
    await running.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(server: Server) -> str:
    return (await server.login(EMAIL)).access_token


class Done:
    """What a command has ended with."""

    def __init__(self, code: int, out: bytes, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


async def run(server: Server, token: str, *arguments: str, given: bytes = b"", **variables: str) -> Done:
    env = environment(server.folder) | {"THEIA_BRIDGE_URL": server.url, "THEIA_BRIDGE_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env | variables, cwd=server.folder
    )
    out, err = await process.communicate(given)
    assert process.returncode is not None
    assert b"Traceback" not in err
    return Done(process.returncode, out, err.decode())


# --- rpc ----------------------------------------------------------------------------------------------


@in_module
async def test_answers_go_to_pipes_and_contents_come_from_them(server: Server, token: str) -> None:
    content = bytes(range(256))
    written = await run(
        server, token, "rpc", "fs.writeFile", "path=/workspace/b", "content=@-", given=content
    )
    assert written.code == 0, written.err
    assert b'"type": "file"' in written.out
    as_json, as_bytes, raw = await asyncio.gather(
        run(server, token, "rpc", "fs.readDirectory", "path=/workspace", "--json"),
        run(server, token, "rpc", "fs.readFile", "path=/workspace/b", "--output", "-"),
        run(server, token, "rpc", "fs.stat", "--raw", '{"path": "/workspace/a file.txt"}', "--json"),
    )
    assert "notes.md" in [entry["name"] for entry in json.loads(as_json.out)["entries"]]
    assert as_json.out.count(b"\n") == 1
    assert as_bytes.out == content
    assert json.loads(raw.out)["size"] == 6
    assert as_json.err == as_bytes.err == raw.err == ""


@in_module
async def test_the_exit_code_tells_the_kind_of_an_error(server: Server, token: str) -> None:
    cases = (
        (("rpc.ping", "--token", "no.token"), 3, "401"),
        (("rpc.ping", "--url", "http://127.0.0.1:1"), 8, "no server answers"),
        (("rpc.ping", "--url", "http://[::1"), 2, "is not a server's address"),
        (("rpc.ping", "--url", "http://127.0.0.1:99999"), 2, "is not a server's address"),
        (("fs.stat", "path=/workspace/nothing"), 5, "FileNotFound -32002"),
        (("fs.createDirectory", "path=/workspace/notes.md"), 6, "FileExists"),
        (("fs.stat", "path=nowhere"), 2, "InvalidPath"),
        (("fs.stat", "pth=/workspace"), 2, "did you mean path?"),
        (("fs.stat", "path=/workspace", "--output", "-"), 2, "no bytes"),
        (("fs.stat", "--raw", "no json"), 2, "JSON"),
        (("fs.stat", "--raw", "[" * 9000), 2, "nested too deep"),
        (("fs.readDirectory", "path=/workspace", f"limit={'9' * 30}"), 2, "cannot be sent"),
        (("fs.readFile", "path=/workspace/notes.md", "-o", "/no/such/folder"), 2, "cannot be written"),
    )
    all_done = await asyncio.gather(*(run(server, token, "rpc", *arguments) for arguments, _, _ in cases))
    for done, (arguments, code, told) in zip(all_done, cases, strict=True):
        assert (done.code, done.out) == (code, b""), (arguments, done.err)
        assert told in done.err


def test_the_exit_codes_are_documented_as_they_are() -> None:
    text = (Path(__file__).parents[2] / "docs" / "console.md").read_text()
    told = dict(re.findall(r"^\| (\d+) \| (.+) \|$", text, re.MULTILINE))
    assert told == {str(code): meaning for code, meaning in outcomes.MEANINGS.items()}
    assert set(outcomes.BY_KIND.values()) <= outcomes.MEANINGS.keys()


@in_module
async def test_notifications_are_lines_of_json(server: Server, token: str) -> None:
    env = environment(server.folder) | {"THEIA_BRIDGE_TOKEN": token}
    follow = ("rpc", "fs.watch", "path=/workspace", "--follow", "--url", server.url)
    process = await asyncio.create_subprocess_exec(*command(*follow), stdout=PIPE, stderr=PIPE, env=env)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        answer = json.loads(await process.stdout.readline())
        async with server.connect(token) as client:
            write = WriteFileParams(path="/workspace/seen", content=b"")
            await client.call("fs.writeFile", write, Stat)
        told = json.loads(await process.stdout.readline())
    assert told["method"] == "fs.didChange"
    assert told["params"]["watchId"] == answer["watchId"]
    assert told["params"]["changes"][0]["path"] == "/workspace/seen"
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130


# --- console: scripts ---------------------------------------------------------------------------------


@in_module
async def test_a_script_is_piped_in(server: Server, token: str) -> None:
    script = b"""
# what a script may have
rpc.ping
fs.writeFile path="/workspace/of a script" content=@local.txt
encoding json
fs.readFile \\
    path="/workspace/of a script"
watch /workspace
-fs.stat path=/workspace/nothing
fs.delete path="/workspace/of a script"
repeat 20 fs.stat path=/workspace/notes.md
every 0.01 2 rpc.ping
{"method": "fs.stat", "params": {"path": "/workspace/notes.md"}}
wait 0.5
help fs.readFile
trace start 0.5
trace
save saved.rpc
"""
    (server.folder / "local.txt").write_bytes(b"from this machine")
    (server.folder / "saved.rpc").unlink(missing_ok=True)
    done = await run(server, token, "console", "--trace", "frames.log", given=script)
    out = done.out.decode()
    assert (done.code, done.err) == (0, ""), out
    assert '"content": "from this machine" (17 bytes)' in out
    assert "FileNotFound -32002: nothing is at /workspace/nothing" in out
    assert "◂ fs.didChange  - /workspace/of a script" in out
    assert "20 calls in" in out
    assert "p99" in out
    assert "fs.stat · " in out
    assert "fs.readFile path=… [offset=…] [length=…]" in out
    assert "rpc.trace" in out
    saved = (server.folder / "saved.rpc").read_text().splitlines()
    assert 'fs.writeFile path="/workspace/of a script" content=@local.txt' in saved
    frames = (server.folder / "frames.log").read_text()
    assert '-> msgpack 39 {"jsonrpc":"2.0","method":"rpc.ping"' in frames or "rpc.ping" in frames
    assert " -> json " in frames
    again = await run(server, token, "console", given=(server.folder / "saved.rpc").read_bytes())
    assert again.code == 0, again.err


@in_module
async def test_a_script_ends_at_the_first_error(server: Server, token: str) -> None:
    (server.folder / "inner.rpc").write_text("rpc.ping\nfs.stat path=/workspace/nothing\nrpc.discover\n")
    done = await run(server, token, "console", given=b"source inner.rpc\nrpc.ping\n")
    assert done.code == 5
    assert "inner.rpc, line 2" in done.err
    assert "nothing is at /workspace/nothing" in done.err
    assert b"openrpc" not in done.out
    done = await run(server, token, "console", given=b"-source inner.rpc\nfs.stat path=/workspace/notes.md\n")
    assert (done.code, b'"size": 6' in done.out) == (0, True)
    bad = await run(server, token, "console", given=b"fly\n")
    assert (bad.code, "no command fly" in bad.err) == (2, True)


@in_module
async def test_secrets_are_in_no_trace_and_no_saved_script(server: Server, token: str) -> None:
    script = f'-auth.renew token={token}\n-auth.renew {{"token": "{token}"}}\nencoding json\n' + (
        f'-{{"method": "auth.renew", "params": ["{token}"]}}\n'
        f'-fs.stat path="/workspace/{token}"\nsave secret.rpc\n'
    )
    (server.folder / "secret.rpc").unlink(missing_ok=True)
    done = await run(server, token, "console", "--trace", "secret.log", given=script.encode())
    assert done.code == 0, done.err
    frames, saved = ((server.folder / name).read_text() for name in ("secret.log", "secret.rpc"))
    assert frames.count('"method":"auth.renew"') == 3
    for text in (frames, saved, done.out.decode()):
        assert token not in text
        assert token.split(".")[2] not in text
        assert "***" in text
    assert (server.folder / "secret.log").stat().st_mode & 0o077 == 0


# --- console: at a terminal ---------------------------------------------------------------------------


def at_terminal(server: Server) -> dict[str, str]:
    state = {"THEIA_BRIDGE_PASSWORD": PASSWORD, "XDG_STATE_HOME": str(server.folder / "state")}
    return environment(server.folder) | state


@in_module
async def test_lines_are_completed_run_and_stopped(server: Server, token: str) -> None:
    async with Terminal.run(
        "console", server.url, "--email", EMAIL, env=at_terminal(server), cwd=server.folder
    ) as terminal:
        await terminal.prompt()
        terminal.type(f"fs.rea{TAB}")
        await terminal.until("fs.readDirectory", "fs.readFile", "A file's content")
        terminal.type(f"{STOP}fs.sta{TAB}")
        await terminal.until("> fs.stat")
        terminal.type(f" pa{TAB}")
        await terminal.until("> fs.stat path=")
        terminal.type(f"/workspace/a{TAB}")
        await terminal.until('> fs.stat path="/workspace/a file.txt"')
        terminal.type(ENTER)
        await terminal.until('"size": 6', "fs.stat · ")
        await terminal.prompt()
        terminal.type(f"search.files pattern=x fuzzy={TAB}")
        await terminal.until("true", "false")
        terminal.type(STOP)
        assert "FileNotFound -32002: nothing" in await terminal.answer("fs.stat path=/workspace/nothing")
        assert "did you mean path?" in await terminal.answer("fs.stat pth=/workspace")
        assert "watching /workspace" in await terminal.answer("watch /workspace")
        async with server.connect(token) as client:
            write = WriteFileParams(path="/workspace/by another", content=b"")
            await client.call("fs.writeFile", write, Stat)
        await terminal.until("◂ fs.didChange  + /workspace/by another")
        await terminal.prompt()
        terminal.type(f"every 0.05 rpc.ping{ENTER}")
        await terminal.until('{"time": ')
        terminal.type(STOP)
        await terminal.until("p50", "stopped")
        assert "Unauthorized" in await terminal.answer("auth.renew token=top-secret")
        assert "100% timed" in await terminal.answer("trace start")
        terminal.type(f"trace{ENTER}")
        await terminal.until("slowest of late")
        terminal.type(STOP)
        await terminal.until("stopped")
        await terminal.prompt()
        terminal.type(END)
        assert await terminal.ended() == 0
    history = server.folder / "state/theia-bridge/console-history"
    assert "+fs.stat path=/workspace/nothing" in history.read_text()
    assert "top-secret" not in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


@in_module
async def test_a_call_that_is_stopped_is_cancelled_on_the_server(server: Server, token: str) -> None:
    frames = server.folder / "cancel.log"
    given = ("--token", token, "--trace", str(frames))
    async with Terminal.run(
        "console", server.url, *given, env=at_terminal(server), cwd=server.folder
    ) as terminal:
        await terminal.prompt()
        terminal.type(f"repeat 100000 fs.readDirectory path=/workspace{ENTER}")
        await terminal.until("Ctrl+C stops")
        terminal.type(STOP)
        await terminal.until("stopped")
        assert "rpc.ping · " in await terminal.answer("rpc.ping")
        terminal.type(f"quit{ENTER}")
        assert await terminal.ended() == 0
    assert '"method":"$/cancelRequest"' in frames.read_text()


async def test_it_outlives_its_token_and_a_restart_of_the_server(tmp_path: Path) -> None:
    server = Server(tmp_path, f"embedded:{tmp_path / 'store'}", ACCESS_TOKEN_SECONDS=5)
    await server.start()
    try:
        await server.register(EMAIL)
        async with Terminal.run(
            "console", server.url, "--email", EMAIL, env=at_terminal(server), cwd=tmp_path
        ) as terminal:
            await terminal.answer("watch /workspace")
            await server.stop()
            await terminal.until("connecting again", "no server answers at")
            await terminal.prompt()
            terminal.type(f"rpc.ping{ENTER}")  # waits for the connection
            await server.start()
            async with server.connect((await server.login(EMAIL)).access_token) as client:
                write = WriteFileParams(path="/workspace/meanwhile", content=b"")
                await client.call("fs.writeFile", write, Stat)
            await terminal.until("rpc.ping · ", "connected again", "+ /workspace/meanwhile")
            await terminal.answer("wait 6")
            shown = await terminal.answer("rpc.ping")
            assert "rpc.ping · " in shown
            assert "connecting again" not in shown
            terminal.type(END)
            assert await terminal.ended() == 0
    finally:
        log = await server.stop()
    assert "/api/v5/auth/refresh" in log
    assert "/api/v5/auth/logout" in log


@in_module
async def test_no_color_is_honoured(server: Server, token: str) -> None:
    plain = await run(server, token, "rpc", "fs.stat", "path=/workspace", NO_COLOR="1", FORCE_COLOR="1")
    colour = await run(server, token, "rpc", "fs.stat", "path=/workspace", FORCE_COLOR="1")
    assert (COLOUR.search(plain.out), bool(COLOUR.search(colour.out))) == (None, True)


@in_module
async def test_what_cannot_be_written_is_escaped(server: Server, token: str) -> None:
    call = ("rpc", "fs.writeFile", "path=/workspace/\u00e9", "content=x")
    assert (await run(server, token, *call)).code == 0
    listed = await run(server, token, "rpc", "fs.readDirectory", "path=/workspace", PYTHONIOENCODING="ascii")
    assert (listed.code, b"\\xe9" in listed.out) == (0, True)


@in_module
async def test_it_runs_though_standard_input_is_closed(server: Server, token: str) -> None:
    env = environment(server.folder) | {"THEIA_BRIDGE_URL": server.url, "THEIA_BRIDGE_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", '"$@" <&-', "sh", *command("console"), stderr=PIPE, env=env, cwd=server.folder
    )
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
