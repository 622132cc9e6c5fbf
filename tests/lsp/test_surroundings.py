"""What is made or installed while the editor is open is known without a restart."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.lsp.editor import Editor, server

CODE = "import wheel_of_fortune\n\nwheel_of_fortune.spin()\n"


def make_environment(root: Path) -> Path:
    """Makes the virtual environment of a workspace; the folder of its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    (packages,) = (root / ".venv").glob("lib/python*/site-packages")
    return packages


def install(packages: Path) -> None:
    (packages / "wheel_of_fortune").mkdir()
    (packages / "wheel_of_fortune" / "__init__.py").write_text("def spin() -> int:\n    return 1\n")


async def test_an_environment_made_later_and_what_is_installed_in_it(tmp_path: Path) -> None:
    uri = (tmp_path / "main.py").as_uri()
    async with server(tmp_path, Editor) as editor:
        await editor.initialize(tmp_path.as_uri())
        await editor.open(uri, CODE)
        await editor.diagnostics(uri, lambda codes: "missing-import" in codes)
        packages = await asyncio.to_thread(make_environment, tmp_path)
        await editor.until_asked("workspace/configuration", 2)
        await asyncio.to_thread(install, packages)
        await editor.diagnostics(uri, lambda codes: "missing-import" not in codes)
        assert "spin" in await editor.complete(uri, 2, len("wheel_of_fortune."))
        lenses = await editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
        (run,) = lenses[0]["command"]["arguments"]
        assert run["command"] == str(tmp_path / ".venv/bin/python")


async def test_files_made_by_others_are_known_once_the_editor_tells_of_them(tmp_path: Path) -> None:
    uri = (tmp_path / "main.py").as_uri()
    async with server(tmp_path, Editor) as editor:
        await editor.initialize(tmp_path.as_uri())
        await editor.open(uri, CODE)
        await editor.diagnostics(uri, lambda codes: "missing-import" in codes)
        await asyncio.to_thread(install, tmp_path)
        made = (tmp_path / "wheel_of_fortune" / "__init__.py").as_uri()
        await editor.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": made, "type": 1}]})
        await editor.diagnostics(uri, lambda codes: "missing-import" not in codes)
