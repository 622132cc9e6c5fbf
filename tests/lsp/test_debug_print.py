"""What debug-print prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from theia_bridge.lsp.lenses import TRACER

FILE = """\
import json
from other import add

def half(number):
    result = number / 2
    return result

class Broken:
    def __repr__(self):
        raise ValueError("no")

numbers = [4, add(4)]
numbers.append(half(8))
text = "x" * 1000
broken = Broken()
print(json.dumps(numbers))
"""


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TRACER), *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def write(folder: Path) -> None:
    (folder / "file.py").write_text(FILE)
    (folder / "other.py").write_text("def add(to):\n    more = to + 2\n    return more\n")


def test_it_prints_what_the_lines_of_a_file_assign(tmp_path: Path) -> None:
    write(tmp_path)
    done = run(tmp_path, "file.py")
    assert done.stdout == "[4, 6, 4.0]\n"
    lines = done.stderr.splitlines()
    assert lines[:5] == [
        "file.py:12  numbers = [4, 6]",
        "file.py:4  number = 8",
        "file.py:5  result = 4.0",
        "file.py:6  half() -> 4.0",
        "file.py:13  numbers = [4, 6, 4.0]",
    ]
    assert lines[5].startswith("file.py:14  text = 'xxx")
    assert len(lines[5]) < 200
    assert lines[6].startswith("file.py:15  broken = <Broken instance at")
    assert len(lines) == 7


def test_it_runs_a_module_that_loads_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    done = run(tmp_path, "other.py", "-m", "file")
    assert done.stdout == "[4, 6, 4.0]\n"
    assert done.stderr.splitlines() == [
        "other.py:1  to = 4",
        "other.py:2  more = 6",
        "other.py:3  add() -> 6",
    ]


def test_a_program_that_fails_fails_as_ever(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("import sys\n\ncode = 3\nsys.exit(code)\n")
    done = run(tmp_path, "file.py")
    assert (done.returncode, done.stderr) == (3, "file.py:3  code = 3\n")
