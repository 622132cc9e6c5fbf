"""Engines together, and engines that fail: the editor goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import PATIENCE, Editor, Refused, at, server
from theia_bridge.lsp import messages

FAKE = Path(__file__).with_name("fake_engine.py")
URI = "file:///project/a.py"
STATUS = "theia-bridge/status"


class Fakes(Editor):
    """An editor whose engines do what they are told."""

    async def have(self, engine: str, what: str = "tell", params: object = None) -> Any:
        """Has one of them do something; its answer."""
        return await self.request("workspace/executeCommand", self.command(engine, what, params))

    @staticmethod
    def command(engine: str, what: str, params: object = None) -> dict[str, object]:
        return {"command": f"{engine}.command", "arguments": [what, params]}

    async def hover(self) -> Any:
        found = await self.request("textDocument/hover", at(URI, 0, 0))
        return found and found["contents"]


def fake(root: Path, name: str) -> str:
    """A program of that name which is an engine."""
    program = root / name
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {FAKE} {name}\n")
    program.chmod(0o700)
    return str(program)


@contextlib.asynccontextmanager
async def fakes(root: Path, *names: str, patience: float = 20.0) -> AsyncIterator[Fakes]:
    """An editor with engines of these names, and a document open that names all of them."""
    engines = [[fake(root, name)] for name in names]
    async with server(root, Fakes, engines=engines, patience=patience) as editor:
        await editor.initialize(root.as_uri())
        await editor.open(URI, " ".join(names))
        yield editor


def published(version: int | None, *codes: str, line: int = 0) -> dict[str, Any]:
    """What an engine publishes."""
    place = {"line": line, "character": 0}
    items = [{"code": code, "message": code, "range": {"start": place, "end": place}} for code in codes]
    return {"uri": URI, "diagnostics": items} | ({} if version is None else {"version": version})


def child(pid: int, name: str) -> int:
    """The child of a process whose command line has a name."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (found,) = [child for child in children if name in Path(f"/proc/{child}/cmdline").read_text()]
    return int(found)


async def test_pyrefly_killed_is_back_with_what_is_written_by_now(tmp_path: Path) -> None:
    async with server(tmp_path, Editor) as editor:
        await editor.initialize(tmp_path.as_uri())
        uri = (tmp_path / "a.py").as_uri()
        await editor.open(uri, "first = 1\nfir")
        assert "first" in await editor.complete(uri, 1, 3)
        await editor.change(uri, "second = 2\nsec", 2)
        await editor.diagnostics(uri, lambda codes: "unknown-name" in codes)
        os.kill(child(editor.pid, "pyrefly"), signal.SIGKILL)
        failed = await editor.until(STATUS, lambda told: told["engines"][0]["state"] == "failed")
        assert failed["engines"][1]["state"] == "running"
        assert "second" in await editor.complete(uri, 1, 3)
        status = await editor.until(STATUS, lambda told: told["engines"][0]["state"] == "running")
        assert status["engines"][0]["restarts"] == 1
        await editor.diagnostics(uri, lambda codes: "unknown-name" in codes)


@pytest.mark.parametrize("way", ["die", "babble"])
async def test_what_is_asked_of_one_that_fails_is_answered(tmp_path: Path, way: str) -> None:
    async with fakes(tmp_path, "one") as editor:
        assert await editor.hover() == "one: one"
        with pytest.raises(Refused) as refused:
            await editor.have("one", way)
        assert refused.value.code == messages.CONTENT_MODIFIED
        status = await editor.until(STATUS, lambda told: told["engines"][0]["state"] == "failed")
        why = {"die": "exit code 1: I die", "babble": "a line of a header is too long"}[way]
        assert status["engines"][0]["error"].startswith(why)
        await editor.change(URI, "now one", 2)
        assert await editor.hover() == "one: now one"


async def test_answers_cross_what_cancels_them(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        answers = []
        for _ in range(500):
            answers.append(await editor.ask("textDocument/hover", at(URI, 0, 0)))
            await asyncio.sleep(0)
            await editor.notify("$/cancelRequest", {"id": editor.last})
        for answer in answers:
            await answer
        assert await editor.hover() == "one: one two"
        for status in editor.notifications.get(STATUS, []):
            assert all("error" not in engine for engine in status["engines"])


async def test_one_that_hangs_is_given_up(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two", patience=1.0) as editor:
        asked = [
            await editor.ask("workspace/executeCommand", editor.command("one", "hang")),
            await editor.ask("textDocument/hover", at(URI, 0, 0)),
        ]
        for answer in asked:
            assert (await answer)["error"]["code"] == messages.CONTENT_MODIFIED
        status = await editor.until(STATUS, lambda told: told["engines"][0].get("restarts") == 1)
        assert status["engines"][0]["error"] == "it says nothing"
        assert await editor.hover() == "one: one two"


async def test_one_that_floods_leaves_the_others_time(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        await editor.ask("workspace/executeCommand", editor.command("one", "flood"))
        await editor.until("fake/flooding")
        assert await editor.have("two") == []


async def test_one_that_cannot_be_started_is_missed_by_nobody(tmp_path: Path) -> None:
    engines = [["/nowhere/engine"], [fake(tmp_path, "two")]]
    async with server(tmp_path, Fakes, engines=engines) as editor:
        assert (await editor.initialize(tmp_path.as_uri()))["hoverProvider"]
        await editor.open(URI, "two")
        assert await editor.hover() == "two: two"
        status = await editor.until(STATUS, lambda told: told["engines"][0]["state"] == "failed")
        assert "No such file" in status["engines"][0]["error"]


async def test_the_first_that_knows_something_answers(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        assert await editor.hover() == "one: one two"
        await editor.change(URI, "two", 2)
        assert await editor.hover() == "two: two"
        await editor.change(URI, "three", 3)
        assert await editor.hover() is None
        with pytest.raises(Refused) as refused:
            await editor.request("nobody/knows", {})
        assert refused.value.code == messages.METHOD_NOT_FOUND
        with pytest.raises(Refused) as refused:
            await editor.have("three")
        assert refused.value.code == messages.METHOD_NOT_FOUND


async def test_diagnostics_are_of_the_text_that_is_there(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        await editor.have("one", "publish", published(1, "A"))
        await editor.have("two", "publish", published(1, "B", line=2))
        told = await editor.diagnostics(URI, lambda codes: codes == {"A", "B"})
        assert told["version"] == 1
        assert [item["source"] for item in told["diagnostics"]] == ["one", "two"]
        await editor.change(URI, "one two!", 2)
        await editor.have("one", "publish", published(2, "C"))
        await editor.have("one", "publish", published(1, "late"))
        await editor.have("two", "publish", published(2))
        told = await editor.diagnostics(URI, lambda codes: True)
        assert (told["version"], [item["code"] for item in told["diagnostics"]]) == (2, ["C"])
        # One that is slow keeps nobody waiting.
        await editor.change(URI, "one two?", 3)
        await editor.have("two", "publish", published(3, "D"))
        told = await editor.diagnostics(URI, lambda codes: True)
        assert (told["version"], {item["code"] for item in told["diagnostics"]}) == (3, {"C", "D"})
        # What one that has failed said is not kept.
        await editor.ask("workspace/executeCommand", editor.command("one", "die"))
        await editor.diagnostics(URI, lambda codes: codes == {"D"})


async def test_what_both_say_is_said_once(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        await editor.have("one", "publish", published(1, "unused-import", "unknown-name"))
        await editor.have("two", "publish", published(1, "F401", "F821"))
        told = await editor.diagnostics(URI, lambda codes: True)
        assert [item["code"] for item in told["diagnostics"]] == ["unknown-name", "F401"]
        await editor.have("two", "publish", published(1, "F401", line=1))
        told = await editor.diagnostics(URI, lambda codes: True)
        assert [item["code"] for item in told["diagnostics"]] == ["unused-import", "unknown-name", "F401"]


async def test_actions_of_all_are_resolved_by_whoever_has_offered_them(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        await editor.have("one", "publish", published(1, "A"))
        await editor.have("two", "publish", published(1, "B"))
        told = await editor.diagnostics(URI, lambda codes: codes == {"A", "B"})
        strange = {**told["diagnostics"][0], "source": "strange"}
        params = at(URI, 0, 0) | {
            "range": strange["range"],
            "context": {"diagnostics": [*told["diagnostics"], strange]},
        }
        actions = await editor.request("textDocument/codeAction", params)
        assert [action["title"] for action in actions] == ["one", "one", "two", "two"]
        assert actions[1] == {"title": "one", "command": "one.command"}
        for action, name in ((actions[0], "one"), (actions[2], "two")):
            assert action["data"] == {"engine": name, "data": [name, "strange"]}
            assert await editor.request("codeAction/resolve", action) == {**action, "kind": name}
        assert await editor.request("codeAction/resolve", {"title": "nobody's"}) == {"title": "nobody's"}


async def test_to_cancel_is_passed_on(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one") as editor:
        answer = await editor.ask("workspace/executeCommand", editor.command("one", "wait"))
        await editor.notify("$/cancelRequest", {"id": editor.last})
        assert (await answer)["error"]["code"] == messages.REQUEST_CANCELLED
        (cancelled,) = await editor.have("one")
        assert cancelled["method"] == "$/cancelRequest"


async def test_what_engines_ask_is_answered(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one", "two") as editor:
        items = [{"section": "python"}, {"section": "ruff", "scopeUri": URI}]
        for name, method, params in (
            ("one", "workspace/configuration", {"items": items}),
            ("one", "client/registerCapability", {"registrations": [{"id": "A", "method": "x"}]}),
            ("two", "client/registerCapability", {"registrations": [{"id": "A", "method": "x"}]}),
            ("two", "client/registerCapability", {"registrations": [{"id": "A", "method": "x"}]}),
            ("two", "client/unregisterCapability", {"unregisterations": [{"id": "A", "method": "x"}]}),
            ("one", "window/workDoneProgress/create", {"token": 1}),
            ("two", "workspace/applyEdit", {"edit": {}}),
        ):
            await editor.have(name, "ask", {"method": method, "params": params})
        async with asyncio.timeout(PATIENCE):
            while len(await editor.have("one")) < 3 or len(await editor.have("two")) < 4:
                pass  # answers are on their way
        ids = {
            (item["method"], item["id"])
            for message in editor.asked
            for item in message["params"].get("registrations", [])
        }
        assert ids == {
            ("workspace/didChangeConfiguration", "theia-bridge/configuration"),
            *(("x", id) for id in ("one/A", "two/A", "two/A/1")),
        }
        (gone,) = [m["params"] for m in editor.asked if m["method"] == "client/unregisterCapability"]
        assert [item["id"] for item in gone["unregisterations"]] == ["two/A", "two/A/1"]
        (progress,) = [m["params"] for m in editor.asked if m["method"] == "window/workDoneProgress/create"]
        assert progress == {"token": "one/1"}
        configuration = (await editor.have("one"))[0]["result"]
        assert configuration[0]["pythonPath"].endswith("python3")
        assert configuration[1] is None
        for value in ({"kind": "begin"}, {"kind": "end"}):
            await editor.have("one", "progress", {"token": 1, "value": value})
            assert await editor.until("$/progress") == {"token": "one/1", "value": value}


async def test_what_is_not_as_specified_harms_nobody(tmp_path: Path) -> None:
    async with fakes(tmp_path, "one") as editor:
        await editor.send({"id": {}, "method": 1})
        await editor.notify("textDocument/didChange", {"nothing": "of use"})
        await editor.notify("$/cancelRequest", {"id": 12345})
        await editor.notify("$/cancelRequest", None)
        for method, params in (
            ("textDocument/codeLens", {"textDocument": 1}),
            ("textDocument/codeAction", [1]),
            ("workspace/executeCommand", None),
            ("codeAction/resolve", "text"),
            ("initialize", {"capabilities": {}}),
        ):
            with pytest.raises(Refused):
                await editor.request(method, params)
        hovers = [await editor.ask("textDocument/hover", at(URI, 0, 0)) for _ in range(50)]
        await editor.notify("$/cancelRequest", {"id": editor.last})
        answers = [await hover for hover in hovers]
        assert all("result" in answer for answer in answers[:-1])
        assert await editor.hover() == "one: one"
