"""Code lenses which run a file, its tests, or either with what the file assigns printed; in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from lsprotocol import types

COMMAND = "theia-bridge.run-in-terminal"
"""The IDE's: it saves what is edited, and runs a program in a terminal. Its argument is made by `_run`."""
TRACER = Path(__file__).with_name("debug_print.py")
_TESTS = re.compile(r"(test_.*|.*_test)\.py")
_MAIN = re.compile(r"if\s+__name__\s*==")
_CLASS = re.compile(r"class\s+(Test\w*|\w+(?=\s*\([^)]*TestCase))")
_FUNCTION = re.compile(r"(?:async\s+)?def\s+(test\w*)\s*\(")
_QUOTES = re.compile(r'"""|' + "'''")


class Program(NamedTuple):
    """How to run what a lens is for."""

    python: str
    root: Path
    file: str


def lenses(text: str, program: Program) -> list[types.CodeLens]:
    """All lenses of a file.

    Args:
        program: the interpreter, the folder it is run in, and the path of the file from there.
    """
    if not text.strip():
        return []
    return list(_lenses(text, program))


def _lenses(text: str, program: Program) -> Iterator[types.CodeLens]:
    tests = _TESTS.fullmatch(PurePath(program.file).name) is not None
    if tests:
        yield _lens(0, "Run tests", program, "-m", "pytest", program.file)
    else:
        yield from _whole(0, program)
    group = ""
    for line, code in _code(text):
        if _MAIN.match(code) and line:
            yield from _whole(line, program)
        if not tests or not code.strip():
            continue
        stripped = code.lstrip()
        indent = len(code) - len(stripped)
        if not indent:
            found = _CLASS.match(code)
            group = found[1] if found else ""
            if group:
                yield _lens(line, "Run tests", program, "-m", "pytest", f"{program.file}::{group}")
        if (test := _FUNCTION.match(stripped)) and (not indent or (group and indent <= 4)):
            name = f"{group}::{test[1]}" if indent else test[1]
            yield from _one(line, program, f"{program.file}::{name}")


def _code(text: str) -> Iterator[tuple[int, str]]:
    """The lines that do not begin within a string of several lines."""
    quote = ""
    for number, line in enumerate(text.splitlines()):
        if not quote:
            yield number, line
        for found in _QUOTES.findall(line.partition("#")[0] if not quote else line):
            if not quote:
                quote = found
            elif quote == found:
                quote = ""


def _whole(line: int, program: Program) -> Iterator[types.CodeLens]:
    yield _lens(line, "Run file", program, program.file)
    yield _lens(line, "Debug-print", program, str(TRACER), program.file)


def _one(line: int, program: Program, test: str) -> Iterator[types.CodeLens]:
    yield _lens(line, "Run test", program, "-m", "pytest", test)
    yield _lens(line, "Debug-print", program, str(TRACER), program.file, "-m", "pytest", "-s", test)


def _lens(line: int, title: str, program: Program, *args: str) -> types.CodeLens:
    """One that is shown above a line."""
    at = types.Position(line=line, character=0)
    run = {
        "title": _name(program, args),
        "command": program.python,
        "args": list(args),
        "cwd": str(program.root),
    }
    return types.CodeLens(
        range=types.Range(start=at, end=at),
        command=types.Command(title=title, command=COMMAND, arguments=[run]),
    )


def _name(program: Program, args: tuple[str, ...]) -> str:
    """The title of the terminal: the file, or the test in it."""
    return PurePath(program.file).name + args[-1].removeprefix(program.file)
