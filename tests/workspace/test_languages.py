"""Language servers: real ones in a real sandbox, through the gateway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import WSCloseCode

from tests.lsp.editor import Editor, at, over
from tests.process import Server
from tests.workspace.conftest import Start
from tests.workspace.terminals import PATIENCE, Person
from tests.workspace.test_proxy import WITHIN, closed, refused
from theia_bridge.leases import UNAUTHORIZED
from theia_bridge.workspace.languages.part import LIMIT
from theia_bridge.workspace.languages.protocol import Language, LanguageDidChange, LanguageList
from theia_bridge.workspace.languages.server import AHEAD, StdioServer, Stuck
from theia_bridge.workspace.protocol import WorkspaceRuntime

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAKE = """
import json, os, sys, time

def read():
    length = 0
    while (line := sys.stdin.buffer.readline()).strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return json.loads(sys.stdin.buffer.read(length)) if length else None

def write(**message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    sys.stdout.buffer.flush()

while (message := read()) is not None:
    match message["method"]:
        case "echo":
            write(id=message["id"], result=message["params"])
        case "environment":
            write(id=message["id"], result=dict(os.environ))
        case "child":
            child = os.fork()
            if not child:
                time.sleep(1000)
            write(id=message["id"], result=child)
        case "die":
            sys.exit("I die")
        case "hang":
            time.sleep(1000)
        case "babble":
            sys.stdout.buffer.write(b"\\xff" * 100_000_000)
            sys.stdout.buffer.flush()
        case "flood":
            while True:
                write(method="flood", params={"text": "x" * 100_000})
"""
APP = """\
def add(one: int, other: int) -> int:
    return one + other


wrong: int = "three"
"""
URI = "file:///workspace/app.py"


def fake(**environment: str) -> dict[str, object]:
    """A server in the settings."""
    return {"command": "/usr/bin/env", "args": ["python3", "-c", FAKE], "environment": environment}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("languages")
    languages = {
        "fake": fake(WHO="Grüße"),
        "crashing": fake(),
        "missing": {"command": "/nowhere/server"},
        "lint": {"engines": [["ruff", "server"]]},
    }
    running = Server(
        folder,
        f"embedded:{folder / 'store'}",
        WORKSPACE_FOLDER=folder / "workspaces",
        WORKSPACE_LANGUAGES=msgspec.json.encode(languages).decode(),
    )
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(server: Server) -> AsyncIterator[Person]:
    async with Person.register(server, "ada@example.com") as person:
        yield person


@contextlib.asynccontextmanager
async def connect(person: Person, language: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A language's socket, as a browser opens it."""
    url = f"{person.server.url}/ws/lsp/{language}?token={person.token}"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
        yield socket


@contextlib.asynccontextmanager
async def edit(person: Person, language: str) -> AsyncIterator[Editor]:
    """An editor on a language's socket."""
    async with connect(person, language) as socket:
        editor = over(socket, Editor)
        try:
            yield editor
        finally:
            await editor.close()


async def state(person: Person, id: str) -> Language:
    """How a language's servers are."""
    found = await person.client.call("language.list", None, LanguageList)
    return next(language for language in found.languages if language.id == id)


async def stopped(person: Person, id: str) -> Language:
    """How a language's servers are when none runs any more."""
    news = person.client.notifications({"language.didChange": LanguageDidChange})
    found = await state(person, id)
    async with asyncio.timeout(PATIENCE):
        while found.servers:
            _, params = await anext(news)
            if isinstance(params, LanguageDidChange) and params.language.id == id:
                found = params.language
    return found


async def test_python_from_the_browser_to_the_engines(ada: Person) -> None:
    async with edit(ada, "python") as editor:
        offered = await editor.initialize("file:///workspace")
        assert {"completionProvider", "documentFormattingProvider", "codeLensProvider"} <= set(offered)
        await editor.open(URI, APP)
        await editor.diagnostics(URI, lambda codes: "bad-assignment" in codes)
        await editor.change(URI, APP + "import os\nad", 2)
        assert "add" in await editor.complete(URI, 6, 2)
        await editor.diagnostics(URI, lambda codes: {"bad-assignment", "F401"} <= codes)
        lenses = await editor.request("textDocument/codeLens", {"textDocument": {"uri": URI}})
        (run,) = lenses[0]["command"]["arguments"]
        assert (run["command"], run["cwd"]) == ("/usr/bin/python3", "/workspace")
        terminal = await ada.create("test", "-f", lenses[1]["command"]["arguments"][0]["args"][0])
        async with ada.attach(terminal.id) as attached:
            assert (await attached.to_end()).code == 0  # what debug-print runs is there
        assert (await state(ada, "python")).state == "running"
        runtime = await ada.client.call("workspace.runtime", None, WorkspaceRuntime)
        assert runtime.status is not None
        assert runtime.status.languages == ["python"]
    assert (await stopped(ada, "python")).state == "stopped"


async def test_an_engine_of_ones_own_in_the_built_in_server(ada: Person) -> None:
    async with edit(ada, "lint") as editor:
        offered = await editor.initialize("file:///workspace")
        assert "documentFormattingProvider" in offered
        assert "completionProvider" not in offered
        await editor.open(URI, "import os\n")
        await editor.diagnostics(URI, lambda codes: codes == {"F401"})


async def test_another_language_is_an_entry_of_the_settings(ada: Person) -> None:
    async with edit(ada, "fake") as editor:
        assert await editor.request("echo", {"text": "Grüße"}) == {"text": "Grüße"}
        environment = await editor.request("environment", None)
        assert environment["WHO"] == "Grüße"
        assert environment["HOME"] == "/home"
        assert "PYTHONPATH" not in environment
    assert (await stopped(ada, "fake")).error is None


async def test_each_socket_has_a_server_of_its_own_that_ends_with_it(ada: Person) -> None:
    async with edit(ada, "fake") as first:
        child = await first.request("child", None)
        async with edit(ada, "fake") as second:
            assert await second.request("echo", 1) == 1
            assert (await state(ada, "fake")).servers == 2
        assert await first.request("echo", 2) == 2
    await stopped(ada, "fake")
    terminal = await ada.create("kill", "-0", str(child))
    async with ada.attach(terminal.id) as attached:
        assert (await attached.to_end()).code != 0


async def test_who_is_let_in(server: Server, ada: Person) -> None:
    assert await refused(server, "/ws/lsp/python") is HTTPStatus.UNAUTHORIZED
    assert await refused(server, f"/ws/lsp/python?token={ada.token[:-2]}xx") is HTTPStatus.UNAUTHORIZED
    assert await refused(server, f"/ws/lsp/klingon?token={ada.token}") is HTTPStatus.NOT_FOUND
    assert await refused(server, f"/ws/lsp/missing?token={ada.token}") is HTTPStatus.SERVICE_UNAVAILABLE
    assert (
        await state(ada, "missing")
    ).error == "/nowhere/server cannot be started: No such file or directory"


async def test_a_socket_closes_with_its_sign_in(server: Server) -> None:
    signed_in = await server.register("eve@example.com")
    async with server.connect(signed_in.access_token) as client:
        eve = Person(server, signed_in.access_token, client)
        async with connect(eve, "fake") as socket:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": 1})
            assert (await socket.receive_json())["result"] == 1
            await server.logout(signed_in.refresh_token)
            assert await closed(socket, WITHIN) == UNAUTHORIZED


async def test_others_have_servers_of_their_own(server: Server, ada: Person) -> None:
    async with Person.register(server, "bob@example.com") as bob, edit(ada, "fake") as hers:
        await hers.request("echo", 1)
        assert {
            language.state
            for language in (await bob.client.call("language.list", None, LanguageList)).languages
        } == {"stopped"}
        async with edit(bob, "fake") as his:
            assert await his.request("echo", 2) == 2
            assert (await state(ada, "fake")).servers == 1


DEEP = '{"jsonrpc":"2.0","method":"echo","params":' + 100_000 * "["


@pytest.mark.parametrize(
    "frame",
    ["", "no JSON", "[]", "{}", '{"jsonrpc":"1.0"}', '{"jsonrpc":"2.0","id":{}}', DEEP],
    ids=range(7),
)
async def test_garbage_closes_the_socket_and_no_other(ada: Person, frame: str) -> None:
    async with edit(ada, "fake") as other, connect(ada, "fake") as socket:
        await socket.send_str(frame)
        assert await closed(socket, PATIENCE) == WSCloseCode.INVALID_TEXT
        assert await other.request("echo", 1) == 1


async def test_a_binary_frame_closes_the_socket(ada: Person) -> None:
    async with connect(ada, "fake") as socket:
        await socket.send_bytes(b'{"jsonrpc":"2.0","method":"echo"}')
        assert await closed(socket, PATIENCE) == WSCloseCode.UNSUPPORTED_DATA
    assert (await stopped(ada, "fake")).error is None


async def test_a_server_that_dies_is_started_again_but_not_without_end(server: Server, ada: Person) -> None:
    path = f"/ws/lsp/crashing?token={ada.token}"
    for crashes in range(1, 4):
        async with connect(ada, "crashing") as socket:
            await socket.send_json({"jsonrpc": "2.0", "method": "die"})
            assert await closed(socket, PATIENCE) == WSCloseCode.SERVICE_RESTART
        found = await stopped(ada, "crashing")
        assert (found.state, found.crashes) == ("failed", crashes)
        assert found.error == "The language server has ended (exit code 1: I die)."
    async with connect(ada, "crashing") as socket:  # after a wait
        await socket.send_json({"jsonrpc": "2.0", "method": "die"})
        assert await closed(socket, PATIENCE) == WSCloseCode.SERVICE_RESTART
    await stopped(ada, "crashing")
    assert await refused(server, path) is HTTPStatus.SERVICE_UNAVAILABLE


async def test_a_server_that_says_what_is_no_message_is_ended(ada: Person) -> None:
    async with connect(ada, "fake") as socket:
        await socket.send_json({"jsonrpc": "2.0", "method": "babble"})
        assert await closed(socket, PATIENCE) == WSCloseCode.SERVICE_RESTART
    assert (await stopped(ada, "fake")).state == "failed"


async def test_one_that_hangs_or_floods_keeps_nobody_waiting(ada: Person) -> None:
    async with (
        edit(ada, "fake") as well,
        connect(ada, "fake") as hanging,
        connect(ada, "fake") as flooding,
    ):
        await hanging.send_json({"jsonrpc": "2.0", "method": "hang"})
        await flooding.send_json({"jsonrpc": "2.0", "method": "flood"})
        for _ in range(4):  # more than a pipe holds
            await hanging.send_json({"jsonrpc": "2.0", "method": "echo", "params": "x" * 1_000_000})
        assert await well.request("echo", 1) == 1
        terminal = await ada.create("cat")
        async with ada.attach(terminal.id) as attached:
            await attached.type("hello\n")
            await attached.until("hello\r\nhello\r\n")
        assert (await flooding.receive_json())["params"] == {"text": "x" * 100_000}
    await stopped(ada, "fake")


async def test_one_that_does_not_read_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("theia_bridge.workspace.languages.server.STUCK_SECONDS", 0.2)
    hanging = await StdioServer.start(["sleep", "1000"], environment={}, cwd=tmp_path, limit=1)
    with pytest.raises(Stuck):
        await hanging.send("x" * 2 * AHEAD)
    assert await hanging.end() == "it did not end by itself"


async def test_as_many_as_a_session_may_have(server: Server, ada: Person) -> None:
    async with contextlib.AsyncExitStack() as stack:
        editors = [await stack.enter_async_context(edit(ada, "fake")) for _ in range(LIMIT)]
        assert await refused(server, f"/ws/lsp/fake?token={ada.token}") is HTTPStatus.TOO_MANY_REQUESTS
        assert [await editor.request("echo", n) for n, editor in enumerate(editors)] == list(range(LIMIT))
    await stopped(ada, "fake")
    async with edit(ada, "fake") as editor:
        assert await editor.request("echo", 1) == 1


@pytest.mark.asyncio(loop_scope="function")
async def test_a_server_that_runs_no_programs_has_none(start: Start) -> None:
    async with Person.register(await start(WORKSPACE_LIMIT=0), "ada@example.com") as ada:
        assert (await ada.client.call("language.list", None, LanguageList)).languages == []


@pytest.mark.asyncio(loop_scope="function")
async def test_without_a_sandbox_files_are_elsewhere_for_the_server(start: Start) -> None:
    server = await start(WORKSPACE_SANDBOX="none")
    async with Person.register(server, "ada@example.com") as ada, edit(ada, "python") as editor:
        terminal = await ada.create("sh", "-c", "echo 'def one(): ...' > other.py")
        async with ada.attach(terminal.id) as attached:
            await attached.to_end()
        await editor.initialize("file:///workspace")
        await editor.open(URI, "from other import one\n\none()\n")
        found = await editor.request("textDocument/definition", at(URI, 2, 1))
        assert "file:///workspace/other.py" in str(found)
        assert str(server.folder) not in str(found)
        told = await editor.diagnostics(URI, lambda codes: True)
        assert told["diagnostics"] == []
        lenses = await editor.request("textDocument/codeLens", {"textDocument": {"uri": URI}})
        assert lenses[0]["command"]["arguments"][0]["cwd"].startswith(str(server.folder))
